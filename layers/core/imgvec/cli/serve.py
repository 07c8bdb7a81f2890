"""`imgvec serve`: the application under uvicorn, one process; and the welcome of `make run`."""

import errno
import shlex
import socket
import sys
import time
from contextlib import ExitStack, closing
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imgvec.accounts.authentication import Authenticator
from imgvec.accounts.registry import new_key
from imgvec.cli.options import NO_KEYS
from imgvec.process import leave_at_once, leave_quietly, listen, log_to_stderr
from imgvec.settings import Settings, load_settings
from imgvec.stores import store_of

if TYPE_CHECKING:
    from fastapi import FastAPI

    from imgvec.cli.metrics import MetricsServer

CONSUMER = "welcome"

TEXT = """
This is your key. It ends with this server. `imgvec keys create NAME` makes a lasting one:

  {key}

Paste this into another terminal, and the commands of README.md and docs/ work there:

{lines}

{page}A form for each request is at {address}/docs

Here is a request for each dialect, with our photo:

  # CoreViz
  printf '{{"image":"data:image/jpeg;base64,%s"}}' \\
    "$(base64 < {photo} | tr -d '\\n')" | \\
    curl -s {address}/api/ai/embeddings -H 'Content-Type: application/json' \\
      -H 'x-api-key: {key}' -d @-

  # PixLab img-embed
  curl -s {address}/imgembed -F key={key} \\
    -F dimension=1024 -F file=@{photo}

  # PixLab LLM image embed
  printf '{{"key":"{key}","img":"%s"}}' \\
    "$(base64 < {photo} | tr -d '\\n')" | \\
    curl -s {address}/llmimgembed -H 'Content-Type: application/json' -d @-

  # OpenAI, Jina, Voyage
  printf '{{"model":"jina-clip-v2","input":[{{"image":"%s"}}]}}' \\
    "$(base64 < {photo} | tr -d '\\n')" | \\
    curl -s {address}/v1/embeddings -H 'Content-Type: application/json' \\
      -H 'Authorization: Bearer {key}' -d @-

  # Cohere
  printf '{{"model":"embed-english-v3.0","images":["data:image/jpeg;base64,%s"]}}' \\
    "$(base64 < {photo} | tr -d '\\n')" | \\
    curl -s {address}/v2/embed -H 'Content-Type: application/json' \\
      -H 'Authorization: Bearer {key}' -d @-

  # Bedrock
  printf '{{"inputImage":"%s"}}' "$(base64 < {photo} | tr -d '\\n')" | \\
    curl -s {address}/bedrock/model/amazon.titan-embed-image-v1/invoke \\
      -H 'Authorization: Bearer {key}' -d @-

  # Weaviate
  printf '{{"images":["%s"]}}' "$(base64 < {photo} | tr -d '\\n')" | \\
    curl -s {address}/weaviate/512/vectorize \\
      -u 'imgvec:{key}' -d @-

  # memories.ai
  curl -s {address}/serve/api/v2/embeddings/image \\
    -H 'Authorization: {key}' \\
    -F model=multimodalembedding@001 -F file=@{photo}

"""
PLAYGROUND = """The playground, in a browser, with this key:

  {address}/#key={key}

"""


def welcome_text(settings: Settings, gate: Authenticator, address: str, photo: Path) -> str:
    """Let a key of this process's own in at `gate`, and describe how to use it."""
    created = new_key(CONSUMER, time.time())
    gate.add_own(created.record)
    # The key is in no store, and its consumer is: `imgvec usage` shows what was counted.
    with closing(store_of(settings)) as store:
        store.add_consumer(CONSUMER)
    page = PLAYGROUND.format(address=address, key=created.key) if settings.playground else ""
    return TEXT.format(
        page=page,
        key=created.key,
        lines="\n".join(f"  {line}" for line in _lines(settings, created.key)),
        address=address,
        photo=shlex.quote(str(photo)),
    )


def _lines(settings: Settings, key: str) -> list[str]:
    """Commands by which another shell acts on this server's data with this installation."""
    lines = [f"cd {shlex.quote(str(Path.cwd()))}"]
    activate = Path(sys.prefix, "bin", "activate")
    if activate.is_file():
        lines.append(f". {shlex.quote(_short(activate))}")
    lines.append(f"export IMGVEC_DATA={shlex.quote(str(settings.data.absolute()))}")
    if settings.table is not None:
        lines.append(f"export IMGVEC_TABLE={settings.table}")
    return [*lines, f"export KEY={key}"]


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


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
            gate = app.state.services.authenticator
            click.echo(welcome_text(settings, gate, address, welcome), nl=False)
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
