"""immich's layout of an encoder on the hub: what its configuration says, as parts of a recipe.

    config.json                     open_clip's: embed_dim, vision_cfg, text_cfg
    visual/model.onnx               visual/preprocess_cfg.json
    textual/model.onnx              textual/tokenizer.json, textual/tokenizer_config.json

An encoder without `textual/` embeds images only.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveInt, ValidationError

from imgvec.encoders.manifest import Preprocessing, TextInput, wrong_fields
from imgvec.errors import ModelError

CONFIG: Final = "config.json"
PREPROCESS: Final = "visual/preprocess_cfg.json"
TOKENIZER_CONFIG: Final = "textual/tokenizer_config.json"
IMAGE: Final = "visual/model.onnx"
TEXT: Final = "textual/model.onnx"
TOKENIZER: Final = "textual/tokenizer.json"

MOST_CHARACTERS: Final = 8192
COMPOSED: Final = (512, 768, 1024)
"""Dimensions that the vendors of the dialects have, and that pooled features may fill."""


def _side(value: object) -> object:
    """The side of a square, which may be written as height and width."""
    if isinstance(value, list | tuple) and len(value) == 2 and value[0] == value[1]:
        return value[0]
    return value


def _channels(value: object) -> object:
    """One number stands for all three channels."""
    return [value] * 3 if isinstance(value, int | float) else value


def _token(value: object) -> object:
    """A token, which Hugging Face may write with its properties."""
    return value.get("content") if isinstance(value, dict) else value


Channels = Annotated[tuple[float, float, float], BeforeValidator(_channels)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Cleaning(_Part):
    clean: Literal["lower", "whitespace", "canonicalize"] | None = None
    strip_sep_token: Literal[False] = False


class TextConfig(_Part):
    """open_clip's text_cfg."""

    context_length: Annotated[int, Field(ge=2)] = 77
    hf_tokenizer_name: str | None = None
    tokenizer_kwargs: _Cleaning = _Cleaning()

    @property
    def clean(self) -> Literal["whitespace", "canonicalize"]:
        """The cleaning before the tokens; CLIP's own tokenizer lowers the case itself."""
        return "canonicalize" if self.tokenizer_kwargs.clean == "canonicalize" else "whitespace"


class ImageConfig(_Part):
    """open_clip's vision_cfg."""

    layers: int | list[int] = 12
    width: PositiveInt = 768
    patch_size: PositiveInt | None = None
    timm_model_name: str | None = None

    @property
    def pooled(self) -> int | None:
        """Dimensions of the normed features before the projection: open_clip's own ViT has them."""
        own = self.timm_model_name is None and isinstance(self.layers, int)
        return self.width if own else None

    def tokens(self, size: int) -> int:
        """Length of the image's sequence; of a convolutional tower, the cells of its last map."""
        named = re.search(r"patch(\d+)", self.timm_model_name or "")
        patch = int(named[1]) if named else self.patch_size or 32
        cells = (size // patch) ** 2
        return cells if self.timm_model_name else cells + 1


class Config(_Part):
    """open_clip's configuration of an encoder."""

    embed_dim: PositiveInt
    vision_cfg: ImageConfig
    text_cfg: TextConfig

    @property
    def dimensions(self) -> tuple[int, ...]:
        """The joint embedding, and what can be composed of it and the pooled features."""
        most = self.embed_dim + (self.vision_cfg.pooled or 0)
        return self.embed_dim, *(wide for wide in COMPOSED if self.embed_dim < wide <= most)


class _Preprocess(_Part):
    size: Annotated[PositiveInt, BeforeValidator(_side)]
    mean: Channels
    std: Channels
    interpolation: Literal["bicubic", "bilinear", "lanczos", "antialias"] = "bicubic"
    resize_mode: Literal["shortest", "squash"] = "shortest"
    mode: Literal["RGB"] = "RGB"


class _TokenizerConfig(_Part):
    pad_token: Annotated[str, BeforeValidator(_token), Field(min_length=1)]


Read = TypeVar("Read", bound=BaseModel)


def read_config(path: Path) -> Config:
    """Read `config.json`.

    Raises:
        ModelError: it is none of open_clip's; the sentence names the fields.
    """
    return _read(path, Config.model_validate_json, "a configuration of open_clip")


def read_preprocess(path: Path) -> Preprocessing:
    """Read `preprocess_cfg.json`.

    Raises:
        ModelError: it says what imgvec does not do; the sentence names the fields.
    """
    found = _read(path, _Preprocess.model_validate_json, "a preprocessing that imgvec knows")
    return Preprocessing(
        version=2,
        size=found.size,
        # "antialias" is Pillow's old name of it.
        resize="lanczos" if found.interpolation == "antialias" else found.interpolation,
        crop="centre" if found.resize_mode == "shortest" else "none",
        rescale_factor=1 / 255,
        image_mean=found.mean,
        image_std=found.std,
    )


def read_text(path: Path, config: TextConfig) -> TextInput:
    """Read `tokenizer_config.json`; the names of the inputs are those of open_clip's exports.

    Raises:
        ModelError: it names no token that pads.
    """
    found = _read(path, _TokenizerConfig.model_validate_json, "a tokenizer's configuration")
    return TextInput(
        ids="text",
        pad_token=found.pad_token,
        clean=config.clean,
        max_tokens=config.context_length,
        max_characters=MOST_CHARACTERS,
    )


def _read(path: Path, parse: Callable[[bytes], Read], kind: str) -> Read:
    try:
        return parse(path.read_bytes())
    except ValidationError as problem:
        raise ModelError(f"{path.name} is not {kind} ({wrong_fields(problem)})") from None
