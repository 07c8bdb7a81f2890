"""A stack that is destroyed, and one that needs its past: the commands of docs/how-to/restore.md.

Named so that `make test` passes it by: `make test-emulator` runs it. Prints its figures.
"""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import boto3
import httpx2
import pytest

from tests.support.aws.data_stack import deploy, destroy
from tests.support.aws.ministack import MINISTACK, emulated
from tests.support.aws.written_commands import Shell, blocks
from tests.support.contract.embed_routes import V2
from tests.support.server.places import CAT, NOBODY, ROOT, imgvec, server_environment, serving

PAGE: Final = (ROOT / "docs" / "how-to" / "restore.md").read_text()
CLUSTERS: Final = (ROOT / "docs" / "how-to" / "ecs-kubernetes.md").read_text()
TASK: Final = json.loads((ROOT / "infra/ecs/task-definition.json").read_text())[
    "containerDefinitions"
][0]
STORES: Final = ("TABLE", "BUCKET")
IMAGES: Final = 7
FILES: Final = 2
CONSUMER: Final = "acme"


@dataclass
class Stack:
    """A stack, a consumer with files and a key, and the page's commands."""

    name: str
    environment: dict[str, str]
    outputs: dict[str, str]
    key: str = ""
    files: list[str] = field(default_factory=list)

    def command(self, *words: str) -> str:
        """`imgvec ... --stack`; gives what it prints."""
        done = imgvec(*words, "--stack", self.name, environment=self.environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def figures(self) -> dict[str, Any]:
        """All that is to be kept, as an operator sees it."""
        return {
            "keys": json.loads(self.command("keys", "list", "--json")),
            "plans": json.loads(self.command("plans", "list", "--json")),
            "usage": json.loads(self.command("usage", CONSUMER, "--json")),
            "files": json.loads(self.command("assets", "list", CONSUMER, "--json")),
            "actions": json.loads(self.command("actions", "--json")),
        }

    def shell(self) -> Shell:
        """`make` deploys the emulated part, and `imgvec` is the real one."""

        def make(words: list[str]) -> None:
            target, environment, *rest = words
            assert (target, environment) == ("deploy", "ENV=prod")
            (given,) = (word.removeprefix("PARAMETERS=").split() for word in rest)
            self.outputs = deploy(self.name, **dict(pair.split("=", 1) for pair in given))

        def ours(words: list[str]) -> None:
            done = imgvec(*words, environment=self.environment)
            assert done.returncode == 0, done.stderr

        return Shell({"make": make, "imgvec": ours}, fixed={"STACK": self.name})

    def embed(self, asset: str, times: int = 1) -> list[float]:
        """Have a server over the stack's table and bucket embed a file; gives the last vector."""
        with self.served() as client:
            for _ in range(times):
                body = {"model": "mobileclip", "asset_id": asset}
                answer = client.post(f"{V2}/embeddings/image", json=body)
                assert answer.status_code == 200, answer.text
        vector: list[float] = answer.json()["data"]["embedding"]
        return vector

    @contextmanager
    def served(self) -> Iterator[httpx2.Client]:
        """A client with the key, of a server that is new."""
        stores = {f"IMGVEC_{name}": self.outputs[f"{name.title()}Name"] for name in STORES}
        with (
            serving({**self.environment, **stores}) as server,
            httpx2.Client(
                base_url=server.address,
                timeout=60,
                trust_env=False,
                headers={"Authorization": self.key},
            ) as client,
        ):
            yield client


def counts(figures: dict[str, Any]) -> dict[str, int]:
    """How many there are of each kind."""
    numbers = {name: len(figures[name]) for name in ("keys", "plans", "files")}
    return numbers | {"images": sum(row["images"] for row in figures["usage"])}


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """Deployed on an emulator, and used by a consumer."""
    if not MINISTACK.exists():
        pytest.skip("`make emulator` installs one")
    with (
        emulated(tmp_path / "log.txt", "s3,dynamodb,cloudformation") as variables,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.delenv("AWS_ENDPOINT_URL_DYNAMODB", raising=False)
        for name, value in variables.items():
            patch.setenv(name, value)
        name = f"imgvec-{uuid.uuid4().hex[:8]}"
        environment = server_environment(tmp_path / "data", NOBODY)
        stack = Stack(name, environment, deploy(name, Protection="on"))
        stack.command("plans", "create", "small", "--monthly", "1000", "--storage", "1MB")
        made = stack.command("keys", "create", CONSUMER, "--plan", "small", "--json")
        stack.key = json.loads(made)["key"]
        with stack.served() as client:
            for _ in range(FILES):
                answer = client.post(f"{V2}/upload", files={"file": CAT.read_bytes()})
                stack.files.append(answer.json()["data"]["asset_id"])
        yield stack


def test_destroyed_and_deployed_again(stack: Stack) -> None:
    vector = stack.embed(stack.files[0], IMAGES)
    before, kept = stack.figures(), stack.outputs
    (names,), (again,) = blocks(PAGE), blocks(PAGE, "Deploy again")
    shell = stack.shell()
    shell.run(names)
    assert (shell.variables["TABLE"], shell.variables["BUCKET"]) == (
        kept["TableName"],
        kept["BucketName"],
    )

    destroy(stack.name)
    shell.run(again)

    assert stack.outputs == kept
    after = stack.figures()
    print(f"\nbefore and after: {counts(before)}, {counts(after)}")
    assert after == before
    assert counts(after) == {"keys": 1, "plans": 1, "images": IMAGES, "files": FILES}
    assert stack.embed(stack.files[0]) == vector
    assert counts(stack.figures())["images"] == IMAGES + 1


def test_a_table_as_it_was_at_a_point_in_time(stack: Stack) -> None:
    """On the emulator that point is the present, so the mistake comes after it."""
    vector = stack.embed(stack.files[0], IMAGES)
    before, old = stack.figures(), stack.outputs["TableName"]
    (names,), (restore,) = blocks(PAGE), blocks(PAGE, "A point in time")
    shell = stack.shell()
    shell.run(names)
    made, _, switch = restore.partition("make ")
    shell.run(made)
    stack.command("keys", "revoke", before["keys"][0]["id"])
    stack.command("assets", "delete", CONSUMER, stack.files[0])

    shell.run("make " + switch)

    assert stack.outputs["TableName"] == f"{old}-restored"
    assert stack.figures() == before
    client = boto3.client("dynamodb")
    ages = client.describe_time_to_live(TableName=f"{old}-restored")["TimeToLiveDescription"]
    assert ages == {"AttributeName": "ttl", "TimeToLiveStatus": "ENABLED"}
    table = client.describe_table(TableName=f"{old}-restored")["Table"]
    assert table["DeletionProtectionEnabled"]
    assert old in client.list_tables()["TableNames"]
    # The record of the file is back, and its bytes are not yet.
    (undelete,) = blocks(PAGE, "Deleted files")
    shell.run(undelete)
    assert stack.embed(stack.files[0]) == vector
    print(f"\nrestored: {counts(stack.figures())}")
    assert counts(stack.figures())["images"] == IMAGES + 1


def test_the_table_and_the_bucket_of_servers_without_a_stack(stack: Stack) -> None:
    """The commands of docs/how-to/ecs-kubernetes.md; a stack takes both over later."""
    (make,) = (one for one in blocks(CLUSTERS, "Table and bucket") if "create-table" in one)
    stack.shell().run(make)
    environment = {one["name"]: one["value"] for one in TASK["environment"]}
    table, bucket = environment["IMGVEC_TABLE"], environment["IMGVEC_BUCKET"]
    client = boto3.client("dynamodb")
    found, own = (
        client.describe_table(TableName=name)["Table"]
        for name in (table, stack.outputs["TableName"])
    )
    for part in ("KeySchema", "AttributeDefinitions", "BillingModeSummary"):
        assert found[part] == own[part]
    stack.outputs = deploy(stack.name, ExistingTable=table, ExistingBucket=bucket)
    stack.key = json.loads(stack.command("keys", "create", CONSUMER, "--json"))["key"]
    with stack.served() as servers:
        answer = servers.post(f"{V2}/upload", files={"file": CAT.read_bytes()})
    stack.embed(answer.json()["data"]["asset_id"])
    assert counts(stack.figures()) == {"keys": 1, "plans": 0, "images": 1, "files": 1}
