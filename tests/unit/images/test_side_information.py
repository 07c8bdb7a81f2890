"""Side information changes no bit of a picture and sinks none; what is not read is named."""

import os
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imgvec.errors import NotAnImage, TooLarge
from imgvec.images.decode import ImageLimits, decode
from imgvec.images.essentials import MAX_PARTS, completed
from imgvec.images.gif import MAX_BLOCKS, GifFile
from tests.support.images.bmps import BGRA, RGB_1555, bmp_file, packed
from tests.support.images.gifs import Gif, extension
from tests.support.images.pictures import (
    encoded,
    exif,
    photo,
    photo_jpeg,
    png_file,
    stored,
)
from tests.support.images.tiny_files import rle_bitmap

SIZE = 32
LIMITS = ImageLimits(max_bytes=20_000_000, max_pixels=50_000_000, max_frames=1000)
EXAMPLES = 2000 if os.environ.get("LONG") else 100
"""`LONG=1 pytest tests/unit/images/test_side_information.py` tries 2,000."""


def chunk(kind: bytes, content: bytes = b"", sound: bool = True) -> bytes:
    checksum = zlib.crc32(kind + content) ^ (not sound)
    return struct.pack(">I4s", len(content), kind) + content + struct.pack(">I", checksum)


def chunks_of(data: bytes) -> Iterator[bytes]:
    at = 8
    while at < len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4])
        yield data[at:end]
        at = end


def inside_png(data: bytes, place: int, added: bytes) -> bytes:
    """The file with more in front of its last chunk, or of any but the first."""
    first, *others = chunks_of(data)
    others.insert(place % len(others), added)
    return data[:8] + first + b"".join(others)


def split_idat(data: bytes) -> bytes:
    """The same PNG with its pixels in chunks of 300 bytes."""
    parts: list[bytes] = []
    for whole in chunks_of(data):
        if whole[4:8] == b"IDAT":
            pixels = whole[8:-4]
            parts += (chunk(b"IDAT", pixels[at : at + 300]) for at in range(0, len(pixels), 300))
        else:
            parts.append(whole)
    return data[:8] + b"".join(parts)


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def places_of(data: bytes) -> list[int]:
    """Where a segment may stand: in front of each marker, also between scans and behind the end."""
    places = []
    at = 2
    while data[at + 1] != 0xD9:
        places.append(at)
        scan = data[at + 1] == 0xDA
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
        while scan and (data[at] != 0xFF or data[at + 1] == 0 or 0xD0 <= data[at + 1] <= 0xD7):
            at += 1
    return [*places, at, len(data)]


def same(data: bytes, plain: bytes) -> bool:
    return np.array_equal(decode(data, SIZE, LIMITS), decode(plain, SIZE, LIMITS))


PICTURE = photo("coffee", (90, 60))
CLEAR = PICTURE.copy()
CLEAR.putalpha(Image.linear_gradient("L").resize(PICTURE.size))
GREYED = PICTURE.convert("L").convert("RGB")
GREY = np.asarray(PICTURE.convert("L"), np.uint16)[..., None] * 257
PNGS = {
    "RGB": encoded(PICTURE, "PNG"),
    "RGBA": encoded(CLEAR, "PNG"),
    "palette with transparency": encoded(PICTURE.quantize(16), "PNG", transparency=3),
    "grey of 16 bits with a clear value": png_file(
        GREY, 0, (b"tRNS", struct.pack(">H", int(GREY[30, 40, 0])))
    ),
    "turned": encoded(stored(PICTURE, 6), "PNG", exif=exif(6)),
}
PNGS = {name: split_idat(data) for name, data in PNGS.items()}
JPEGS = {
    "baseline": encoded(PICTURE, "JPEG"),
    "progressive": encoded(PICTURE, "JPEG", progressive=True),
    "restarts": encoded(PICTURE, "JPEG", restart_marker_rows=1),
    "grey": encoded(PICTURE.convert("L"), "JPEG"),
    "CMYK": encoded(PICTURE.convert("CMYK"), "JPEG"),
    "RGB by Adobe's segment": encoded(PICTURE, "JPEG", keep_rgb=True),
    "turned": encoded(stored(PICTURE, 6), "JPEG", exif=exif(6)),
    "reduced": photo_jpeg(400, 300),
}

# Each was rejected before; what sank it stands in its name.

BOMB = zlib.compress(bytes(2_000_000))
SUNK_PNGS = {
    "wrong checksum of a text": chunk(b"tEXt", b"Title\0cat", sound=False),
    "gAMA of one byte": chunk(b"gAMA", b"\1"),
    "pHYs of one byte": chunk(b"pHYs", b"\1"),
    "cHRM of one byte": chunk(b"cHRM", b"\1"),
    "sRGB of nothing": chunk(b"sRGB"),
    "iCCP of nothing": chunk(b"iCCP"),
    "iCCP, compressed in an unknown way": chunk(b"iCCP", b"a\0\7abc"),
    "wrong checksum of a private chunk": chunk(b"prIv", b"abc", sound=False),
    "wrong checksum of eXIf": chunk(b"eXIf", b"", sound=False),
    "zTXt that inflates beyond 1 MB": chunk(b"zTXt", b"a\0\0" + BOMB),
    "iTXt that inflates beyond 1 MB": chunk(b"iTXt", b"a\0\1\0\0\0" + BOMB),
    "profile that inflates beyond 1 MB": chunk(b"iCCP", b"a\0\0" + BOMB),
    "text named exif": chunk(b"iTXt", b"exif\0\0\0\0\0abc"),
    "text named transparency": chunk(b"tEXt", b"transparency\0abc"),
    "text named interlace": chunk(b"tEXt", b"interlace\0abc"),
    "text named bbox": chunk(b"tEXt", b"bbox\0abc"),
    "fcTL of nothing": chunk(b"fcTL"),
    "acTL of nothing": chunk(b"acTL"),
    "acTL of 4,000 million frames, wrong checksum": chunk(b"acTL", b"\x7f" * 8, sound=False),
}


@pytest.mark.parametrize("name", SUNK_PNGS)
def test_a_png_is_that_without_its_side_information(name: str) -> None:
    for base in ("RGB", "grey of 16 bits with a clear value"):
        assert same(inside_png(PNGS[base], 0, SUNK_PNGS[name]), PNGS[base])


SUNK_JPEGS = {
    "JFIF cut short": segment(0xE0, b"JFIF\0\1"),
    "Adobe's cut short": segment(0xEE, b"Adobe\0"),
    "profile cut short": segment(0xE2, b"ICC_PROFILE\0"),
    "Photoshop's cut short": segment(0xED, b"Photoshop 3.0\x008BIM\4\4"),
}


@pytest.mark.parametrize("name", SUNK_JPEGS)
def test_a_jpeg_is_that_without_its_side_information(name: str) -> None:
    data = JPEGS["baseline"]
    assert same(data[:2] + SUNK_JPEGS[name] + data[2:], data)


def test_junk_behind_a_dropped_segment_is_skipped_as_before() -> None:
    data = JPEGS["baseline"]
    assert same(data[:2] + segment(0xED, b"Photoshop 3.0") + b"\4\4junk" + data[2:], data)


TEXTS = (b"exif", b"transparency", b"interlace", b"bbox", b"default_image", b"XML:com.adobe.xmp")
KINDS = st.sampled_from(
    [
        *(b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"bKGD", b"sBIT"),
        *(b"tIME", b"hIST", b"sPLT", b"cICP", b"mDCV", b"fcTL", b"fdAT", b"caBX", b"prIv"),
    ]
)
CONTENTS = st.one_of(
    st.binary(max_size=60),
    st.builds(lambda name, end: name + b"\0" + end, st.sampled_from(TEXTS), st.binary(max_size=30)),
    st.just(b"a\0\0" + BOMB),
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    name=st.sampled_from(sorted(PNGS)),
    added=st.lists(
        st.tuples(st.integers(0, 200), KINDS, CONTENTS, st.booleans()), min_size=1, max_size=4
    ),
)
def test_no_ancillary_chunk_changes_a_bit(
    name: str, added: list[tuple[int, bytes, bytes, bool]]
) -> None:
    """All but tRNS, eXIf (the orientation) and acTL, whose number of frames has a limit."""
    data = PNGS[name]
    for place, kind, content, sound in added:
        data = inside_png(data, place, chunk(kind, content, sound))
    assert same(data, PNGS[name])


SEGMENTS = st.one_of(
    st.sampled_from(
        [
            *((0xE0, b"JFIF\0"), (0xE0, b"JFXX\0"), (0xEE, b"Adobe"), (0xEC, b"Ducky")),
            *((0xE2, b"ICC_PROFILE\0"), (0xE2, b"MPF\0"), (0xE2, b"FPXR\0")),
            *((0xED, b"Photoshop 3.0\x008BIM\x03\xed\0\0"), (0xE2, b"Exif\0\0" * 200)),
            *((0xE1, b"http://ns.adobe.com/xap/1.0/\0"), (0xFE, b"\xff\xda\0" * 200)),
        ]
    ),
    st.tuples(st.sampled_from([*range(0xE0, 0xF0), 0xFE]), st.just(b"")),
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    name=st.sampled_from(sorted(JPEGS)),
    added=st.lists(
        st.tuples(st.integers(0, 30), SEGMENTS, st.binary(max_size=20)), min_size=1, max_size=4
    ),
)
def test_no_app_or_comment_segment_changes_a_bit(
    name: str, added: list[tuple[int, tuple[int, bytes], bytes]]
) -> None:
    """All but Exif (the orientation), and what says of samples which colours they are."""
    data = JPEGS[name]
    for place, (marker, start), end in added:
        # Five bytes of Adobe's and five of JFIF's need seven and nine more to count.
        content = start + (end[:6] if marker == 0xEE or name.startswith("RGB") else end)
        places = places_of(data)
        at = places[place % len(places)]
        data = data[:at] + segment(marker, content) + data[at:]
    assert same(data, JPEGS[name])


# Parts that stay


def test_segments_that_say_what_the_colours_are_count() -> None:
    """As every decoder has it: with JFIF's it is YCbCr, else as Adobe's says."""
    data = JPEGS["baseline"]
    rest = data[20:]
    assert data[:11] == b"\xff\xd8\xff\xe0\0\x10JFIF\0"
    adobe = segment(0xEE, b"Adobe\0\x64\0\0\0\0\0")
    assert same(data[:2] + rest, data)
    assert not same(data[:2] + adobe + rest, data)
    assert same(data[:20] + adobe + rest, data)


def test_later_frames_of_an_animation_say_nothing_of_the_first() -> None:
    turned = chunk(b"eXIf", exif(6).removeprefix(b"Exif\0\0"))
    data = encoded(PICTURE, "PNG", save_all=True, append_images=[CLEAR.convert("RGB"), GREYED])
    assert b"fcTL" in data
    assert same(inside_png(data, -1, turned), data)
    assert not same(inside_png(PNGS["RGB"], -1, turned), PNGS["RGB"])


@pytest.mark.parametrize("turn", [exif(6), exif(6)[:10]])
def test_the_orientation_of_a_jpeg_may_be_cut_over_segments(turn: bytes) -> None:
    data = encoded(PICTURE, "JPEG")
    rest = segment(0xE1, b"Exif\0\0" + exif(6)[len(turn) :])
    cut = data[:2] + segment(0xE1, turn) + rest + data[2:]
    assert same(cut, data[:2] + segment(0xE1, exif(6)) + data[2:])
    assert not same(cut, data)


EMPTY = chunk(b"prIv")
MANY: dict[str, Callable[[int], bytes]] = {
    "PNG": lambda count: inside_png(png_file(np.zeros((4, 4, 3), np.uint8), 2), 0, EMPTY * count),
    "JPEG": lambda count: JPEGS["grey"][:2] + segment(0xFE, b"") * count + JPEGS["grey"][2:],
    "WebP": lambda count: encoded(PICTURE, "WEBP") + b"many\0\0\0\0" * count,
}


@pytest.mark.parametrize("format", MANY)
def test_the_number_of_chunks_and_segments_has_a_limit(format: str) -> None:
    decode(MANY[format](MAX_PARTS - 100), SIZE, LIMITS)
    with pytest.raises(TooLarge):
        decode(MANY[format](MAX_PARTS + 1), SIZE, LIMITS)


# The end of a JPEG


WITHOUT_END: dict[str, dict[str, object]] = {
    "baseline": {},
    "restarts": {"restart_marker_blocks": 5},
    "optimised": {"optimize": True},
    "4:4:4": {"subsampling": 0},
}


@pytest.mark.parametrize("size", [(90, 60), (300, 200), (640, 480)], ids=str)
@pytest.mark.parametrize("name", WITHOUT_END)
def test_a_baseline_jpeg_may_lack_its_end_and_nothing_else(
    name: str, size: tuple[int, int]
) -> None:
    """Blocks beyond the edges, restarts and reduced scales must not hide what is missing."""
    data = encoded(photo("china", size), "JPEG", **WITHOUT_END[name])
    assert same(data[:-1], data)
    assert same(data[:-2], data)
    assert same(data[:-2] + bytes(100), data)
    for lost in (*range(3, 40), 150, 999):
        with pytest.raises(NotAnImage):
            decode(data[:-lost], SIZE, LIMITS)


@pytest.mark.parametrize("every", [1, 5, 9])
def test_a_jpeg_that_ends_before_a_restart_is_rejected(every: int) -> None:
    data = encoded(photo("china", (300, 200)), "JPEG", restart_marker_blocks=every)
    restarts = [found.start() for found in re.finditer(rb"\xff[\xd0-\xd7]", data)]
    assert len(restarts) > 20
    for at in restarts[-10:]:
        for end in (at, at + 1, at + 2):
            with pytest.raises(NotAnImage):
                decode(data[:end], SIZE, LIMITS)


@pytest.mark.parametrize("lost", [3, 16, 20])
def test_what_is_missing_is_not_hidden_by_a_reduced_scale(lost: int) -> None:
    data = encoded(photo("china", (1600, 1200)), "JPEG", subsampling=1)
    with pytest.raises(NotAnImage):
        decode(data[:-lost], SIZE, LIMITS)


def test_a_jpeg_of_several_scans_must_have_its_end() -> None:
    """That those which are there are complete says nothing of those that may be missing."""
    data = JPEGS["progressive"]
    with pytest.raises(NotAnImage):
        decode(data[:-2], SIZE, LIMITS)
    cut = JPEGS["baseline"][:-2]
    assert len(completed(cut)) == 2
    by_component = cut.replace(b"\xff\xda\0\x0c\3", b"\xff\xda\0\x0c\1")
    assert completed(by_component) == (by_component,)


def test_the_end_of_a_jpeg_is_not_looked_for_in_its_preview() -> None:
    data = JPEGS["baseline"]
    preview = segment(0xE1, b"Exif\0\0" + data)
    assert same(data[:2] + preview + data[2:-2], data)


# WebP, GIF and BMP


def webp_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Kind and content of each."""
    chunks = []
    at = 12
    while at < len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        chunks.append((data[at : at + 4], data[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    return chunks


def webp_file(chunks: list[tuple[bytes, bytes]], longer: int = 0, last: bytes = b"") -> bytes:
    """A WebP of them, which says that it is so many bytes longer than it is."""
    body = b"WEBP" + b"".join(
        kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
        for kind, content in chunks
    )
    return b"RIFF" + struct.pack("<I", max(0, len(body) + longer)) + body + last


LAYER = CLEAR.resize((400, 300))
WEBPS = {
    "lossy": encoded(PICTURE, "WEBP"),
    "lossless": encoded(PICTURE, "WEBP", lossless=True),
    "lossy with alpha": encoded(CLEAR, "WEBP"),
    "lossless with alpha": encoded(CLEAR, "WEBP", lossless=True),
    "turned": encoded(stored(PICTURE, 6), "WEBP", exif=exif(6)),
    "reduced": encoded(LAYER, "WEBP"),
    "animation": encoded(PICTURE, "WEBP", save_all=True, append_images=[GREYED]),
}
DECIDING = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"EXIF"})
WEBP_KINDS = st.one_of(
    st.sampled_from([b"ICCP", b"XMP ", b"EXIF", b"META", b"FRGM"]),
    st.binary(min_size=4, max_size=4).filter(lambda kind: kind not in DECIDING),
)
WEBP_CHUNKS = st.tuples(st.integers(0, 9), WEBP_KINDS, st.binary(max_size=60))
METADATA_FLAGS = 0x20, 0x08, 0x04
"""Of VP8X: profile, EXIF, XMP."""


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    name=st.sampled_from(sorted(WEBPS)),
    added=st.lists(WEBP_CHUNKS, max_size=4),
    flipped=st.sets(st.sampled_from(METADATA_FLAGS)),
    longer=st.integers(-300, 300),
    last=st.binary(max_size=40),
)
def test_no_metadata_of_a_webp_changes_a_bit(
    name: str,
    added: list[tuple[int, bytes, bytes]],
    flipped: set[int],
    longer: int,
    last: bytes,
) -> None:
    """All but EXIF's orientation. Only the place of VP8X is left as it is.

    A file that promises EXIF data and is cut before it counts as damaged.
    """
    chunks = webp_chunks(WEBPS[name])
    for place, kind, content in added:
        if kind == b"EXIF":
            if name == "turned":
                continue
            content = b"junk" + content
        chunks.insert(place % (len(chunks) + 1), (kind, content))
    for at, (kind, content) in enumerate(chunks):
        if kind == b"VP8X":
            flags = content[0] ^ sum(flipped)
            chunks[at] = kind, bytes((flags,)) + content[1:]
            if flags & 8 and not any(kind == b"EXIF" for kind, _ in chunks):
                longer = min(longer, 0)
    assert same(webp_file(chunks, longer, last), WEBPS[name])


def test_a_webp_without_the_exif_that_it_promises_is_rejected_only_if_it_was_cut() -> None:
    """Else a picture would lose its orientation with the end of its file."""
    data = WEBPS["turned"]
    where = data.index(b"EXIF")
    for end in (*range(where, where + 8), len(data) - 1):
        with pytest.raises(NotAnImage):
            decode(data[:end], SIZE, LIMITS)
    chunks = [one for one in webp_chunks(data) if one[0] != b"EXIF"]
    assert same(webp_file(chunks), encoded(stored(PICTURE, 6), "WEBP"))


SMALL = np.asarray(PICTURE.convert("L"))[:40, :70]
COLOURS = np.random.default_rng(3).integers(0, 256, (256, 3), np.uint8)
GIFS = {
    "grey": Gif(SMALL, (70, 40)),
    "colours": Gif(SMALL, (70, 40), common=COLOURS),
    "own colours": Gif(SMALL, (70, 40), own=COLOURS, interlaced=True),
    "transparent": Gif(SMALL, (70, 40), common=COLOURS, transparent=int(SMALL[20, 30])),
    "smaller than its screen": Gif(SMALL, (90, 60), 9, 13, common=COLOURS, disposal=2),
}
BLOCKS = st.lists(
    st.one_of(st.binary(min_size=1, max_size=255), st.sampled_from([b"\0", b"!", b",", b";"])),
    max_size=3,
)
EXTENSIONS = st.one_of(
    st.builds(extension, st.integers(0, 255).filter(lambda label: label != 0xF9), BLOCKS),
    st.builds(extension, st.sampled_from([0xFE, 0xFF, 0x01, 0xCE]), BLOCKS),
    st.builds(
        lambda name, blocks: extension(0xFF, [name, *blocks]),
        st.sampled_from([b"NETSCAPE2.0", b"XMP DataXMP", b"ICCRGBG1012", b"ANIMEXTS1.0"]),
        BLOCKS,
    ),
)
EXTENDED = st.lists(EXTENSIONS, max_size=3).map(b"".join)


@settings(max_examples=EXAMPLES, deadline=None)
@given(name=st.sampled_from(sorted(GIFS)), first=EXTENDED, then=EXTENDED, last=st.binary())
def test_no_extension_of_a_gif_changes_a_bit(
    name: str, first: bytes, then: bytes, last: bytes
) -> None:
    """All but the graphic control, of which the transparent colour is one part."""
    gif = GIFS[name]
    assert same(gif.file(first, then, last), gif.file())


@settings(max_examples=EXAMPLES, deadline=None)
@given(first=EXTENDED, between=EXTENDED, last=st.binary())
def test_no_extension_of_an_animation_changes_a_bit(
    first: bytes, between: bytes, last: bytes
) -> None:
    """Nor do those of a later frame, and its own transparent colour."""
    one, two = GIFS["colours"].file(first), GIFS["transparent"].file(between)
    frames = one[:-1] + two[13 + 768 :] + last
    assert same(frames, GIFS["colours"].file())
    assert GifFile(frames).count_frames() == 2


@pytest.mark.parametrize("label", [0x01, 0xCE, 0xFE, 0xFF])
def test_an_empty_extension_ends_where_it_ends(label: int) -> None:
    """Pillow took the picture behind it for its content."""
    for name, blocks in product(GIFS, ([], [b"NETSCAPE2.0"])):
        empty = extension(label, blocks)
        assert same(GIFS[name].file(empty, empty), GIFS[name].file())


def test_a_control_without_content_is_none() -> None:
    gif = GIFS["colours"]
    assert same(gif.file(extension(0xF9, [])), gif.file())
    assert same(gif.file(extension(0xF9, [b"\0"])), gif.file())
    with pytest.raises(NotAnImage):
        decode(gif.file(extension(0xF9, [b"\1\0\0"])), SIZE, LIMITS)


def test_the_number_of_blocks_of_a_gif_has_a_limit() -> None:
    def of(count: int) -> bytes:
        return GIFS["grey"].file(extension(0xFE, [b"a"] * count))

    decode(of(MAX_BLOCKS - 100), SIZE, LIMITS)
    with pytest.raises(TooLarge):
        decode(of(MAX_BLOCKS + 1), SIZE, LIMITS)


RGBA_SAMPLES = np.asarray(CLEAR)
BMPS = {
    "24 bits": encoded(PICTURE, "BMP"),
    "palette": encoded(PICTURE.quantize(256), "BMP"),
    "grey": encoded(PICTURE.convert("L"), "BMP"),
    "run lengths": rle_bitmap(8, 60, 40, bytes((60, 1, 0, 0)) * 39 + bytes((60, 0, 0, 1))),
    **{
        f"{bits} bits, header of {header} bytes": bmp_file(
            packed(RGBA_SAMPLES, masks, bits), masks, header
        )
        for header in (40, 56, 108, 124)
        for bits, masks in ((32, BGRA), (16, RGB_1555))
    },
}
SPARE = {
    "size of the file": (2, 6, 0),
    "reserved": (6, 10, 0),
    "size of the pixels": (34, 38, 40),
    "resolution": (38, 46, 40),
    "important colours": (50, 54, 40),
    "colour space": (70, 74, 108),
    "end points and gamma": (74, 122, 108),
    "intent, profile, reserved": (122, 138, 124),
}
"""First byte, end, and the least header that has it."""


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    name=st.sampled_from(sorted(BMPS)),
    written=st.dictionaries(
        st.sampled_from(sorted(SPARE)), st.binary(min_size=48, max_size=48), min_size=1
    ),
    gap=st.binary(max_size=40),
    last=st.binary(max_size=40),
)
def test_no_field_of_a_bmp_that_does_not_decide_pixels_changes_a_bit(
    name: str, written: dict[str, bytes], gap: bytes, last: bytes
) -> None:
    """Nor does a profile, in front of the pixels or behind them."""
    data = bytearray(BMPS[name])
    header, offset = data[14], int.from_bytes(data[10:14], "little")
    for field, content in written.items():
        start, end, least = SPARE[field]
        if header >= least:
            data[start:end] = content[: end - start]
    data[10:14] = struct.pack("<I", offset + len(gap))
    data[offset:offset] = gap
    assert same(bytes(data) + last, BMPS[name])


# Formats that are not read


def boxes(*brands: bytes) -> bytes:
    major, *others = brands
    body = b"ftyp" + major + bytes(4) + b"".join(others)
    return struct.pack(">I", len(body) + 4) + body + b"\0\0\0\x08mdatavif"


NAMED = {
    "HEIC": [boxes(b"heic", b"mif1"), boxes(b"mif1", b"mif1", b"heic"), b"\0\0\0\x1cftypheic"],
    "AVIF": [boxes(b"avif", b"mif1", b"miaf"), boxes(b"mif1", b"avif"), boxes(b"avis")],
    "JPEG XL": [b"\xff\x0a\x10", b"\0\0\0\x0cJXL \r\n\x87\n"],
    "PDF": [b"%PDF-1.7\n"],
    "SVG": [
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- a -->\n<svg/>',
    ],
    "big-endian BigTIFF": [b"MM\0+\0\x08\0\0" + bytes(8)],
}


@pytest.mark.parametrize("name", NAMED)
def test_a_format_that_is_not_read_is_named(name: str) -> None:
    for data in NAMED[name]:
        with pytest.raises(NotAnImage) as rejected:
            decode(data, SIZE, LIMITS)
        expected = f"This is {name}, which is not read; send JPEG, PNG, WebP, GIF, TIFF or BMP"
        assert rejected.value.message == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        b"<?xml?><html/>",
        b"<!doctype html>",
        boxes(b"qt  "),
        boxes(b"isom", b"mp42"),
    ],
)
def test_anything_else_has_no_name(data: bytes) -> None:
    with pytest.raises(NotAnImage) as rejected:
        decode(data, SIZE, LIMITS)
    assert rejected.value.message.startswith("Not a supported image, or a damaged one")
