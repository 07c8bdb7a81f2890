"""Element types of vectors, by their definition and by what other tools read."""

import base64
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgvec.api.mounts import json_answer
from imgvec.embedding.elements import ELEMENTS, in_base64, in_elements, json_bytes
from imgvec.encoders.integrity import read_manifest
from imgvec.encoders.onnx import OnnxEncoder
from imgvec.encoders.registry import shipped_folder
from imgvec.images.decode import decode, limits_of
from imgvec.settings import Settings
from imgvec.types import Vector
from imgvec_models.calibration.feeds import PHOTOS, photo_paths
from imgvec_models.calibration.scales import measure_scales
from imgvec_models.quality.ranking import overlap

STARTER = shipped_folder() / "starter"
SCALE = 100.0
VECTOR: Vector = np.array([0.5, -0.004, 0.0, 2.0, -2.0, 0.006, -0.0, 1e-9], np.float32)
BY_HAND = {
    "int8": [50, 0, 0, 127, -127, 1, 0, 0],
    "uint8": [178, 128, 128, 255, 1, 129, 128, 128],
    # Above 0: the first, the fourth, the sixth and the last.
    "ubinary": [0b10010101],
    "binary": [0b10010101 - 128],
}


@pytest.mark.parametrize("element", BY_HAND)
def test_each_by_hand(element: str) -> None:
    (known,) = [one for one in ELEMENTS if one == element]
    assert in_elements(VECTOR, known, SCALE).tolist() == BY_HAND[element]


@pytest.mark.parametrize("element", ["int8", "uint8"])
def test_integers_need_a_scale(element: str) -> None:
    (known,) = [one for one in ELEMENTS if one == element]
    with pytest.raises(ValueError, match="needs a scale"):
        in_elements(VECTOR, known, None)


@pytest.mark.parametrize(
    ("element", "dtype"),
    [("float", "<f4"), ("int8", "i1"), ("uint8", "u1"), ("binary", "i1"), ("ubinary", "u1")],
)
def test_base64_is_the_same_numbers(element: str, dtype: str) -> None:
    (known,) = [one for one in ELEMENTS if one == element]
    values = in_elements(VECTOR, known, SCALE)
    read = np.frombuffer(base64.b64decode(in_base64(values), validate=True), dtype)
    assert read.tobytes() == values.tobytes()
    assert (
        np.array(json.loads(bytes(json_answer(values).body)), dtype).tobytes() == values.tobytes()
    )


@given(
    st.lists(st.floats(-1, 1, width=32), min_size=8, max_size=64).filter(lambda v: len(v) % 8 == 0)
)
def test_an_answer_is_never_longer_than_was_judged(values: list[float]) -> None:
    """Numbers with exponents are longer than most, and no vector has many of them."""
    vector = np.array([round(value, 7) for value in values], np.float32)
    for element in ELEMENTS:
        written = in_elements(vector, element, SCALE)
        most = json_bytes(vector.size, element, packed=False)
        assert len(json_answer(written).body) <= most + (vector.size if element == "float" else 0)
        assert len(in_base64(written)) + 2 <= json_bytes(vector.size, element, packed=True)


def test_the_starters_scales_are_those_of_the_calibration() -> None:
    manifest = read_manifest(STARTER)
    told = {space.dimensions: space.scale for space in manifest.spaces}
    measured = measure_scales(OnnxEncoder(STARTER))
    assert told == pytest.approx(measured, rel=1e-3)


@pytest.mark.parametrize("dimensions", [512, 768, 1024])
def test_the_neighbours_that_integers_and_bits_keep(dimensions: int) -> None:
    encoder = OnnxEncoder(STARTER)
    limits = limits_of(Settings())
    side, geometry = encoder.image_size, encoder.geometry
    pixels = [decode(path.read_bytes(), side, limits, geometry) for path in photo_paths(PHOTOS)]
    floats = np.stack([encoder.encode_image(one, dimensions) for one in pixels])
    scale = encoder.scales[dimensions]
    whole = np.stack([in_elements(one, "int8", scale) for one in floats]).astype(np.float64)
    packed = np.stack([in_elements(one, "ubinary", None) for one in floats])
    signs = np.unpackbits(packed, axis=1).astype(np.float64) * 2 - 1
    cosines = (floats * whole).sum(1) / np.linalg.norm(whole, axis=1)
    kept = {
        name: overlap(floats, one.astype(np.float32))
        for name, one in (("int8", whole), ("binary", signs))
    }
    print(f"{dimensions}: int8 cosine at least {cosines.min():.4f}, top-10 {kept}")
    assert cosines.min() > 0.999
    assert kept["int8"] > 0.97
    assert kept["binary"] > 0.7


def test_a_scale_is_no_part_of_the_revision() -> None:
    manifest = read_manifest(STARTER)
    spaces = tuple(space.model_copy(update={"scale": None}) for space in manifest.spaces)
    assert manifest.model_copy(update={"spaces": spaces}).revision == manifest.revision
