"""Images as text: base64 as browsers read it, data URIs by the habits of clients."""

import base64
from collections.abc import Callable

import pytest

from imgvec.embedding.written import decode_base64, decode_data_uri
from imgvec.errors import BadParameter, TooLarge
from imgvec.types import FormText

ROOM = 1_000_000
# Its base64 has both characters in which the two alphabets differ.
BYTES = bytes(range(256)) + b"\xfb\xef\xbe\xff\xff"
STANDARD = base64.b64encode(BYTES).decode()
URL_SAFE = base64.urlsafe_b64encode(BYTES).decode()


def test_the_sample_has_both_alphabets() -> None:
    assert {"+", "/"} <= set(STANDARD)
    assert {"-", "_"} <= set(URL_SAFE)


@pytest.mark.parametrize("length", range(1, 9))
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("padded", [True, False])
def test_every_length_and_alphabet_is_read(
    length: int, encode: Callable[[bytes], bytes], padded: bool
) -> None:
    data = BYTES[-length:]
    text = encode(data).decode()
    assert decode_base64(text if padded else text.rstrip("="), ROOM) == data


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("=", id="padding alone"),
        pytest.param("====", id="a quartet of padding"),
        pytest.param("QUJD=", id="padding where none is due"),
        pytest.param("QUI==", id="too much padding"),
        pytest.param("QQ=", id="too little padding"),
        pytest.param("QQ=Q", id="padding inside"),
        pytest.param("QQ==QUJD", id="text after padding"),
        pytest.param("QUJDR", id="a lone last character"),
        pytest.param("QU\xa0JD", id="no-break space"),
        pytest.param("QU\x0bJD", id="vertical tab"),
        pytest.param("QU*D", id="character of no alphabet"),
        pytest.param("+_8=", id="both alphabets, plus and underscore"),
        pytest.param("/-8=", id="both alphabets, slash and minus"),
        pytest.param("QUÄD", id="not ASCII"),
        pytest.param("QU\ud800D", id="lone surrogate"),
        pytest.param("QU\0D", id="null"),
        pytest.param("%51%55%4A%44", id="percent escapes"),
    ],
)
def test_anything_else_is_a_bad_parameter(text: str) -> None:
    with pytest.raises(BadParameter):
        decode_base64(text, ROOM)


@pytest.mark.parametrize("text", ["", "=", "==", "===", "====", "=" * 1000])
def test_padding_alone_is_an_empty_image(text: str) -> None:
    with pytest.raises(BadParameter, match="The image is empty"):
        decode_base64(text, ROOM)


@pytest.mark.parametrize("size", [999, 1000, 1001, 1002])
@pytest.mark.parametrize("padded", [True, False])
def test_the_limit_is_exact(size: int, padded: bool) -> None:
    text = base64.b64encode(bytes(size)).decode()
    text = text if padded else text.rstrip("=")
    assert len(decode_base64(text, size)) == size
    with pytest.raises(TooLarge):
        decode_base64(text, size - 1)


WRAPPINGS: dict[str, Callable[[str], str]] = {
    "Java and Ruby": lambda text: "\r\n".join(wrapped(text, 76)),
    "base64": lambda text: "".join(f"{line}\n" for line in wrapped(text, 76)),
    "PEM": lambda text: "\n".join(wrapped(text, 64)),
    "spaces": lambda text: " ".join(wrapped(text, 76)),
    "inside a quartet": lambda text: "\n".join(wrapped(text, 7)),
    "inside the padding": lambda text: "\n".join(text),
    "ends": lambda text: f" \t\r\n{text}\f\n",
}


def wrapped(text: str, width: int) -> list[str]:
    return [text[at : at + width] for at in range(0, len(text), width)]


@pytest.mark.parametrize("name", WRAPPINGS)
@pytest.mark.parametrize("text", [STANDARD, URL_SAFE, STANDARD.rstrip("="), STANDARD[:-3] + "Q=="])
def test_white_space_is_dropped(name: str, text: str) -> None:
    assert decode_base64(WRAPPINGS[name](text), ROOM) == decode_base64(text, ROOM)


@pytest.mark.parametrize("size", [998, 999, 1000])
def test_white_space_is_no_part_of_the_size(size: int) -> None:
    text = WRAPPINGS["Java and Ruby"](base64.b64encode(bytes(size)).decode())
    assert len(decode_base64(text, size)) == size
    with pytest.raises(TooLarge):
        decode_base64(text, size - 1)


LOST = bytes.fromhex("fbefbe" * 30 + "fb")
"""Its base64 is nearly all `+`."""


@pytest.mark.parametrize(
    "data", [LOST, b"\0" + LOST, b"\0\0" + LOST, BYTES, LOST[:-1]], ids=["1", "2", "3", "4", "5"]
)
@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("name", ["as it is", "base64", "Java and Ruby", "ends"])
def test_a_plus_that_a_form_made_a_space_is_a_plus(data: bytes, padded: bool, name: str) -> None:
    """Not at the beginning, where no image has one and people paste spaces."""
    text = "AAAA" + base64.b64encode(data).decode()
    text = text if padded else text.rstrip("=")
    changed = WRAPPINGS.get(name, str)(text).replace("+", " ")
    assert decode_base64(FormText(changed), ROOM) == b"\0\0\0" + data
    uri = FormText(f"data:image/png;base64, {changed}")
    assert decode_data_uri(uri, ROOM) == b"\0\0\0" + data


def test_a_space_in_a_form_of_the_url_safe_alphabet_is_white_space() -> None:
    assert decode_base64(FormText(" ".join(wrapped(URL_SAFE, 76))), ROOM) == BYTES


def test_size_is_judged_before_the_alphabet_is_looked_at() -> None:
    with pytest.raises(TooLarge):
        decode_base64("*" * 2000, 1000)


def test_a_message_never_repeats_what_was_sent() -> None:
    with pytest.raises(BadParameter) as caught:
        decode_base64("secret*secret", ROOM)
    assert "secret" not in caught.value.message


@pytest.mark.parametrize(
    "head",
    [
        pytest.param("data:image/png;base64,", id="plain"),
        pytest.param("DATA:image/png;BASE64,", id="upper case"),
        pytest.param("data:;base64,", id="no media type"),
        pytest.param("data:image/jpg;base64,", id="media type that does not exist"),
        pytest.param("data:text/html;base64,", id="wrong media type"),
        pytest.param("data:image/png;charset=utf-8;base64,", id="parameter before"),
        pytest.param("data:image/png;base64;charset=utf-8,", id="parameter after"),
        pytest.param("data:image/png;name=a.png; base64,", id="space before base64"),
        pytest.param("data:image/png;base64, ", id="space after the comma"),
        pytest.param("data:image/png;base64,%0A", id="escaped line break"),
        pytest.param("data:image/png;base64,%0d%0a%20", id="escaped line break and space"),
        pytest.param("\n data:image/png;base64,\n", id="line breaks around"),
    ],
)
def test_labels_of_a_data_uri_are_taken_as_they_come(head: str) -> None:
    assert decode_data_uri(head + STANDARD, ROOM) == BYTES
    assert decode_data_uri(head + URL_SAFE, ROOM) == BYTES


@pytest.mark.parametrize("upper", [True, False])
def test_escaped_base64_in_a_data_uri_is_read(upper: bool) -> None:
    payload = STANDARD + "=" * (-len(STANDARD) % 4)
    for character in "+/=":
        escape = f"%{ord(character):02X}"
        payload = payload.replace(character, escape if upper else escape.lower())
    assert "%" in payload
    assert decode_data_uri("data:image/png;base64," + payload, len(BYTES)) == BYTES


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("data:image/png," + STANDARD, id="no base64"),
        pytest.param("data:base64," + STANDARD, id="base64 as the media type"),
        pytest.param("data:image/png;base64" + STANDARD, id="no comma"),
        pytest.param("image/png;base64," + STANDARD, id="no scheme"),
        pytest.param("date:image/png;base64," + STANDARD, id="another scheme"),
        pytest.param("data:image/png;base64,", id="nothing inside"),
        pytest.param("data:image/png;base64,%41%41%41%41", id="other escapes"),
        pytest.param("data:image/png;base64,QU%3", id="half an escape"),
        pytest.param("data:image/png;base64,QUJD,QUJD", id="second comma"),
    ],
)
def test_other_data_uris_are_bad_parameters(uri: str) -> None:
    with pytest.raises(BadParameter):
        decode_data_uri(uri, ROOM)


def test_a_data_uri_has_the_limit_of_its_payload() -> None:
    uri = "data:image/png;base64," + base64.b64encode(bytes(300)).decode()
    assert len(decode_data_uri(uri, 300)) == 300
    with pytest.raises(TooLarge):
        decode_data_uri(uri, 299)
