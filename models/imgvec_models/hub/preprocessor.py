"""A pulled `preprocessor_config.json` against the preprocessing that its recipe states.

The fields are those of Hugging Face's image processors; what is not named here decides no pixel.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from imgvec.encoders.manifest import Preprocessing, wrong_fields
from imgvec.errors import ModelError

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
    """Refuse a tower whose authors prepare its pictures otherwise than its recipe does.

    Raises:
        ModelError: the file is no such configuration, or says something else; the fields are named.
    """
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
    other = [field for field, same in agrees.items() if not same]
    if other:
        raise ModelError(
            f"{path} has another {' and '.join(other)} than the recipe: correct the recipe"
        )
