"""`imgvec serve`: the application under uvicorn, one process."""

import errno
import socket
from contextlib import ExitStack, closing
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imgvec.cli.options import NO_KEYS
from imgvec.cli.welcome import welcome_text
from imgvec.process import leave_at_once, leave_quietly, listen, log_to_stderr
from imgvec.settings import load_settings

if TYPE_CHECKING:
    from fastapi import FastAPI

    from imgvec.cli.metrics import MetricsServer


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8000,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port. 0 takes a free one.",
)
@click.option("--root-path", default="", help="Path prefix that a proxy removes, such as /imgvec.")
@click.option(
    "--welcome",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="PHOTO",
    help="Make a key that ends with this process, and print a request with PHOTO for each dialect.",
)
def serve(host: str, port: int, root_path: str, welcome: Path | None) -> None:
    """Answer the vendor APIs on this machine.

    The port opens once the encoder is loaded. /health answers while the process is alive. /ready
    answers once a real inference has passed and the stores can be read. Ctrl-C stops: the server
    answers accepted requests and rejects new ones.
    """
    leave_at_once()
    settings = load_settings()
    log_to_stderr(settings)
    # Slow to import, and not needed for --help.
    from starlette.middleware import Middleware

    from imgvec import coldstart
    from imgvec.api.connection import Connection
    from imgvec.api.playground import add_playground
    from imgvec.api.streaming import compressed
    from imgvec.app import create_app
    from imgvec.encoders.integrity import SHIPPED, SHIPPED_TERMS
    from imgvec.server import server

    app = create_app(settings)
    if settings.playground:
        add_playground(app)
    # Here and not in the application: a REST API compresses by itself. Innermost: what is refused
    # further out is too short for it.
    app.user_middleware.append(Middleware(compressed))
    listener = _listen(host, port)
    address = _address(host, listener.getsockname()[1])
    with ExitStack() as stack:
        if settings.metrics_port is not None:
            stack.enter_context(closing(_metrics(app, host, settings.metrics_port)))
        if welcome is not None:
            gate, off = app.state.services.authenticator, app.state.off
            click.echo(welcome_text(settings, gate, off, address, welcome), nl=False)
        if SHIPPED in settings.encoders and _reachable(listener):
            click.echo(f"{SHIPPED_TERMS}: docs/how-to/models.md", err=True)
        click.echo(f"imgvec answers on {address}", err=True)
        # Listing the keys would read a DynamoDB table whole.
        if welcome is None and settings.table is None and not app.state.services.store.list_keys():
            click.echo(f"{NO_KEYS} It works at once, without a restart.", err=True)
        coldstart.over()
        leave_quietly()
        outermost = Connection(app, settings.max_body, app.state.mounts.error_response)
        server(outermost, app.state.services.in_flight, root_path).run(sockets=[listener])


def _metrics(app: "FastAPI", host: str, port: int) -> "MetricsServer":
    # Only where an operator asks for them.
    from imgvec.cli.metrics import MetricsServer

    try:
        metrics = MetricsServer(app.state.embedding, app.state.services.in_flight, host, port)
    except OSError as problem:
        raise click.ClickException(
            f"Cannot listen on {host}:{port} for metrics ({problem.strerror}); "
            "choose another with IMGVEC_METRICS_PORT"
        ) from None
    click.echo(f"Metrics are at {_address(host, metrics.port)}/metrics", err=True)
    return metrics


def _address(host: str, port: int) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}"


def _reachable(listener: socket.socket) -> bool:
    """Whether other machines may connect."""
    return not ip_address(listener.getsockname()[0]).is_loopback


def _listen(host: str, port: int) -> socket.socket:
    try:
        return listen(host, port)
    except OSError as problem:
        fix = "choose another port with --port, or make run PORT=8001"
        if problem.errno not in (errno.EADDRINUSE, errno.EACCES):
            fix = "choose an address of this machine with --host, or make run HOST=127.0.0.1"
        raise click.ClickException(
            f"Cannot listen on {host}:{port} ({problem.strerror}); {fix}"
        ) from None
