"""`imgvec serve`: the application under uvicorn, one process."""

import socket
from pathlib import Path

import click

from imgvec.cli.welcome import welcome_text
from imgvec.listening import answer, leave_quietly, listen, log_to_stderr
from imgvec.settings import load_settings


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port; 0 takes a free one.")
@click.option(
    "--welcome",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="PHOTO",
    help="Make a key for this run and print a request with PHOTO for each dialect.",
)
def serve(host: str, port: int, welcome: Path | None) -> None:
    """Answer the four vendor APIs on this machine.

    The listener opens when the encoder is loaded. /health says that the process is alive, /ready
    that a real inference has passed. Ctrl-C finishes what runs and stops.
    """
    leave_quietly()
    settings = load_settings()
    log_to_stderr(settings)
    # Slow to import, and not needed for --help.
    from imgvec.app import create_app

    app = create_app(settings)
    listener = _listen(host, port)
    name = f"[{host}]" if ":" in host else host
    address = f"http://{name}:{listener.getsockname()[1]}"
    if welcome is not None:
        click.echo(welcome_text(settings, address, welcome), nl=False)
    click.echo(f"imgvec answers on {address}", err=True)
    answer(app, listener)


def _listen(host: str, port: int) -> socket.socket:
    try:
        return listen(host, port)
    except OSError as problem:
        raise click.ClickException(
            f"Cannot listen on {host}:{port} ({problem.strerror}); choose another with --port"
        ) from None
