"""Options that several commands take."""

from pathlib import Path

import click
from pydantic import TypeAdapter, ValidationError

from imgvec.encoders.manifest import Name
from imgvec_models.calibration.feeds import PHOTOS

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW_FOLDER = click.Path(file_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, path_type=Path)
FEATURES = click.option("--features", "folder", type=FOLDER, required=True, help="Cached features.")
WITHOUT = click.option(
    "--without", type=FILE, help="JSON object whose keys are photos to leave out."
)
START = click.option("--start", "older", type=FILE, help="Heads without a layout to begin with.")
TEXTS = click.option("--texts", type=FILE, help="Lines of text whose words keep their own tokens.")
CALIBRATION = click.option(
    "--photos", type=FOLDER, default=PHOTOS, help="Photos to calibrate with."
)


def require_name(context: click.Context, parameter: click.Parameter, folder: Path) -> Path:
    """Refuse a folder whose name is none for an encoder, before minutes of work."""
    try:
        TypeAdapter(Name).validate_python(folder.name)
    except ValidationError:
        raise click.BadParameter(
            f"{folder.name!a} is no name for an encoder: small letters, digits and hyphens"
        ) from None
    return folder
