"""A pulled configuration of preprocessing against that which its recipe states.

It is `preprocessor_config.json` of Hugging Face's image processors, or `preprocess_cfg.json` of
open_clip. A field that is not named here decides no pixel.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from imgvec.encoders.manifest import Preprocessing, wrong_fields
from imgvec.errors import ModelError
from imgvec_models.hub.layout import read_preprocess

BICUBIC = 3
"""Pillow's number for it (PIL.Image.Resampling)."""


class _Part(BaseModel):
    model_config = ConfigDict(strict=True)


class _Size(_Part):
    shortest_edge: int


class _CropSize(_Part):
    height: int
    width: int


class _Config(_Part):
    do_resize: Literal[True]
    size: _Size
    resample: int
    do_center_crop: Literal[True]
    crop_size: _CropSize
    do_rescale: Literal[True]
    rescale_factor: float
    do_normalize: Literal[True]
    image_mean: tuple[float, float, float]
    image_std: tuple[float, float, float]


def require_preprocessing(path: Path, stated: Preprocessing) -> None:
    """Reject a tower whose authors prepare its pictures otherwise than its recipe does.

    Raises:
        ModelError: the file is no such configuration, or says something else; the fields are named.
    """
    if path.is_file() and b'"interpolation"' in path.read_bytes():
        _require_fields(path, _of_open_clip(read_preprocess(path), stated))
        return
    try:
        config = _Config.model_validate_json(path.read_bytes())
    except OSError:
        raise ModelError(f"{path} is missing or unreadable: pull it again") from None
    except ValidationError as problem:
        raise ModelError(
            f"{path} is not how a CLIP prepares pictures ({wrong_fields(problem)}): "
            "correct the recipe"
        ) from None
    size = stated.size
    agrees = {
        "size": config.size.shortest_edge == size,
        "resample": config.resample == BICUBIC,
        "crop_size": (config.crop_size.height, config.crop_size.width) == (size, size),
        "rescale_factor": config.rescale_factor == stated.rescale_factor,
        "image_mean": config.image_mean == stated.image_mean,
        "image_std": config.image_std == stated.image_std,
    }
    _require_fields(path, agrees)


def _of_open_clip(found: Preprocessing, stated: Preprocessing) -> Mapping[str, bool]:
    expected = stated.model_dump()
    return {field: value == expected[field] for field, value in found.model_dump().items()}


def _require_fields(path: Path, agrees: Mapping[str, bool]) -> None:
    other = [field for field, same in agrees.items() if not same]
    if other:
        raise ModelError(
            f"{path} has another {' and '.join(other)} than the recipe: correct the recipe"
        )
