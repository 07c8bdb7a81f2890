"""A first deployment asks these besides AWS's emulator: a hub, and Lambda for the account's limit.

python beyond_emulator.py MODELS FILE. Answers until it is ended. The hub has a CLIP of random
weights, thin or of the true shape (CLIP_SHAPES). MODELS gets the recipe that pins its files, as
`imgvec models pin` would write it: an operator's own, so the shipped one stays as it is. FILE gets
what the shell exports.
"""

import sys
import threading
from pathlib import Path
from typing import Final

from tests.support.aws.account_settings import imitated_account_settings
from tests.support.models.local_hub import serving
from tests.support.models.pinned_hub import offer
from tests.support.models.thin_clip import SHAPES

NAME: Final = "clip-vit-b32"
NEW_ACCOUNT: Final = 10


def main(models: str, file: str) -> None:
    """Serve both."""
    with serving() as hub, imitated_account_settings(NEW_ACCOUNT) as account:
        offer(hub, NAME, SHAPES[NAME], Path(models))
        whole = Path(file).with_suffix(".part")
        whole.write_text(f"export IMGVEC_HUB={hub.address} AWS_ENDPOINT_URL_LAMBDA={account}\n")
        whole.rename(file)
        threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
