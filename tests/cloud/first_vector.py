"""Asks a stack that is fresh from `make deploy ENV=prod`, as the last lines of that say.

python first_vector.py STACK IMAGE, with what outputs.py prints in the environment.
"""

import json
import os
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import boto3
import httpx2

from imgvec.encoders.integrity import read_manifest
from imgvec.encoders.registry import shipped_folder
from imgvec.errors import ModelError
from infra.encoders import check_image
from tests.support.contract.checks import assert_unit
from tests.support.server.places import CAT, imgvec

ENCODER: Final = "clip-vit-b32"
BURST: Final = 3
"""Of an account of 10."""
CLIENTS: Final = 4
"""At once; the emulator runs an authorizer for each, in a container that has to start here."""
REQUESTS: Final = 32


def main(stack: str, image: str) -> None:
    """Fails where it does otherwise."""
    made = imgvec(
        "keys", "create", "my-team", "--json", "--stack", stack, environment={**os.environ}
    )
    assert made.returncode == 0, made.stderr
    key = json.loads(made.stdout)["key"]
    with httpx2.Client(base_url=os.environ["TEST_URL"], timeout=60, trust_env=False) as client:

        def ask(_: int = 0) -> httpx2.Response:
            fields = {"key": key, "dimension": "1024"}
            return client.post("/imgembed", data=fields, files={"file": CAT.read_bytes()})

        begun = time.monotonic()
        answer = ask()
        assert answer.status_code == 200, answer.text
        assert_unit(answer.json()["embedding"], 1024)
        assert answer.headers["X-Embedding-Model"] == ENCODER
        print(f"first vector, by {ENCODER}: {time.monotonic() - begun:.1f} s")
        time.sleep(BURST + 1)
        with ThreadPoolExecutor(CLIENTS) as pool:
            statuses = Counter(answer.status_code for answer in pool.map(ask, range(REQUESTS)))
        assert set(statuses) == {200, 429}, statuses
        assert statuses[200] >= BURST, statuses
        print(f"{REQUESTS} requests: {statuses[200]} answered, {statuses[429]} told 429")
    found = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    parameters = {one["ParameterKey"]: one["ParameterValue"] for one in found["Parameters"]}
    assert (parameters["ThrottleRate"], parameters["ThrottleBurst"]) == ("1", str(BURST))
    refuses_another(image)


def refuses_another(image: str) -> None:
    """The real image, compared with an encoder that it was not built with."""
    starter = read_manifest(Path(shipped_folder(), "starter"))
    try:
        check_image(image, [starter], endpoint=False)
    except ModelError as refusal:
        assert "has no encoder starter" in str(refusal)
    else:
        raise AssertionError("an image of CLIP alone passed for one of the starter")


if __name__ == "__main__":
    main(*sys.argv[1:])
