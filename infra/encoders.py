"""Encoders on their way into an image: built, put into its build context, and found in it again."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from imgvec.cli.options import say
from imgvec.encoders.integrity import MANIFEST, RECORD, SHIPPED, read_manifest, read_record, verify
from imgvec.encoders.manifest import Manifest
from imgvec.errors import ModelError
from imgvec.settings import load_settings

IN_IMAGE: Final = "/opt/models"


def place_encoder(name: str, context: Path, *, endpoint: bool) -> Manifest:
    """See that the encoder `name` is in `context`, the folder that the image is built of.

    One that is there is only verified. Otherwise the one in the operator's models folder is copied,
    which is pulled and built first where it is missing. With an `endpoint` it must be there: the
    serving image was made of it.

    Raises:
        ModelError: it is altered, or could not be pulled or built; the sentence has the fix.
    """
    folder = context / name
    if not (folder / MANIFEST).is_file():
        if endpoint:
            raise ModelError(
                f"{folder} is missing, which the endpoint's serving image is made of: "
                "docs/how-to/gpu.md has the steps"
            )
        _copy(_built(name), folder)
    try:
        manifest = read_manifest(folder)
        verify(manifest, folder)
    except ModelError as problem:
        if name == SHIPPED:
            raise
        raise ModelError(f"{problem}. Or remove {folder}, and deploy again") from None
    say(f"Encoder {name}, revision {manifest.revision[:12]}, is in {context}")
    return manifest


def _built(name: str) -> Path:
    """The encoder in the operator's models folder; pulled and built there where it is missing.

    There, and not in the image's context: recipes of the operator's own are there, and what was
    pulled (606 MB for CLIP B/32) is not sent to the container engine.
    """
    models = load_settings().models
    folder = models / name
    if not (folder / MANIFEST).is_file():
        for step, takes in (("pull", "resumed if it stops"), ("build", "some minutes, once")):
            say(f"imgvec models {step} {name}, in {models} ({takes})")
            command = [sys.executable, "-m", "imgvec", "models", step, name]
            environment = {**os.environ, "IMGVEC_MODELS": str(models)}
            if subprocess.run(command, env=environment, check=False).returncode != 0:
                raise ModelError(f"The encoder {name} is not there: mend what is said above")
    return folder


def _copy(built: Path, folder: Path) -> None:
    """Copy an encoder whole or not at all."""
    verify(read_manifest(built), built)
    scratch = folder.parents[1] / ".cache"
    scratch.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=scratch, prefix="encoder-") as work:
        copied = shutil.copytree(built, Path(work, folder.name))
        copied.rename(folder)


def check_image(image: str, encoders: list[Manifest], *, endpoint: bool) -> None:
    """See that a built image has the very encoders that the stack will ask it for.

    By the record of its build, which names each file by its SHA-256; an image for an endpoint has
    manifests alone. The image is not run, so it may be of another architecture.

    Raises:
        ModelError: one is missing or another; the sentence has the fix.
    """
    container = docker("create", image).strip()
    try:
        for manifest in encoders:
            if not _is_in(container, manifest, endpoint=endpoint):
                raise ModelError(
                    f"The image {image} has no encoder {manifest.name} of revision "
                    f"{manifest.revision[:12]}, which the stack would ask it for; nothing is "
                    "deployed. Give build and deploy the same Encoder: under `global` in "
                    "samconfig.toml, or as PARAMETERS of `make deploy`"
                )
    finally:
        docker("rm", container)


def _is_in(container: str, manifest: Manifest, *, endpoint: bool) -> bool:
    wanted = MANIFEST if endpoint else RECORD
    with TemporaryDirectory() as work:
        folder = Path(work, manifest.name)
        folder.mkdir()
        try:
            docker("cp", f"{container}:{IN_IMAGE}/{manifest.name}/{wanted}", str(folder / wanted))
        except ModelError:
            return False
        if endpoint:
            return read_manifest(folder) == manifest
        return read_record(folder) == {file.path: file.sha256 for file in manifest.files.every}


def docker(*arguments: str) -> str:
    """The output of a command of Docker.

    Raises:
        ModelError: Docker is not there, or refuses; the sentence has its last line.
    """
    program = shutil.which("docker")
    if program is None:
        raise ModelError("Docker is not installed, and the image is built with it: install it")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ModelError(f"`docker {arguments[0]}` fails ({last}): start Docker, then deploy again")
    return done.stdout
