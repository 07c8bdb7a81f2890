"""The sizes of CLIP's towers (Radford et al. 2021, table 20), and of one small enough for tests."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Transformer:
    """A stack of pre-norm blocks; every head has `width / heads` channels."""

    width: int
    layers: int
    heads: int
    expansion: int = 4
    """Width between the two layers of a block's perceptron, in multiples of `width`."""


@dataclass(frozen=True, slots=True)
class Clip:
    """Both towers of one CLIP model."""

    image: Transformer
    text: Transformer
    image_size: int
    """Height and width in pixels."""
    patch: int
    """Height and width of a patch in pixels, which is the stride too."""
    joint: int
    """Width of the space where image and text meet."""
    vocabulary: int
    positions: int
    """The longest text, in tokens."""

    @property
    def patches(self) -> int:
        """Patches of an image; the class token comes in addition."""
        return (self.image_size // self.patch) ** 2


B32 = Clip(
    image=Transformer(width=768, layers=12, heads=12),
    text=Transformer(width=512, layers=12, heads=8),
    image_size=224,
    patch=32,
    joint=512,
    vocabulary=49408,
    positions=77,
)
L14 = Clip(
    image=Transformer(width=1024, layers=24, heads=16),
    text=Transformer(width=768, layers=12, heads=12),
    image_size=224,
    patch=14,
    joint=768,
    vocabulary=49408,
    positions=77,
)
SMALL = Clip(
    image=Transformer(width=64, layers=2, heads=4),
    text=Transformer(width=48, layers=2, heads=4),
    image_size=32,
    patch=8,
    joint=32,
    vocabulary=300,
    positions=16,
)
