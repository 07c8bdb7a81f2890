"""`imgvec serve`: the application under uvicorn, one process."""

import socket
from pathlib import Path

import click

from imgvec.cli.welcome import welcome_text
from imgvec.http.listening import leave_at_once, leave_quietly, listen, log_to_stderr
from imgvec.settings import load_settings


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port; 0 takes a free one.")
@click.option(
    "--welcome",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="PHOTO",
    help="Make a key that ends with this process, and print a request with PHOTO for each dialect.",
)
def serve(host: str, port: int, welcome: Path | None) -> None:
    """Answer the four vendor APIs on this machine.

    The listener opens when the encoder is loaded. /health says that the process is alive, /ready
    that a real inference has passed and the stores can be read. Ctrl-C answers what was accepted,
    refuses what still comes, and stops.
    """
    leave_at_once()
    settings = load_settings()
    log_to_stderr(settings)
    # Slow to import, and not needed for --help.
    import uvicorn
    from starlette.middleware import Middleware

    from imgvec import coldstart
    from imgvec.api.compression import compressed
    from imgvec.app import create_app
    from imgvec.http.draining import DRAIN_SECONDS, GRACE_SECONDS, DrainingServer
    from imgvec.http.protocol import PatientProtocol
    from imgvec.http.wire import Wire

    app = create_app(settings)
    # Here and not in the application: a REST API compresses by itself. Innermost: what is refused
    # further out is too short for it.
    app.user_middleware.append(Middleware(compressed))
    listener = _listen(host, port)
    name = f"[{host}]" if ":" in host else host
    address = f"http://{name}:{listener.getsockname()[1]}"
    if welcome is not None:
        gate = app.state.services.gate
        click.echo(welcome_text(settings, gate, address, welcome), nl=False)
    click.echo(f"imgvec answers on {address}", err=True)
    config = uvicorn.Config(
        Wire(app, app.state.mounts.error_response),
        # Chosen, not found: what else is installed must not decide how requests are parsed.
        http=PatientProtocol,
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    coldstart.over()
    leave_quietly()
    server = DrainingServer(config, app.state.services.in_flight, DRAIN_SECONDS)
    server.run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    try:
        return listen(host, port)
    except OSError as problem:
        raise click.ClickException(
            f"Cannot listen on {host}:{port} ({problem.strerror}); "
            "choose another with --port, or make run PORT=8001"
        ) from None
