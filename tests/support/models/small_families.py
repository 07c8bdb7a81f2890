"""The small towers of golden/ that family_towers.py exported, and inputs for them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from imgvec_models.build.pulled import Pulled
from imgvec_models.graphs.run import Feed

GOLDEN = Path(__file__).parent / "golden"
SIDE, TOKENS, VOCABULARY, JOINT = 64, 12, 64, 16
PAD = 1


@dataclass(frozen=True, slots=True)
class Family:
    """A small tower."""

    name: str
    pooled: int | None
    """Dimensions of the normed features before its projection, if it has any."""
    attentions: int
    """How many of them are fused to one node."""
    takes_any_batch: bool = True
    same_in_batches: bool = True
    """Whether its vectors keep their bits there; a server batches no other encoder."""

    @property
    def pulled(self) -> Pulled:
        """Its file."""
        return Pulled(GOLDEN, f"{self.name}.onnx")

    @property
    def tower(self) -> str:
        """`image` or `text`, which its input is called too."""
        return "text" if "text" in self.name else "image"

    def feeds(self, count: int, seed: int = 0) -> list[Feed]:
        """Random pictures of smooth patches, or texts of 3 to 12 tokens: batches of one."""
        random = np.random.default_rng(seed)
        if self.tower == "image":
            coarse = random.normal(0, 1, (count, 1, 3, 8, 8)).astype(np.float32)
            fine = coarse.repeat(SIDE // 8, axis=3).repeat(SIDE // 8, axis=4)
            return [{"image": one} for one in fine]
        feeds: list[Feed] = []
        for _ in range(count):
            ids = random.integers(3, VOCABULARY, (1, TOKENS))
            ids[0, random.integers(3, TOKENS + 1) :] = PAD
            feeds.append({"text": ids})
        return feeds


FAMILIES = (
    Family("siglip_image", None, 2),
    Family("siglip_image_static", None, 2, takes_any_batch=False),
    Family("siglip_text", JOINT, 2),
    Family("xlmr_text", None, 0),
    Family("resnet_image", None, 1, same_in_batches=False),
    Family("fastvit_image", None, 1),
)
