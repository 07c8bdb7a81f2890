"""Served graphs on an emulated CPU that has AVX2 and no VNNI, beside this one.

`python -m imgvec_models.quantisation.avx2 FOLDER...` prints, for encoders in their folders, how
near their vectors there are to those here. It needs qemu's user-mode emulator for x86-64.
"""

import asyncio
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from imgvec.encoders.integrity import read_manifest, verify
from imgvec.encoders.manifest import Manifest
from imgvec.errors import ModelError
from imgvec_models.calibration.feeds import image_feeds, text_feeds
from imgvec_models.graphs.run import cosines
from imgvec_models.quantisation.alone import Arrays, Rows, run_alone

QEMU = "qemu-x86_64"
INSTALL = "apt-get install -y qemu-user"
"""How Debian and Ubuntu bring the emulator."""
CPU = "max"
"""All that qemu emulates: AVX2 with FMA, and neither AVX-512 nor VNNI."""
WANTED, UNWANTED = "AVX2", frozenset({"AVX512F", "AVX512_ICL"})
LEAST = 0.9995
"""The vector contract's cosine between x86 CPUs."""
PHOTOS, TEXTS = 2, 3
"""How many inputs an encoder is compared on."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One output of one graph on both CPUs."""

    path: Path
    output: str
    cosine: float
    """The least of all inputs."""
    exact: bool
    """Whether every value is the same, to the last bit."""


def is_available() -> bool:
    """Whether the emulator is installed."""
    return shutil.which(QEMU) is not None


def run_emulated(model: Path, output: str, feeds: Sequence[Arrays]) -> Rows:
    """The result of `run_alone` on the emulated CPU.

    Raises:
        ModelError: the emulator is missing, fails, or has other instructions than are asked for.
    """
    if not is_available():
        raise ModelError(f"{QEMU} is missing: {INSTALL}")
    with TemporaryDirectory() as folder:
        inputs, outputs = Path(folder, "inputs.npz"), Path(folder, "outputs.npz")
        _write(inputs, feeds)
        child = [str(Path(sys.executable).resolve()), "-m", run_alone.__module__]
        command = [QEMU, "-cpu", CPU, *child, str(model), output, str(inputs), str(outputs)]
        if asyncio.run(_status(command)):
            raise ModelError(f"{model} does not run under {QEMU} -cpu {CPU}")
        with np.load(outputs) as stored:
            features = set(stored["features"].tolist())
            rows: Rows = stored["rows"]
    if WANTED not in features or features & UNWANTED:
        raise ModelError(
            f"{QEMU} emulates no CPU with {WANTED} alone: install version 7.2 or later"
        )
    return rows


async def _status(command: Sequence[str]) -> int:
    """Run a command, with this process's packages, and give its exit status."""
    packages = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = await asyncio.create_subprocess_exec(*command, env=packages)
    return await process.wait()


def compare_encoder(folder: Path) -> Iterator[Compared]:
    """Compare both graphs of the encoder in `folder`, on a few calibration inputs.

    Of each the widest output is taken, which has the joint embedding and the features in it.

    Raises:
        ModelError: a file is altered or the emulator of no use; one sentence.
    """
    manifest = read_manifest(folder)
    verify(manifest, folder)
    output = max(manifest.outputs, key=lambda name: manifest.outputs[name])
    for path, feeds in _graphs(manifest, folder):
        here, there = run_alone(path, output, feeds), run_emulated(path, output, feeds)
        least = float(cosines(here, there).min())
        yield Compared(path, output, least, bool((here == there).all()))


def _graphs(manifest: Manifest, folder: Path) -> Iterator[tuple[Path, list[Arrays]]]:
    files = manifest.files
    photos = image_feeds(manifest.preprocessing, manifest.image)
    yield folder / files.image.path, list(photos[:: len(photos) // PHOTOS][:PHOTOS])
    if manifest.text is None or files.text is None or files.tokenizer is None:
        return
    texts = text_feeds(folder / files.tokenizer.path, manifest.text)
    yield folder / files.text.path, list(texts[:: len(texts) // TEXTS][:TEXTS])


def _write(path: Path, feeds: Sequence[Arrays]) -> None:
    flat = {f"{place}/{name}": a for place, one in enumerate(feeds) for name, a in one.items()}
    np.savez(path, allow_pickle=False, **flat)


if __name__ == "__main__":
    worst = 1.0
    for folder in sys.argv[1:]:
        for one in compare_encoder(Path(folder)):
            worst = min(worst, one.cosine)
            exact = "bit-exact" if one.exact else f"cosine {one.cosine:.7f}"
            sys.stdout.write(f"{one.path} {one.output}: {exact}\n")
    sys.exit(worst < LEAST)
