"""File names of clients, friendly and hostile."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imgvec.assets.service import clean_filename, extension


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        pytest.param("photo.jpg", "photo.jpg", id="plain"),
        pytest.param("Grüße 日本 🐈.png", "Grüße 日本 🐈.png", id="any-script"),
        pytest.param("/etc/passwd", "passwd", id="absolute"),
        pytest.param("../../up.gif", "up.gif", id="upwards"),
        pytest.param("C:\\Users\\me\\cat.bmp", "cat.bmp", id="backslashes"),
        pytest.param("a/b\\c/d.png", "d.png", id="both-separators"),
        pytest.param("a\r\nSet-Cookie: x.png", "aSet-Cookie: x.png", id="header-injection"),
        pytest.param("nul\x00.png", "nul.png", id="nul"),
        pytest.param("exe\u202egnp.bat", "exegnp.bat", id="direction-override"),
        pytest.param("lone\ud800.png", "lone.png", id="lone-surrogate"),
        pytest.param("  spaced.png \t", "spaced.png", id="surrounding-space"),
        pytest.param("", "unnamed", id="empty"),
        pytest.param("folder/", "unnamed", id="no-last-part"),
        pytest.param("..", "unnamed", id="parent"),
        pytest.param(" . ", "unnamed", id="here"),
        pytest.param("\x01\x02", "unnamed", id="only-control"),
        pytest.param("a" * 255, "a" * 255, id="longest"),
        pytest.param("b" + "a" * 252 + ".png", "a" * 251 + ".png", id="too-long-keeps-its-end"),
    ],
)
def test_names_are_reduced_to_one_visible_part(sent: str, kept: str) -> None:
    assert clean_filename(sent) == kept


@given(st.text(alphabet=st.characters(codec=None)))
@example("a" * 300 + " " * 300)
@example(" " + "x" * 255)
@example(".\u200b.")
def test_whatever_is_sent_the_name_is_safe_and_stays_as_it_is(sent: str) -> None:
    kept = clean_filename(sent)
    assert 1 <= len(kept) <= 255
    assert kept not in {".", ".."}
    assert not set(kept) & {"/", "\\"}
    assert not {unicodedata.category(char) for char in kept} & {"Cc", "Cf", "Cs"}
    kept.encode()
    assert clean_filename(kept) == kept


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        pytest.param("a.png", "png", id="plain"),
        pytest.param("A.JPEG", "jpeg", id="upper-case"),
        pytest.param("archive.tar.gz", "gz", id="last-of-two"),
        pytest.param("none", "", id="none"),
        pytest.param("dot.", "", id="nothing-after-the-dot"),
        pytest.param(".png", "", id="hidden-file"),
    ],
)
def test_extension(filename: str, expected: str) -> None:
    assert extension(filename) == expected
