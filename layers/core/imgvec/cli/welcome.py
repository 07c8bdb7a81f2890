"""What `make run` prints: a key, and one request for each dialect, ready to paste."""

import shlex
from contextlib import closing
from pathlib import Path

from imgvec.consumers.registry import Registry
from imgvec.settings import Settings
from imgvec.stores.open import store_of

CONSUMER = "welcome"

TEXT = """
Your key (it works until the next `make run`; `imgvec keys create NAME` makes a lasting one):

  {key}

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


def welcome_text(settings: Settings, address: str, photo: Path) -> str:
    """Make a fresh key, revoke the one of the run before, and describe how to use it."""
    with closing(store_of(settings)) as store:
        registry = Registry(store, who="make run")
        for record in store.list_keys():
            if record.consumer == CONSUMER and record.revoked is None:
                registry.revoke_key(record.key_id)
        created = registry.create_key(CONSUMER)
    return TEXT.format(key=created.key, address=address, photo=shlex.quote(str(photo)))
