"""Parts that the commands share. What is slow to import is imported late."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from imgvec.settings import Settings

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FROM = click.option(
    "--from",
    "source",
    type=FOLDER,
    metavar="FOLDER",
    help="Copy FOLDER/<repository>/<path>, and use no network.",
)


@contextmanager
def build_tools(extra: str = "models") -> Iterator[None]:
    """Import from `imgvec_models` in here; where it is left out, one sentence says so."""
    try:
        yield
    except ModuleNotFoundError as missing:
        raise click.ClickException(
            f"This needs {missing.name}, which a server is installed without: "
            f"pip install 'imgvec[{extra}]'"
        ) from None


def hub_of(settings: Settings) -> str | None:
    """IMGVEC_HUB where it is set; None leaves HF_ENDPOINT to the hub's own client."""
    return str(settings.hub).rstrip("/") if "hub" in settings.model_fields_set else None
