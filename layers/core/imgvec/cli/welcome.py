"""The welcome of `make run`: a key, lines for a second terminal, a request for each dialect."""

import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

from imgvec.accounts.authentication import Authenticator
from imgvec.accounts.registry import new_key
from imgvec.aliases import Off
from imgvec.settings import Settings
from imgvec.stores import store_of

CONSUMER = "welcome"

TEXT = """
This is your key. It ends with this server. `imgvec keys create NAME` makes a lasting one:

  {key}

Paste this into another terminal, and the commands of README.md and docs/ work there:

{lines}

{page}A form for each request is at {address}/docs

{requests}
"""
PLAYGROUND = """The playground, in a browser, with this key:

  {address}/#key={key}

"""


class Request(NamedTuple):
    """A request of a dialect, and the dimensions that it may be made in, the best first."""

    title: str
    dialect: str
    model: str
    dimensions: tuple[int, ...]
    text: str


REQUESTS: Final = (
    Request(
        "CoreViz",
        "coreviz",
        "default",
        (768,),
        """
  printf '{{"image":"data:image/jpeg;base64,%s"}}' \\
    "$(base64 < {photo} | tr -d '\\n')" | \\
    curl -s {address}/api/ai/embeddings -H 'Content-Type: application/json' \\
      -H 'x-api-key: {key}' -d @-
""",
    ),
    Request(
        "PixLab img-embed",
        "pixlab",
        "img-embed",
        (1024, 512),
        """
  curl -s {address}/imgembed -F key={key} \\
    -F dimension={dimensions} -F file=@{photo}
""",
    ),
    Request(
        "PixLab LLM image embed",
        "pixlab",
        "pix-llm",
        (512,),
        """
  printf '{{"key":"{key}","img":"%s"}}' \\
    "$(base64 < {photo} | tr -d '\\n')" | \\
    curl -s {address}/llmimgembed -H 'Content-Type: application/json' -d @-
""",
    ),
    Request(
        "OpenAI, Jina, Voyage",
        "openai",
        "jina-clip-v2",
        (1024, 768, 512),
        """
  printf '{{"model":"jina-clip-v2","input":[{{"image":"%s"}}],"dimensions":{dimensions}}}' \\
    "$(base64 < {photo} | tr -d '\\n')" | \\
    curl -s {address}/v1/embeddings -H 'Content-Type: application/json' \\
      -H 'Authorization: Bearer {key}' -d @-
""",
    ),
    Request(
        "Cohere",
        "cohere",
        "embed-english-v3.0",
        (1024,),
        """
  printf '{{"model":"embed-english-v3.0","images":["data:image/jpeg;base64,%s"]}}' \\
    "$(base64 < {photo} | tr -d '\\n')" | \\
    curl -s {address}/v2/embed -H 'Content-Type: application/json' \\
      -H 'Authorization: Bearer {key}' -d @-
""",
    ),
    Request(
        "Bedrock",
        "bedrock",
        "amazon.titan-embed-image-v1",
        (1024,),
        """
  printf '{{"inputImage":"%s"}}' "$(base64 < {photo} | tr -d '\\n')" | \\
    curl -s {address}/bedrock/model/amazon.titan-embed-image-v1/invoke \\
      -H 'Authorization: Bearer {key}' -d @-
""",
    ),
    Request(
        "Weaviate",
        "weaviate",
        "multi2vec-clip",
        (512, 768, 1024),
        """
  printf '{{"images":["%s"]}}' "$(base64 < {photo} | tr -d '\\n')" | \\
    curl -s {address}/weaviate/{dimensions}/vectorize \\
      -u 'imgvec:{key}' -d @-
""",
    ),
    Request(
        "memories.ai",
        "memories.ai",
        "multimodalembedding@001",
        (1024,),
        """
  curl -s {address}/serve/api/v2/embeddings/image \\
    -H 'Authorization: {key}' \\
    -F model=multimodalembedding@001 -F file=@{photo}
""",
    ),
)


def welcome_text(
    settings: Settings, gate: Authenticator, off: Mapping[str, Off], address: str, photo: Path
) -> str:
    """Let a key of this process's own in at `gate`, and describe how to use it."""
    created = new_key(CONSUMER, time.time())
    gate.add_own(created.record)
    # The key is in no store, and its consumer is: `imgvec usage` shows what was counted.
    with closing(store_of(settings)) as store:
        store.add_consumer(CONSUMER)
    known = {"key": created.key, "address": address, "photo": shlex.quote(str(photo))}
    return TEXT.format(
        page=PLAYGROUND.format(**known) if settings.playground else "",
        lines="\n".join(f"  {line}" for line in _lines(settings, created.key)),
        requests="\n".join(_requests(off, known)),
        **known,
    )


def _requests(off: Mapping[str, Off], known: Mapping[str, str]) -> Iterator[str]:
    """A request for each dialect that has an encoder here."""
    yield "Here is a request for each dialect, with our photo:\n"
    for one in REQUESTS:
        shut = off.get(one.dialect, {}).get(one.model, frozenset())
        dimensions = next((number for number in one.dimensions if number not in shut), None)
        if dimensions is not None:
            yield f"  # {one.title}{one.text.format(dimensions=dimensions, **known)}"


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
