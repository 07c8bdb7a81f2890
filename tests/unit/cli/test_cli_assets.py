"""`imgvec assets`, and the limits of plans that are in bytes."""

import json
import uuid
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from imgvec.assets.ports import UNFINISHED_SECONDS
from imgvec.assets.service import Assets
from imgvec.aws.gateway_keys.usage_plans import find_stack
from imgvec.cli import group
from imgvec.stores.dynamodb import DynamoStore
from imgvec.stores.folder import FolderBlobs
from imgvec.stores.s3 import S3Blobs
from imgvec.stores.sqlite import SqliteStore
from imgvec.types import Plan
from tests.support.aws.small_stack import small_stack
from tests.support.server.places import imgvec
from tests.unit.cli.said import Environment

NOW = 1_772_193_600.0
"""2026-02-27 12:00 UTC."""


def run(*arguments: str, answer: str | None = None) -> Result:
    return CliRunner().invoke(group, arguments, input=answer, catch_exceptions=False)


def listed(consumer: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(run("assets", "list", consumer, "--json").stdout)
    return rows


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two finished files of one consumer, one that is unfinished and expired, one of another's."""
    monkeypatch.setenv("IMGVEC_DATA", str(tmp_path))
    with closing(SqliteStore(tmp_path)) as store:
        blobs = FolderBlobs(tmp_path / "assets")
        old = Assets(store, blobs, max_bytes=99, clock=lambda: NOW - UNFINISHED_SECONDS - 1)
        new = Assets(store, blobs, max_bytes=99, clock=lambda: NOW)
        for name in ("acme", "other", "empty"):
            store.add_consumer(name)
        old.reserve("acme", "old.png", "re_0")
        new.upload("acme", "a.png", b"1234", "re_1")
        new.upload("acme", "b.png", b"12", "re_2")
        new.upload("other", "c.png", b"1", "re_3")
    return tmp_path


def blobs_in(data: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in (data / "assets").rglob("*") if path.is_file())


@pytest.mark.usefixtures("data")
class TestList:
    def test_as_objects(self) -> None:
        rows = listed("acme")
        assert [row["id"] for row in rows] == ["re_0", "re_1", "re_2"]
        assert rows[1] == {
            "id": "re_1",
            "name": "a.png",
            "status": "SUCCESS",
            "size": 4,
            "created": "2026-02-27 12:00:00Z",
        }

    def test_as_a_table(self) -> None:
        lines = run("assets", "list", "acme").stdout.splitlines()
        assert lines[0].split() == ["id", "name", "status", "size", "created"]
        assert len(lines) == 4

    def test_of_none(self) -> None:
        assert run("assets", "list", "empty").stderr == "Consumer empty keeps no files.\n"
        unknown = run("assets", "list", "nobody")
        assert (
            unknown.exit_code,
            "no consumer 'nobody': `imgvec consumers list`" in unknown.stderr,
        ) == (1, True)


class TestDelete:
    def test_by_id(self, data: Path) -> None:
        assert run("assets", "delete", "acme", "re_1").exit_code == 0
        assert [row["id"] for row in listed("acme")] == ["re_0", "re_2"]
        assert blobs_in(data) == [b"1", b"12"]
        assert "assets delete" in run("actions").stdout

    def test_an_id_of_another_consumer_is_named_and_the_others_are_deleted(
        self, data: Path
    ) -> None:
        done = run("assets", "delete", "acme", "re_3", "re_1")
        assert (done.exit_code, done.stderr) == (
            1,
            "acme has no file 're_3'\n1 files are deleted.\n",
        )
        assert blobs_in(data) == [b"1", b"12"]

    @pytest.mark.parametrize("answer", ["n\n", ""])
    def test_all_is_asked_for_first(self, data: Path, answer: str) -> None:
        done = run("assets", "delete", "acme", "--all", answer=answer)
        assert done.exit_code == 1
        assert "Delete 3 files of acme for good?" in done.stderr
        assert len(listed("acme")) == 3

    @pytest.mark.parametrize("yes", [True, False])
    def test_all(self, data: Path, yes: bool) -> None:
        options = ("--all", "--yes") if yes else ("--all",)
        done = run("assets", "delete", "acme", *options, answer=None if yes else "y\n")
        assert done.exit_code == 0, done.output
        assert listed("acme") == []
        assert blobs_in(data) == [b"1"]

    @pytest.mark.parametrize("given", [(), ("re_1", "--all")])
    @pytest.mark.usefixtures("data")
    def test_ids_or_all(self, given: tuple[str, ...]) -> None:
        assert "Give the ids of files, or --all" in run("assets", "delete", "acme", *given).stderr


@pytest.mark.parametrize(
    ("text", "number"),
    [("1GB", 10**9), ("1.5mb", 1_500_000), ("20 kB", 20_000), ("512", 512), ("7B", 7)],
)
def test_a_plans_bytes(
    text: str, number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGVEC_DATA", str(tmp_path))
    made = run("plans", "create", "p", "--storage", text, "--max-bytes", text)
    assert made.exit_code == 0, made.output
    with closing(SqliteStore(tmp_path)) as store:
        assert store.list_plans() == [Plan("p", storage=number, max_bytes=number)]
    (row,) = json.loads(run("plans", "list", "--json").stdout)
    assert (row["storage"], row["max_bytes"]) == (number, number)


@pytest.mark.parametrize("text", ["", "0", "-1", "1PB", "1e9", "inf", "nan", "GB", "9999999TB"])
def test_no_number_of_bytes(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGVEC_DATA", str(tmp_path))
    made = run("plans", "create", "p", f"--storage={text}")
    assert (made.exit_code, "is no number of bytes such as 1GB" in made.stderr) == (2, True)


def test_files_of_a_stack(environment: Environment, aws: dict[str, str]) -> None:
    desk = {**environment, **aws, "AWS_ENDPOINT_URL_DYNAMODB": aws["AWS_ENDPOINT_URL"]}
    with small_stack(f"imgvec-{uuid.uuid4().hex[:8]}", gateway_keys=False) as stack:
        found = find_stack(stack.name)
        assert found.bucket is not None
        with closing(DynamoStore(found.table)) as store, closing(S3Blobs(found.bucket)) as blobs:
            store.add_consumer("acme")
            assets = Assets(store, blobs, max_bytes=99)
            for name in ("re_1", "re_2"):
                assets.upload("acme", f"{name}.png", b"bytes", name)
            at = ("--stack", stack.name)
            rows = json.loads(
                imgvec("assets", "list", "acme", "--json", *at, environment=desk).stdout
            )
            assert sorted(row["id"] for row in rows) == ["re_1", "re_2"]
            done = imgvec("assets", "delete", "acme", "re_1", *at, environment=desk)
            assert (done.returncode, done.stderr) == (0, "1 files are deleted.\n")
            assert (blobs.read("re_1"), blobs.read("re_2")) == (None, b"bytes")
            assert store.stored_bytes("acme") == 5
