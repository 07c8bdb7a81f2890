"""The settings of the experts; chosen on the validation split."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one expert is trained, and its size."""

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


CAPTIONS = Recipe(
    width=80,
    hidden_image=384,
    hidden_text=256,
    epochs=40,
    pictures=0,
    image_neighbours=0.0,
    text_neighbours=0.0,
    knowledge=0.0,
    dropout_image=0.5,
    dropout_text=0.4,
)
"""Photos and their captions, and nothing else: it retrieves best, and knows only what it saw."""

NAMES = Recipe(
    width=112,
    hidden_image=512,
    hidden_text=384,
    epochs=24,
    pictures=96,
    image_neighbours=0.7,
    text_neighbours=0.3,
    knowledge=1.0,
)
"""Drawings, objects and ImageNet's names too, with both towers' neighbourhoods kept."""

LINEAR_WIDTH = 63
"""Values in each block of the expert in closed form."""
SHARES = (0.1, 0.1, 0.8)
"""Of the linear expert, captions and names in the cosine: a dial between captions and names.

At 0.6 for names retrieval on the validation split is a point better, and three quarters of the
trained names are found among all; at 0.8 nine tenths are.
"""
OFFSET = 2.0
"""What brings near-duplicates above 0.95."""
