"""What `make run` prints: a key, lines for another terminal, one request for each dialect."""

import shlex
import sys
import time
from contextlib import closing
from pathlib import Path

from imgvec.accounts.authentication import Gate
from imgvec.accounts.registry import new_key
from imgvec.settings import Settings
from imgvec.stores.open import store_of

CONSUMER = "welcome"

TEXT = """
Your key. It ends with this server; `imgvec keys create NAME` makes one that lasts:

  {key}

Paste this into another terminal, and the commands of README.md and docs/ work there:

{lines}

A form for each request is at {address}/docs

One request for each dialect, with a photo of ours:

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

  # memories.ai
  curl -s {address}/serve/api/v2/embeddings/image \\
    -H 'Authorization: {key}' \\
    -F model=multimodalembedding@001 -F file=@{photo}

"""


def welcome_text(settings: Settings, gate: Gate, address: str, photo: Path) -> str:
    """Let a key of this process's own in at `gate`, and describe how to use it."""
    created = new_key(CONSUMER, time.time())
    gate.add_own(created.record)
    # The key is in no store, and its consumer is: `imgvec usage` shows what was counted.
    with closing(store_of(settings)) as store:
        store.add_consumer(CONSUMER)
    return TEXT.format(
        key=created.key,
        lines="\n".join(f"  {line}" for line in _lines(settings, created.key)),
        address=address,
        photo=shlex.quote(str(photo)),
    )


def _lines(settings: Settings, key: str) -> list[str]:
    """What makes another shell act on this server's data with this installation."""
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
