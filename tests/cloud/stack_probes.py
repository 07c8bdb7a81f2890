"""Probes of a deployed stack: its throttles, its versions, the past of its table.

Named so that `make test` passes it by: `make test-aws` runs all of it, `make test-cloud` a part.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import boto3
import httpx2
import pytest

from infra.account import Account, PublishedFunction
from infra.configuration import Configuration
from tests.support.server.places import ROOT, Place, create_key, imgvec

CLIENTS: Final = 4
"""At once; more would meet the account's concurrency, and an emulator's of containers."""
REQUESTS: Final = 40
ROUNDS: Final = 10
PAUSE_SECONDS: Final = 1.1
"""In which the slowest throttle has another token."""
MOST_RATE: Final = 50
"""Requests a second, which these clients exceed; the fast usage plan has 100 over all methods."""
FAULTS: Final = {429, 500, 503}
"""Answers of the gateway alone: throttled, no function to be had."""
NAMED_SECONDS: Final = 120.0
"""In which a new name is known to all of the gateway's machines."""
RESTORED: Final = {"Delay": 20, "MaxAttempts": 180}
"""An hour: AWS restores even a small table in many minutes."""


def stack() -> str:
    """The name of the stack."""
    return os.environ["TEST_STACK"]


def named_key(environment: dict[str, str]) -> tuple[str, str]:
    """A key of a consumer with a usage plan of its own; the shared one would count all methods."""
    made = imgvec("keys", "create", "probe", "--json", "--stack", stack(), environment=environment)
    assert made.returncode == 0, made.stderr
    end = time.monotonic() + NAMED_SECONDS
    while not has_name("probe", environment):
        assert time.monotonic() < end, "the consumer's name stays pending"
        imgvec("keys", "attach", "--stack", stack(), environment=environment)
    content = json.loads(made.stdout)
    return content["key"], content["id"]


def has_name(consumer: str, environment: dict[str, str]) -> bool:
    """Whether the gateway knows it; a stack without usage plans limits nobody by name."""
    listed = imgvec("keys", "list", "--json", "--stack", stack(), environment=environment)
    rows = [row for row in json.loads(listed.stdout) if row["consumer"] == consumer]
    return all(row.get("gateway", "own") == "own" for row in rows)


def test_each_method_has_a_bucket_of_its_own(place: Place) -> None:
    """So `ThrottleRate` is no total: while one method is throttled, another one answers."""
    if float(os.environ["TEST_THROTTLE"]) > MOST_RATE:
        pytest.skip(f"NOT RUN: deploy the stack with a ThrottleRate of at most {MOST_RATE}")
    emulated = "TEST_EMULATOR" in os.environ
    make = create_key if emulated else lambda _, environment: named_key(environment)
    key, key_id = make("probe", place.environment)
    flooded: Counter[int] = Counter()
    beside: Counter[int] = Counter()
    with (
        httpx2.Client(
            base_url=os.environ["TEST_URL"],
            timeout=60,
            trust_env=False,
            headers={"Authorization": f"Bearer {key}", "x-api-key": key},
        ) as client,
        ThreadPoolExecutor(CLIENTS) as pool,
    ):

        def ask(path: str) -> int:
            return client.post(path, json={}).status_code

        for _ in range(ROUNDS):
            flood = [pool.submit(ask, "/api/ai/embed") for _ in range(REQUESTS)]
            while not all(job.done() for job in flood):
                beside[ask("/store")] += 1
                time.sleep(PAUSE_SECONDS)
            flooded.update(job.result() for job in flood)
            if flooded[429] and beside.keys() - FAULTS:
                break
    imgvec("keys", "revoke", key_id, environment=place.environment)
    print(f"\none method: {dict(flooded)}, another one meanwhile: {dict(beside)}")
    assert flooded[429], "nothing was throttled"
    assert beside.keys() - FAULTS, "the other method was throttled too"


def earlier(function: PublishedFunction) -> str | None:
    """The newest version below the live one."""
    older = [version for version in function.versions if int(version) < int(function.live)]
    return max(older, key=int, default=None)


def test_rollback_and_forward_again(place: Place, tmp_path: Path) -> None:
    functions = Account(Configuration("probe", stack(), None, None, {})).functions()
    back = [f"{one.name}={earlier(one)}" for one in functions if earlier(one)]
    if not back:
        pytest.skip(f"NOT RUN: no function of {stack()} has an earlier version; deploy it again")
    shutil.copytree(ROOT / "infra", tmp_path / "infra")
    text = (ROOT / "samconfig.toml").read_text()
    (tmp_path / "samconfig.toml").write_text(text.replace('"imgvec-dev"', f'"{stack()}"'))

    def move(*versions: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "infra.rollback", "dev", *versions],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    (forward,) = re.findall(r"VERSIONS='(.+)'", move(*back))
    try:
        assert place.client.get("/ready").status_code == 200
    finally:
        move(*forward.split())
    assert place.client.get("/ready").status_code == 200
    again = Account(Configuration("probe", stack(), None, None, {})).functions()
    assert {one.name: one.live for one in again} == {one.name: one.live for one in functions}


def test_the_table_can_be_restored_beside_itself(place: Place) -> None:
    """As docs/how-to/restore.md does; the new table is deleted afterwards."""
    client: Any = boto3.client("dynamodb")
    source = place.environment["IMGVEC_TABLE"]
    target = f"{source}-probe"
    client.restore_table_to_point_in_time(
        SourceTableName=source, TargetTableName=target, UseLatestRestorableTime=True
    )
    try:
        client.get_waiter("table_exists").wait(TableName=target, WaiterConfig=RESTORED)

        def keys(table: str) -> set[str]:
            environment = {**place.environment, "IMGVEC_TABLE": table}
            listed = imgvec("keys", "list", "--json", environment=environment)
            return {row["id"] for row in json.loads(listed.stdout)}

        # AWS restores to five minutes ago at the latest.
        restored, live = keys(target), keys(source)
        print(f"\nkeys in the table {len(live)}, in the restored one {len(restored)}")
        assert restored
        assert restored <= live
    finally:
        client.delete_table(TableName=target)
