"""`imgvec models list | info`."""

import click
import orjson

from imgvec.encoders.manifest import Manifest
from imgvec.encoders.registry import available
from imgvec.settings import load_settings


@click.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
def list_(as_json: bool) -> None:
    """List the encoders with their dimensions, revisions and licences."""
    settings = load_settings()
    manifests = available(settings.models)
    if as_json:
        rows = [_row(manifest, manifest.name in settings.encoders) for manifest in manifests]
        click.echo(orjson.dumps(rows))
        return
    click.echo(f"{'name':20}{'served':8}{'dimensions':18}{'revision':14}{'MB':>7}  licence")
    for manifest in manifests:
        served = "yes" if manifest.name in settings.encoders else "no"
        widths = ", ".join(str(width) for width in _widths(manifest))
        click.echo(
            f"{manifest.name:20}{served:8}{widths:18}{manifest.revision[:12]:14}"
            f"{_megabytes(manifest):>7}  {manifest.licence}"
        )


def _row(manifest: Manifest, served: bool) -> dict[str, object]:
    return {
        "name": manifest.name,
        "served": served,
        "dimensions": _widths(manifest),
        "revision": manifest.revision,
        "megabytes": _megabytes(manifest),
        "licence": manifest.licence,
    }


def _widths(manifest: Manifest) -> list[int]:
    return sorted(space.dimensions for space in manifest.spaces)


def _megabytes(manifest: Manifest) -> float:
    return round(sum(file.size for file in manifest.files.every) / 1e6, 1)
