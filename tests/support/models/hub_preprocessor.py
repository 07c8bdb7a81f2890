"""A `preprocessor_config.json` as the hub has it; for CLIP's own values, to the last byte."""

import json

from imgvec.encoders.manifest import Preprocessing

KEYS = """images do_resize size resample do_center_crop crop_size do_rescale rescale_factor
do_normalize image_mean image_std do_convert_rgb return_tensors data_format input_data_format"""


def preprocessor_config(preprocessing: Preprocessing) -> bytes:
    """The file for an encoder's preprocessing."""
    config = {
        "_valid_processor_keys": KEYS.split(),
        "crop_size": {"height": preprocessing.size, "width": preprocessing.size},
        "do_center_crop": True,
        "do_convert_rgb": True,
        "do_normalize": True,
        "do_rescale": True,
        "do_resize": True,
        "image_mean": preprocessing.image_mean,
        "image_processor_type": "CLIPImageProcessor",
        "image_std": preprocessing.image_std,
        "resample": 3,
        "rescale_factor": preprocessing.rescale_factor,
        "size": {"shortest_edge": preprocessing.size},
    }
    return f"{json.dumps(config, indent=2)}\n".encode()
