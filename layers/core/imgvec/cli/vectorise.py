"""One source to one row, for the command line."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import click

from imgvec.encoders.registry import load_encoders
from imgvec.errors import RequestError, TooLarge
from imgvec.images.configured import fetch_of, limits_of
from imgvec.images.decode import decode
from imgvec.images.sources import is_url
from imgvec.settings import Settings
from imgvec.values import Vector


@dataclass(frozen=True, slots=True)
class Row:
    """A source and its vector, or why there is none."""

    source: str
    vector: Vector | None
    model: str
    revision: str
    problem: str | None = None


class Vectoriser:
    """Embeds sources in one space."""

    def __init__(self, settings: Settings, dimensions: int | None) -> None:
        """Load the encoder that gives this width (None: the widest of the preferred encoder).

        Raises:
            ImgvecError: the encoder cannot be loaded.
            click.ClickException: no encoder gives this width.
        """
        encoders = load_encoders(settings)
        if dimensions is None:
            dimensions = max(next(iter(encoders)).dimensions)
        encoder = encoders.for_dimensions(dimensions)
        if encoder is None:
            widths = sorted({width for one in encoders for width in one.dimensions})
            raise click.ClickException(f"--dimensions must be one of {widths}")
        self._encoder = encoder
        self._dimensions = dimensions
        self._limits = limits_of(settings)
        self._fetch = fetch_of(settings)

    def embed(self, source: str) -> Row:
        """Embed one file or URL; a bad one gives a row that says why."""
        try:
            pixels = decode(
                self._read(source), self._encoder.image_size, self._limits, self._encoder.geometry
            )
            vector = self._encoder.encode_image(pixels, self._dimensions)
        except RequestError as refused:
            return self._row(source, None, refused.message)
        except OSError as problem:
            return self._row(source, None, problem.strerror)
        return self._row(source, vector, None)

    def _read(self, source: str) -> bytes:
        if is_url(source):
            return asyncio.run(self._fetch(source))
        path = Path(source)
        if path.stat().st_size > self._limits.max_bytes:
            raise TooLarge
        return path.read_bytes()

    def _row(self, source: str, vector: Vector | None, problem: str | None) -> Row:
        return Row(source, vector, self._encoder.name, self._encoder.revision, problem)
