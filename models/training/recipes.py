"""The settings of training; chosen on the validation split."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """How heads are trained, and their size."""

    width: int
    """Values in each of the four blocks."""
    hidden_image: int
    hidden_text: int
    epochs: int
    pictures: int
    """Of each collection in a batch, besides the photos."""
    image_neighbours: float
    """Weight of keeping the image tower's neighbourhoods."""
    text_neighbours: float
    """Weight of keeping the text tower's."""
    knowledge: float
    """Weight of agreeing with the image tower's own classes."""
    batch: int = 512
    rate: float = 1e-3
    decay: float = 0.05
    dropout_image: float = 0.3
    dropout_text: float = 0.2
    noise: float = 0.05
    """Standard deviation of what is added to standardised features."""
    classes: int = 400
    """Of ImageNet's, drawn anew at each step."""
    seed: int = 1


STARTER = Recipe(
    width=255,
    hidden_image=1024,
    hidden_text=768,
    epochs=12,
    pictures=80,
    image_neighbours=0.7,
    text_neighbours=0.3,
    knowledge=1.0,
    rate=8e-4,
    classes=500,
)
"""Photos, drawings, objects and ImageNet's names, with both towers' neighbourhoods kept."""

OFFSET = 1.3
"""The recipe that brings near-duplicates above 0.95 and leaves different photos below 0.85."""
