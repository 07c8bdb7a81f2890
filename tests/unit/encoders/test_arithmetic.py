"""Pixels to the graph's input, and its output to a unit vector."""

import logging

import numpy as np
import pytest

from imgvec.encoders.manifest import Preprocessing
from imgvec.encoders.onnx import normaliser, unit_prefix
from imgvec.errors import InternalFault

Triple = tuple[float, float, float]


def preprocessing(rescale_factor: float, mean: Triple, std: Triple) -> Preprocessing:
    return Preprocessing(
        version=2,
        size=16,
        resize="bicubic",
        crop="centre",
        rescale_factor=rescale_factor,
        image_mean=mean,
        image_std=std,
    )


STARTER = preprocessing(1.0, (127.0,) * 3, (128.0,) * 3)
CLIP = preprocessing(
    1 / 255, (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
)
EVERY_VALUE = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)


def test_the_starter_arithmetic_is_exact_for_every_value() -> None:
    planes = normaliser(STARTER)(EVERY_VALUE)
    exact = (np.arange(256, dtype=np.float64) - 127) / 128
    for channel in range(3):
        assert np.array_equal(planes[0, channel].ravel().astype(np.float64), exact)


def test_the_clip_arithmetic_is_hugging_faces() -> None:
    planes = normaliser(CLIP)(EVERY_VALUE)
    for channel in range(3):
        mean, std = CLIP.image_mean[channel], CLIP.image_std[channel]
        expected = (np.arange(256) * CLIP.rescale_factor - mean) / std
        assert np.abs(planes[0, channel].ravel() - expected).max() < 1e-6


def test_channels_become_planes() -> None:
    pixels = np.zeros((16, 16, 3), np.uint8)
    pixels[3, 5] = (255, 128, 0)
    planes = normaliser(STARTER)(pixels)
    assert planes.shape == (1, 3, 16, 16)
    assert planes.dtype == np.float32
    assert planes.flags.c_contiguous
    assert planes[0, :, 3, 5].tolist() == [1.0, 1 / 128, -127 / 128]
    assert planes[0, :, 5, 3].tolist() == [-127 / 128] * 3


def test_pixels_are_left_as_they_are_and_may_be_read_only() -> None:
    pixels = EVERY_VALUE.copy()
    pixels.flags.writeable = False
    normaliser(STARTER)(pixels)
    assert np.array_equal(pixels, EVERY_VALUE)


def test_pixels_need_not_be_contiguous() -> None:
    mirrored = EVERY_VALUE[::-1, ::-1]
    expected = normaliser(STARTER)(np.ascontiguousarray(mirrored))
    assert np.array_equal(normaliser(STARTER)(mirrored), expected)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
@pytest.mark.parametrize("dimensions", [1, 2, 512, 1024])
def test_a_prefix_gets_norm_one_and_keeps_its_direction(scale: float, dimensions: int) -> None:
    output = np.random.default_rng(1).normal(size=1024).astype(np.float32) * np.float32(scale)
    vector = unit_prefix(output, dimensions)
    assert vector.dtype == np.float32
    assert vector.shape == (dimensions,)
    assert abs(np.linalg.norm(vector.astype(np.float64)) - 1) < 1e-6
    prefix = output[:dimensions].astype(np.float64)
    assert np.allclose(vector, prefix / np.linalg.norm(prefix), rtol=1e-6, atol=0)


def test_the_graph_output_is_left_as_it_is() -> None:
    output = np.full(8, 3, np.float32)
    unit_prefix(output, 4)
    assert output.tolist() == [3.0] * 8


@pytest.mark.parametrize(
    "values",
    [
        pytest.param([0.0, 0.0, 0.0], id="zero"),
        pytest.param([0.0, 0.0, 1.0], id="zero prefix"),
        pytest.param([1e-30, 1e-30, 1.0], id="nearly zero prefix"),
        pytest.param([1.0, np.nan, 1.0], id="NaN"),
        pytest.param([1.0, np.inf, 1.0], id="infinite"),
        pytest.param([-np.inf, 1.0, 1.0], id="minus infinite"),
    ],
)
def test_an_output_without_direction_is_our_fault(
    values: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR), pytest.raises(InternalFault) as problem:
        unit_prefix(np.array(values, np.float32), 2)
    assert problem.value.message == "Internal error"
    assert "no direction" in caplog.text


def test_what_lies_beyond_the_prefix_does_not_matter() -> None:
    assert unit_prefix(np.array([3, 4, np.nan], np.float32), 2).tolist() == pytest.approx(
        [0.6, 0.8]
    )
