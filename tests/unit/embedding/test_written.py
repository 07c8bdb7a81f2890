"""Images as text: base64 by the letter of RFC 4648, data URIs by the habits of clients."""

import base64
from collections.abc import Callable

import pytest

from imgvec.embedding.written import decode_base64, decode_data_uri
from imgvec.errors import BadParameter, TooLarge

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
        pytest.param("QU\xa0JD", id="space that is not ASCII"),
        pytest.param(" \r\n", id="white space alone"),
        pytest.param("QUJD\n=", id="padding where none is due, behind a line break"),
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


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda text: base64.encodebytes(BYTES).decode(),
        lambda text: "\r\n".join(text[at : at + 64] for at in range(0, len(text), 64)) + "\r\n",
        lambda text: f" \t{text}\f\n",
        lambda text: " ".join(text),
        lambda text: text[:-1] + "\n" + text[-1],
    ],
    ids=["lines of 76", "lines of 64", "around", "everywhere", "in the padding"],
)
def test_white_space_is_ignored(wrapped: Callable[[str], str]) -> None:
    assert decode_base64(wrapped(STANDARD), len(BYTES)) == BYTES
    assert decode_data_uri(f"data:image/png;base64,{wrapped(STANDARD)}", ROOM) == BYTES


def test_a_space_of_a_form_is_a_plus() -> None:
    """Forms and queries write a space as `+`, and clients forget to escape theirs."""
    sent = STANDARD.replace("+", " ")
    assert " " in sent
    assert decode_base64(f" {sent}\n", ROOM, spaces="+") == BYTES
    broken = f"{sent[:76]}\r\n{sent[76:]}"
    assert decode_data_uri(f"data:;base64, {broken}", ROOM, spaces="+") == BYTES


def test_escaped_white_space_in_a_uri_is_ignored() -> None:
    escaped = STANDARD[:76] + "%0D%0a" + STANDARD[76:].replace("+", "%2b") + "%20"
    assert decode_data_uri(f"data:image/png;base64,{escaped}", ROOM) == BYTES


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
