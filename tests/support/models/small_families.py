"""The small towers of golden/ that family_towers.py exported, and inputs for them."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

import numpy as np
import onnx

from imgvec_models.build.heads import heads_of
from imgvec_models.build.pulled import Pulled
from imgvec_models.graphs.compose import compose
from imgvec_models.graphs.exact import exact_attention
from imgvec_models.graphs.fuse import fuse
from imgvec_models.graphs.native import find_native
from imgvec_models.graphs.run import Feed
from imgvec_models.graphs.trim import trim
from imgvec_models.quantisation.quantise import quantise
from imgvec_models.quantisation.scheme import SCHEMES

GOLDEN = Path(__file__).parent / "golden"
SIDE, TOKENS, VOCABULARY, JOINT = 64, 12, 64, 16
PAD = 1
OUTPUT: Final = f"embedding_{JOINT}"


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


def composed(family: Family, joint: int = JOINT) -> onnx.ModelProto:
    """The tower with its unit embedding as an output, in float32."""
    model = family.pulled.load()
    tower: Literal["image", "text"] = "text" if family.tower == "text" else "image"
    return compose(model, find_native(model, "embedding"), [joint], tower)


def fused(family: Family) -> onnx.ModelProto:
    """The tower after fusion, in float32."""
    return onnx.load_from_string(_fused(family))


def built(family: Family, scheme: str) -> onnx.ModelProto:
    """The tower as it would be served."""
    return onnx.load_from_string(_built(family, scheme))


@cache
def _fused(family: Family) -> bytes:
    serialised: bytes = fuse(composed(family), family.feeds(1)[0]).SerializeToString()
    return serialised


@cache
def _built(family: Family, scheme: str) -> bytes:
    model = fused(family)
    whole = quantise(model, family.feeds(40), SCHEMES[scheme], in_float=heads_of(model))
    serialised: bytes = exact_attention(trim(whole)).SerializeToString()
    return serialised
