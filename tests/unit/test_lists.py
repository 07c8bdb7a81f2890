"""Limits of requests with many inputs."""

import pytest

from imgvec.api.lists import check_list
from imgvec.embedding.types import EmbedRequest, ImageBytes, ImageInput, TextInput, each
from imgvec.errors import BadParameter
from imgvec.settings import Settings

IMAGE, TEXT = ImageInput(ImageBytes(b"x")), TextInput("a")
SETTINGS = Settings(max_inputs=8, max_images=3, max_answer=100_000)


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (each([TEXT] * 9, 8), "There are 9 inputs, and a request may have 8"),
        (each([IMAGE] * 4, 8), "There are 4 images, and a request may have 3"),
        (EmbedRequest(((IMAGE, IMAGE), (TEXT, IMAGE, IMAGE)), 8), "There are 4 images"),
        (
            EmbedRequest(((TEXT,) * 5, (TEXT,) * 4), 8),
            "There are 9 texts, and a request may have 8",
        ),
        # 14 bytes a number: six vectors of 1024 floats fit, five with integers too.
        (each([TEXT] * 7, 1024), "send at most 6 a request"),
        (EmbedRequest(((TEXT,),) * 6, 1024, elements=("float", "int8")), "send at most 5 a"),
    ],
)
def test_more_than_a_limit(wanted: EmbedRequest, message: str) -> None:
    with pytest.raises(BadParameter, match=message):
        check_list(wanted, SETTINGS, packed=False)


@pytest.mark.parametrize(
    ("wanted", "packed"),
    [
        (each([TEXT] * 8, 8), False),
        (each([TEXT] * 5 + [IMAGE] * 3, 8), False),
        (each([TEXT] * 6, 1024), False),
        (each([TEXT] * 8, 1024), True),
    ],
)
def test_as_much_as_a_limit(wanted: EmbedRequest, packed: bool) -> None:
    check_list(wanted, SETTINGS, packed=packed)


@pytest.mark.parametrize(("beside", "fit"), [(0, 6), (14_000, 5), (98_000, 0), (10**6, 0)])
def test_what_stands_beside_the_vectors_counts(beside: int, fit: int) -> None:
    check_list(each([TEXT] * 6, 1024), SETTINGS, packed=False)
    with pytest.raises(BadParameter, match=f"send at most {fit} a request"):
        check_list(each([TEXT] * 7, 1024), SETTINGS, packed=False, beside=beside)


def test_a_vendors_limit_is_below_the_settings() -> None:
    with pytest.raises(BadParameter, match="may have 2"):
        check_list(each([TEXT] * 3, 8), SETTINGS, packed=False, vendors=2)
