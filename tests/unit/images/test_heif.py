"""AVIF and HEIC: read where that is switched on, by a process that is held to what it may cost."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imgvec.errors import NotAnImage, RequestError, SettingsError, TooLarge
from imgvec.images import heif, heif_decoder
from imgvec.images.decode import ImageLimits, decode, limits_of
from imgvec.images.formats import damage_refused
from imgvec.images.heif import HeifFile
from imgvec.images.heif_decoder import FACTOR, HEADER, LENGTH, PICTURE
from imgvec.settings import ExtraFormat, Settings, load_settings
from tests.support.images.heif_files import (
    DEEP_AVIF,
    WRITERS,
    avif,
    heic,
    heic_of_samples,
    said_smaller,
)
from tests.support.images.pictures import ORIENTATIONS, encoded, exif, photo, stored
from tests.support.server.places import ROOT, imgvec

FORMATS = get_args(ExtraFormat)
OFF = ImageLimits(max_bytes=20_000_000, max_pixels=50_000_000, max_frames=1000)
LIMITS = replace(OFF, extra_formats=frozenset(FORMATS))
SIZE = 48
EXAMPLES = 2000 if os.environ.get("LONG") else 100
"""`LONG=1 pytest tests/unit/images/test_heif.py` tries 2,000."""

PICTURE_SIZE = (96, 64)
COFFEE = photo("coffee", PICTURE_SIZE)
CLEAR = COFFEE.copy()
CLEAR.putalpha(Image.linear_gradient("L").resize(PICTURE_SIZE))
FILES = {format: write(COFFEE) for format, write in WRITERS.items()}

both = pytest.mark.parametrize("format", FORMATS)


def here(monkeypatch: pytest.MonkeyPatch) -> Callable[[ExtraFormat, bytes], bytes]:
    """The samples of a file, decoded by the program's own functions inside this process."""
    monkeypatch.setattr(heif_decoder, "bound", lambda length, pixels: None)
    return inside


def inside(format: ExtraFormat, data: bytes) -> bytes:
    questions = LENGTH.pack(len(data)) + data + FACTOR.pack(1)
    answers = io.BytesIO()
    heif_decoder.main(format, io.BytesIO(questions), answers)
    return answers.getvalue()


BLANK = bytes(401)


def with_exif(format: ExtraFormat, block: bytes) -> bytes:
    """A file with EXIF behind its writer's back, which would have the container turn it instead."""
    other = block[6:].replace(b"\x12\x01", b"\x13\x01") + BLANK
    return WRITERS[format](COFFEE, exif=other).replace(other, block[6:] + BLANK)


def difference(data: bytes, expected: Image.Image) -> float:
    found = decode(data, SIZE, LIMITS).astype(int)
    return float(np.abs(found - decode(encoded(expected, "PNG"), SIZE, LIMITS)).mean())


# The setting


@both
def test_off_it_is_named(format: ExtraFormat) -> None:
    with pytest.raises(NotAnImage) as rejected:
        decode(FILES[format], SIZE, OFF)
    name = format.upper()
    assert rejected.value.message == (
        f"This is {name}, which is not read; send JPEG, PNG, WebP, GIF, TIFF or BMP"
    )


def test_what_is_on_is_among_what_may_be_sent() -> None:
    only = replace(OFF, extra_formats=frozenset({"avif"}))
    decode(FILES["avif"], SIZE, only)
    with pytest.raises(NotAnImage, match=r"This is HEIC, .*; send JPEG, .*, TIFF, BMP or AVIF$"):
        decode(FILES["heic"], SIZE, only)
    with pytest.raises(NotAnImage, match=r"This is PDF, .*; send JPEG, .*, BMP, AVIF or HEIC$"):
        decode(b"%PDF-1.7\n", SIZE, LIMITS)


def test_the_setting_is_a_list_and_off() -> None:
    assert load_settings({}).extra_formats == ()
    assert limits_of(Settings()).extra_formats == frozenset()
    asked = load_settings({"IMGVEC_EXTRA_FORMATS": "avif, heic"})
    assert limits_of(asked).extra_formats == {"avif", "heic"}


def test_a_format_that_does_not_exist_is_told_those_that_do() -> None:
    with pytest.raises(SettingsError, match=r"IMGVEC_EXTRA_FORMATS is wrong: .*'avif' or 'heic'"):
        load_settings({"IMGVEC_EXTRA_FORMATS": "avif,jxl"})


@pytest.mark.parametrize(
    ("format", "missing", "fix"),
    [
        ("heic", "pillow_heif", "heic is not installed here: pip install 'imgvec[heic]'"),
        ("avif", "PIL._avif", "avif needs Pillow with libavif, as in Pillow's wheels"),
    ],
)
def test_a_decoder_that_is_not_installed_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, format: str, missing: str, fix: str
) -> None:
    monkeypatch.setattr("imgvec.settings.find_spec", lambda name: None if name == missing else ...)
    with pytest.raises(SettingsError) as told:
        load_settings({"IMGVEC_EXTRA_FORMATS": format})
    assert str(told.value) == f"IMGVEC_EXTRA_FORMATS is wrong: {fix}"


def test_the_command_line_says_so_in_one_sentence(tmp_path: Path) -> None:
    # A module that hides the one that is installed.
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['pillow_heif'] = None\n")
    environment = {**os.environ, "IMGVEC_EXTRA_FORMATS": "heic", "PYTHONPATH": str(tmp_path)}
    for command in (["serve", "--port", "0"], ["embed", str(tmp_path)]):
        done = subprocess.run(
            [sys.executable, "-m", "imgvec", *command],
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.endswith("heic is not installed here: pip install 'imgvec[heic]'\n")
        assert done.stderr.count("\n") == 1


def test_nothing_of_it_is_imported_before_such_a_file_comes() -> None:
    code = (
        "import sys, json\n"
        "from imgvec.images.decode import limits_of\n"
        "from imgvec.settings import Settings\n"
        "limits_of(Settings(extra_formats=('avif', 'heic')))\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    modules = set(json.loads(done.stdout))
    assert "imgvec.images.webp" in modules, "positive control"
    assert not modules & {"imgvec.images.heif", "PIL._avif", "_pillow_heif", "pillow_heif"}


def test_a_folder_is_searched_for_what_is_on(tmp_path: Path) -> None:
    names = ["a.avif", "b.HEIC", "c.heif", "d.hif"]
    for name in names:
        (tmp_path / name).write_bytes(FILES["avif" if name == "a.avif" else "heic"])
    environment = {**os.environ, "IMGVEC_DATA": str(tmp_path / "data")}
    done = imgvec("embed", str(tmp_path), environment=environment)
    assert (done.returncode, done.stdout) == (1, "")
    environment["IMGVEC_EXTRA_FORMATS"] = "avif,heic"
    done = imgvec("embed", str(tmp_path), environment=environment)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Path(row["source"]).name for row in rows] == names
    avifs, *heics = (np.array(row["embedding"]) for row in rows)
    assert (heics[0] == heics[1]).all() and avifs @ heics[0] > 0.98


# Pixels


@both
@pytest.mark.parametrize("image", [COFFEE, CLEAR, COFFEE.convert("L")], ids=["RGB", "RGBA", "L"])
def test_it_shows_the_picture(format: ExtraFormat, image: Image.Image) -> None:
    assert difference(WRITERS[format](image), image) < 6


@both
def test_a_large_one_is_reduced(format: ExtraFormat) -> None:
    large = photo("coffee", (601, 451))
    data = WRITERS[format](large)
    assert HeifFile(data, format).load(SIZE).image.size == (151, 113)
    assert difference(data, large) < 6


@pytest.mark.parametrize("bits", DEEP_AVIF)
def test_avif_of_many_bits(bits: int) -> None:
    pixels = decode(DEEP_AVIF[bits], 16, LIMITS).astype(int)
    assert np.abs(pixels[:, :4] - (200, 30, 40)).max() < 6
    assert np.abs(pixels[:, -4:] - (20, 60, 220)).max() < 6


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("bits", [10, 12])
def test_heic_of_many_bits(mode: str, bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pillow_heif.options.SAVE_HDR_TO_12_BIT", bits == 12)
    image = CLEAR.convert(mode)
    samples = np.asarray(image).astype("<u2") * 257
    kind = "I;16" if mode == "L" else f"{mode};16"
    assert difference(heic_of_samples(kind, image.size, samples.tobytes()), image) < 6


def test_samples_that_were_multiplied_with_their_alpha() -> None:
    multiplied = CLEAR.convert("RGBa").tobytes()
    assert difference(heic_of_samples("RGBa", CLEAR.size, multiplied), CLEAR) < 6


def test_heic_of_tiles_as_phones_write_it() -> None:
    image = photo("coffee", (700, 500))
    data = heic(image, tile_size=256)
    assert data.count(b"grid") == 1
    assert difference(data, image) < 6


@both
@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("shape", [(90, 61), (601, 451)], ids=str)
def test_the_container_turns_it_once(
    format: ExtraFormat, orientation: int, shape: tuple[int, int]
) -> None:
    upright = photo("coffee", shape)
    data = WRITERS[format](stored(upright, orientation), exif=exif(orientation))
    assert (b"irot" in data or b"imir" in data) == (orientation > 1)
    assert difference(data, upright) < 6


@both
@pytest.mark.parametrize("orientation", ORIENTATIONS[1:])
def test_exif_turns_nothing(format: ExtraFormat, orientation: int) -> None:
    """It may say the same as the container, or be left over: ISO/IEC 23008-12 has it ignored."""
    turned = with_exif(format, exif(orientation))
    assert exif(orientation)[6:] in turned
    assert np.array_equal(decode(turned, SIZE, LIMITS), decode(FILES[format], SIZE, LIMITS))


@both
def test_side_information_changes_no_bit(
    format: ExtraFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = here(monkeypatch)
    plain = decoded(format, FILES[format])

    written = {
        with_exif(format, exif(6)): exif(6)[6:] + BLANK,
        WRITERS[format](COFFEE, xmp=BLANK, icc_profile=BLANK): BLANK,
    }

    @settings(max_examples=EXAMPLES, deadline=None)
    @given(
        block=st.binary(min_size=1, max_size=400),
        valid=st.sampled_from([b"", exif(6), b"II*\0", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"]),
    )
    def unchanged(block: bytes, valid: bytes) -> None:
        for data, there in written.items():
            assert there in data
            content = (valid + block).ljust(len(there), b"\0")[: len(there)]
            assert decoded(format, data.replace(there, content)) == plain

    unchanged()


@both
def test_the_first_frame_or_the_primary_image(format: ExtraFormat) -> None:
    grey = Image.new("RGB", PICTURE_SIZE, (9, 9, 9))
    data = (
        avif(COFFEE, save_all=True, append_images=[grey, grey])
        if format == "avif"
        else heic(grey, COFFEE, grey, primary_index=1)
    )
    assert difference(data, COFFEE) < 6
    decode(data, SIZE, replace(LIMITS, max_frames=3))
    with pytest.raises(TooLarge):
        decode(data, SIZE, replace(LIMITS, max_frames=2))


# Bounds


@both
def test_pixels_are_judged_before_any_is_decoded(format: ExtraFormat) -> None:
    count = PICTURE_SIZE[0] * PICTURE_SIZE[1]
    decode(FILES[format], SIZE, replace(LIMITS, max_pixels=count))
    with pytest.raises(TooLarge):
        decode(FILES[format], SIZE, replace(LIMITS, max_pixels=count - 1))
    with pytest.raises(TooLarge):
        decode(said_smaller(FILES[format], 16000, 16000), SIZE, LIMITS)


@both
def test_a_header_that_names_other_pixels_than_there_are(format: ExtraFormat) -> None:
    """More cost nothing that is not bounded; fewer are no part of the picture."""
    for size in ((64, 64), (180, 120), (4000, 3000)):
        try:
            decode(said_smaller(FILES[format], *size), SIZE, LIMITS)
        except NotAnImage:
            continue
        assert format == "avif", "libavif stretches it"


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("work", TooLarge),
        ("memory", NotAnImage),
        ("crash", NotAnImage),
        ("shape", NotAnImage),
        ("at once", NotAnImage),
    ],
)
def test_a_decoder_that_fails_ends_alone(
    fault: str, error: type[RequestError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heif, "PROGRAM", "tests.support.images.failing_decoder")
    monkeypatch.setenv("PYTHONPATH", str(ROOT), prepend=os.pathsep)
    with pytest.raises(error):
        decode(FILES["avif"] + b"=" + fault.encode(), SIZE, LIMITS)


def test_a_decoder_that_waits_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(heif, "PROGRAM", "failing")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{ROOT}")
    (tmp_path / "failing.py").write_text(
        "from imgvec.images import heif_decoder\n"
        "from tests.support.images import failing_decoder\n"
        "heif_decoder.WALL_SECONDS = 1\n"
        "failing_decoder.main()\n"
    )
    with pytest.raises(TooLarge):
        decode(FILES["avif"] + b"=wait", SIZE, LIMITS)


def test_memory_is_bounded_by_the_header_and_not_by_the_file() -> None:
    """2,000 bytes whose header says 64 x 64, and whose pixels would take a gigabyte."""
    code = (
        "import resource, sys\n"
        "from imgvec.images import heif_decoder\n"
        "before = resource.getrlimit(resource.RLIMIT_DATA)[1]\n"
        "most = resource.getrlimit(resource.RLIMIT_CORE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_CORE, (most, most))\n"
        "heif_decoder.bound(2000, 64 * 64)\n"
        "soft, hard = resource.getrlimit(resource.RLIMIT_DATA)\n"
        "assert hard == before and soft < 101_000_000, soft\n"
        "assert resource.getrlimit(resource.RLIMIT_CPU)[0] == 2\n"
        "assert resource.getrlimit(resource.RLIMIT_CORE)[0] == 0\n"
        "try:\n"
        "    bytes(soft)\n"
        "except MemoryError:\n"
        "    sys.exit(7)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 7


@both
def test_no_process_is_left(format: ExtraFormat) -> None:
    opened = [HeifFile(FILES[format], format) for _ in range(3)]
    children = [one._child for one in opened]
    assert not {os.getsid(child.pid) for child in children} & {os.getsid(0)}, "Ctrl-C ends it"
    assert all(child.poll() is None for child in children)
    opened[0].load(SIZE)
    assert children[0].returncode is not None
    opened.clear()
    del opened
    assert all(child.returncode is not None for child in children)


# Damage


@both
@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_never_half_a_picture(format: ExtraFormat, share: float) -> None:
    for data in (FILES[format], WRITERS[format](CLEAR)):
        with pytest.raises(NotAnImage):
            decode(data[: int(len(data) * share)], SIZE, LIMITS)


@both
def test_every_cut_is_seen(format: ExtraFormat, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = here(monkeypatch)
    data = FILES[format]
    for end in range(len(data) - 1, 16, -(len(data) // EXAMPLES + 1)):
        with pytest.raises(NotAnImage), damage_refused():
            decoded(format, data[:end])


MUTATE = """
import random, sys
from imgvec.images import heif_decoder
from tests.unit.images.test_heif import FILES, inside

heif_decoder.bound = lambda length, pixels: None
format, examples = sys.argv[1], int(sys.argv[2])
chance = random.Random(format)
whole = 0
for _ in range(examples):
    data = bytearray(FILES[format])
    for _ in range(chance.randint(1, 6)):
        # Half of them in the boxes at the beginning.
        most = len(data) if chance.random() < 0.5 else 400
        data[chance.randrange(most)] = chance.choice([0, 1, 255, chance.randrange(256)])
    try:
        inside(format, bytes(data))
        whole += 1
    except Exception:
        pass
print(whole)
"""


@both
def test_damaged_files_crash_nothing(format: ExtraFormat) -> None:
    command = [sys.executable, "-c", MUTATE, format, str(EXAMPLES)]
    done = subprocess.run(command, capture_output=True, check=True, cwd=ROOT, timeout=1200)
    assert 0 < int(done.stdout) < EXAMPLES


@both
def test_a_damaged_file_is_its_senders_fault(format: ExtraFormat) -> None:
    data = FILES[format]
    for at in range(0, 400, 40):
        damaged = data[:at] + bytes(8) + data[at + 8 :]
        try:
            assert decode(damaged, SIZE, LIMITS).shape == (SIZE, SIZE, 3)
        except (NotAnImage, TooLarge):
            continue


def test_answers_are_as_long_as_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = here(monkeypatch)("avif", FILES["avif"])
    assert HEADER.unpack_from(answer) == (*PICTURE_SIZE, 1, 1)
    assert PICTURE.unpack_from(answer, HEADER.size) == (True, *PICTURE_SIZE)
    assert len(answer) == HEADER.size + PICTURE.size + 3 * PICTURE_SIZE[0] * PICTURE_SIZE[1]
