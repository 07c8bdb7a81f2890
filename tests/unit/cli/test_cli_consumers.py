"""`imgvec consumers`: export and deletion of a consumer, over both stores."""

import json
import sqlite3
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result

from imgvec.accounts.authentication import Authenticator
from imgvec.accounts.chunks import CHUNK_SECONDS, ChunkMeter
from imgvec.accounts.idempotency import IdempotentMeter
from imgvec.accounts.metering import RESERVED_SECONDS
from imgvec.accounts.ports import Identifier
from imgvec.cli import group
from imgvec.cli.deletion import Deleted, Deletion
from imgvec.cli.export import ENDED, export
from imgvec.errors import ConsumerError, KeyInvalid, StackError
from imgvec.stores import TABLE_CACHE_SECONDS
from imgvec.stores.dynamodb import DynamoStore
from imgvec.stores.folder import FolderBlobs
from imgvec.stores.s3 import S3Blobs
from imgvec.stores.sqlite import FILE_NAME, SqliteStore
from imgvec.types import Plan, Quota, day_of, month_start
from tests.support.accounts.leaving_consumer import NOON, House
from tests.support.aws.dynamodb import Emulator

MONTH = (month_start(day_of(NOON)), day_of(NOON))


@pytest.fixture(params=["sqlite", "dynamodb"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """Each kind of store, empty."""
    if request.param == "sqlite":
        with closing(SqliteStore(tmp_path)) as store:
            yield House(store, FolderBlobs(tmp_path / "assets"), tmp_path)
        return
    emulator: Emulator = request.getfixturevalue("dynamodb")
    request.getfixturevalue("aws")
    table, bucket = emulator.new_table(), f"imgvec-{uuid.uuid4().hex[:12]}"
    client: Any = boto3.client("s3")
    with closing(client):
        client.create_bucket(Bucket=bucket)
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    with closing(DynamoStore(table)) as store, closing(S3Blobs(bucket)) as blobs:
        yield House(store, blobs, None, table, bucket)


def deletion(house: House) -> Deletion:
    cached = TABLE_CACHE_SECONDS if house.folder is None else 0.0
    return Deletion(house.store, house.files, house.registry, None, cached, house.tick, house.sleep)


def delete(house: House, name: str = "acme", *, with_usage: bool = False) -> Deleted:
    return deletion(house).run(house.consumer(name), with_usage)


def images(house: House, name: str) -> int:
    return sum(row.images for row in house.store.usage(name, *MONTH))


class TestDelete:
    def test_all_of_a_consumer_goes_and_nothing_of_another(self, house: House) -> None:
        house.move_in("other")
        before, objects = house.rows_of("other"), house.objects()
        house.move_in("acme")
        # A file that was deleted before has older versions in a bucket.
        assert len(house.rows_of("acme")) >= 10
        assert len(house.objects()) == len(objects) + 2

        done = delete(house)

        (kept,) = house.kept_of("acme")
        assert done == Deleted(keys=2, files=3, records=1, kept_as=kept)
        left = [row for row in house.rows_of("acme") if "gateway_key" not in row]
        assert left == []
        assert house.objects() == objects
        assert house.rows_of("other") == before

    def test_usage_is_kept_for_statements(self, house: House) -> None:
        house.move_in("acme")
        rows = [(row.day, row.label, row.images) for row in house.store.usage("acme", *MONTH)]
        delete(house)
        (kept,) = house.kept_of("acme")
        after = [(row.day, row.label, row.images) for row in house.store.usage(kept, *MONTH)]
        assert after == rows
        assert sum(count for _, _, count in after) == 7
        # As `imgvec usage` reads them.
        read = IdempotentMeter(house.store, window=0).usage(kept, *MONTH)
        assert sum(row.images for row in read) == 7

    def test_usage_too(self, house: House) -> None:
        house.move_in("acme")
        assert delete(house, with_usage=True).kept_as is None
        assert house.kept_of("acme") == []
        assert images(house, "acme") == 0

    def test_kept_usage_can_be_deleted_later(self, house: House) -> None:
        house.move_in("acme")
        kept = delete(house).kept_as
        assert kept is not None
        assert delete(house, kept, with_usage=True).kept_as is None
        assert house.kept_of("acme") == []
        assert images(house, kept) == 0

    def test_a_name_is_given_again_and_nothing_is_inherited(self, house: House) -> None:
        house.move_in("acme")
        delete(house)
        house.registry.put_plan(Plan("tight", quota=Quota(daily=2, monthly=2)))
        key = house.registry.create_key("acme", "tight").key
        assert house.store.plan_of("acme") == Plan("tight", quota=Quota(daily=2, monthly=2))
        assert len([one for one in house.store.list_keys() if one.consumer == "acme"]) == 1
        assert images(house, "acme") == 0
        assert house.store.stored_bytes("acme") == 0
        assert house.store.list_assets("acme") == []
        # The same Idempotency-Key is a new request, and the quota is whole.
        house.answer("acme", "again", 2, "order-1")
        assert images(house, "acme") == 2
        taken = house.store.quota_usage("acme", day_of(house.now), house.now)
        assert (taken.day, taken.month) == (2, 2)
        assert Authenticator(house.store).authenticate([key]).consumer == "acme"
        second = delete(house).kept_as
        assert len(house.kept_of("acme")) == 2
        assert second is not None
        assert images(house, second) == 2

    def test_keys_are_revoked_first_and_requests_at_work_are_waited_for(self, house: House) -> None:
        house.move_in("acme")
        key = house.registry.create_key("acme").key
        gate = Authenticator(house.store)
        gate.authenticate([key])
        house.store.touch_key(house.active("acme"), house.now, 0.0)
        ticket = house.meter.reserve(house.charge("acme", "late"))
        assert ticket is not None

        def sleep(seconds: float) -> None:
            with pytest.raises(KeyInvalid):
                gate.authenticate([key])
            if not house.waits:
                house.meter.settle(ticket)
            house.sleep(seconds)

        work = deletion(house)
        Deletion(
            work.store, work.files, work.registry, None, work.cache_seconds, work.clock, sleep
        ).run(house.consumer("acme"), with_usage=False)

        (kept,) = house.kept_of("acme")
        assert images(house, kept) == 8
        cached = TABLE_CACHE_SECONDS if house.folder is None else 0.0
        assert house.waits[0] == pytest.approx(RESERVED_SECONDS + cached, abs=0.1)

    def test_nobody_waits_for_keys_that_were_not_used(self, house: House) -> None:
        house.registry.create_key("acme")
        delete(house)
        assert house.waits == []

    def test_a_bulk_job_at_work_stops_it(self, house: House) -> None:
        house.move_in("acme")
        chunks = ChunkMeter(house.store, clock=lambda: house.now)
        hold = chunks.begin(house.charge("acme", "chunk"), 5)
        assert hold is not None
        with pytest.raises(ConsumerError, match="A bulk job of acme is at work"):
            delete(house)
        assert len(house.objects()) == 2
        house.now += CHUNK_SECONDS
        delete(house)
        (kept,) = house.kept_of("acme")
        assert images(house, kept) == 7

    def test_meanwhile_the_name_is_not_given(self, house: House) -> None:
        house.move_in("acme")
        house.store.begin_deletion("acme", "acme~1")
        for make in (
            lambda: house.registry.create_key("acme"),
            lambda: house.registry.assign_plan("acme", "small"),
        ):
            with pytest.raises(ConsumerError, match="is being deleted: `imgvec consumers delete"):
                make()
        assert house.consumer("acme").leaving == "acme~1"


class Killed(BaseException):
    """The process ends here."""


class TestInterrupted:
    """A run that is killed at each call of a store, and the one that follows it."""

    def test_sqlite(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        names = [
            *("add_action", "begin_deletion", "list_keys", "revoke_key", "expired_reservations"),
            *("usage", "list_assets", "get_asset", "move_asset", "delete_asset", "delete_sums"),
            *("delete_records", "keep_usage", "delete_key", "end_deletion"),
        ]
        number = 0
        finished = False
        while not finished:
            number += 1
            folder = tmp_path / str(number)
            with closing(SqliteStore(folder)) as store:
                house = House(store, FolderBlobs(folder / "assets"), folder)
                house.move_in("acme")
                with monkeypatch.context() as patch:
                    count = Countdown(number)
                    for name in names:
                        patch.setattr(SqliteStore, name, count.before(getattr(SqliteStore, name)))
                    patch.setattr(FolderBlobs, "purge", count.before(FolderBlobs.purge))
                    finished = self._run_until_killed(house)
                self._finish(house)
        assert number > 25

    def test_dynamodb(self, dynamodb: Emulator, aws: dict[str, str]) -> None:
        client: Any = boto3.client("s3")
        bucket = f"imgvec-{uuid.uuid4().hex[:12]}"
        client.create_bucket(Bucket=bucket)
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        client.close()
        number = 0
        finished = False
        while not finished:
            number += 1
            table = dynamodb.new_table()
            with closing(DynamoStore(table)) as store, closing(S3Blobs(bucket)) as blobs:
                house = House(store, blobs, None, table, bucket)
                house.move_in("acme")
                store.delete_identifier("acme")
                count = Countdown(number)
                clients: list[Any] = [store._table._client, blobs._client]
                for one in clients:
                    one.meta.events.register("provide-client-params.*", count.step)
                finished = self._run_until_killed(house)
                for one in clients:
                    one.meta.events.unregister("provide-client-params.*", count.step)
                self._finish(house)
        assert number > 40

    def test_the_second_run_deletes_usage_that_the_first_kept(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        house.move_in("acme")
        with monkeypatch.context() as patch:
            patch.setattr(type(house.store), "delete_key", Countdown(1).before(lambda: None))
            with pytest.raises(Killed):
                delete(house)
        kept = house.consumer("acme").leaving
        assert kept is not None
        assert images(house, kept) == 7
        assert delete(house, with_usage=True).kept_as is None
        assert (images(house, kept), house.kept_of("acme")) == (0, [])

    def _run_until_killed(self, house: House) -> bool:
        try:
            delete(house)
        except Killed:
            return False
        return True

    def _finish(self, house: House) -> None:
        if any(one.name == "acme" for one in house.store.list_consumers()):
            delete(house)
        (kept,) = house.kept_of("acme")
        assert house.rows_of("acme") == []
        assert house.objects() == []
        assert images(house, kept) == 7
        assert house.store.list_actions()[-1].what == ENDED


class Countdown:
    """Dies at a call."""

    def __init__(self, number: int) -> None:
        self.left = number

    def step(self, **_: object) -> None:
        """One call."""
        self.left -= 1
        if self.left == 0:
            raise Killed

    def before(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """The method, which is a call."""

        def call(*arguments: object, **named: object) -> object:
            self.step()
            return method(*arguments, **named)

        return call


class TestExport:
    def test_all_of_a_consumer_and_nothing_of_another(self, house: House, tmp_path: Path) -> None:
        house.move_in("other")
        house.move_in("acme")
        target = tmp_path / "acme.zip"
        done = export(house.store, house.files, house.consumer("acme"), target)
        assert (done.keys, done.days, done.records, done.files) == (2, 2, 1, 2)
        assert target.stat().st_mode & 0o777 == 0o600
        with zipfile.ZipFile(target) as archive:
            assert archive.testzip() is None
            parts = {name: archive.read(name) for name in archive.namelist()}
        assert parts["assets/acme_1"] == b"first file"
        assert parts["assets/acme_2"] == b"second"
        assert len([name for name in parts if name.startswith("assets/")]) == 2
        assert b"other" not in b"".join(parts.values())
        lines = {
            name: [json.loads(line) for line in data.splitlines()]
            for name, data in parts.items()
            if name.endswith(".jsonl")
        }
        assert json.loads(parts["consumer.json"])["plan"]["price"] == "0.0002"
        counted = [(row["images"], row["price"]) for row in lines["usage.jsonl"]]
        assert counted == [(2, "0.0001"), (5, "0.0002")]
        assert {row["file"] for row in lines["assets.jsonl"]} == {
            "assets/acme_1",
            "assets/acme_2",
            None,
        }
        assert [row["units"] for row in lines["idempotency.jsonl"]] == [1]
        assert {row["what"] for row in lines["actions.jsonl"]} == {
            "keys create",
            "keys revoke",
            "plans assign",
        }
        whole = b"".join(parts.values())
        assert all(key.digest.encode() not in whole for key in house.store.list_keys())

    def test_entries_about_a_former_consumer_stay_out(self, house: House, tmp_path: Path) -> None:
        house.move_in("acme")
        delete(house)
        house.registry.create_key("acme")
        target = tmp_path / "acme.zip"
        assert export(house.store, house.files, house.consumer("acme"), target).actions == 1


def test_a_name_at_a_gateway_needs_its_stack(
    dynamodb: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = dynamodb.new_table()
    monkeypatch.setenv("IMGVEC_TABLE", table)
    with closing(DynamoStore(table)) as store:
        store.add_consumer("acme")
        store.put_identifier(Identifier("acme", "key-1", "slow"))
        with pytest.raises(StackError, match="acme has a name at a gateway"):
            CliRunner().invoke(
                group, ["consumers", "delete", "acme", "--yes"], catch_exceptions=False
            )
        assert [one.leaving for one in store.list_consumers()] == [None]


class TestCommands:
    """Over SQLite, as an operator runs them."""

    @pytest.fixture
    def desk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
        monkeypatch.setenv("IMGVEC_DATA", str(tmp_path))
        monkeypatch.chdir(tmp_path)
        with closing(SqliteStore(tmp_path)) as store:
            house = House(store, FolderBlobs(tmp_path / "assets"), tmp_path)
            house.move_in("acme")
            house.registry.create_key("other")
            yield house

    def run(self, *arguments: str, answer: str | None = None) -> Result:
        return CliRunner().invoke(
            group, ["consumers", *arguments], input=answer, catch_exceptions=False
        )

    def listed(self) -> list[tuple[object, ...]]:
        rows = json.loads(self.run("list", "--json").stdout)
        return [(row["name"], row["state"], row["keys"], row["images"]) for row in rows]

    def test_listed_shown_exported_deleted(self, desk: House) -> None:
        assert self.listed() == [("acme", "active", 2, 7), ("other", "active", 1, 0)]
        shown = json.loads(self.run("show", "acme", "--json").stdout)
        assert (shown["files"], shown["bytes"], shown["idempotency records"]) == (3, 16, 1)
        done = self.run("export", "acme")
        assert done.stderr.startswith("Wrote acme.zip: 2 keys, ")
        assert zipfile.is_zipfile("acme.zip")

        asked = self.run("delete", "acme", answer="n\n")
        assert asked.exit_code == 1
        assert "Delete acme for good: 2 keys, 3 files, 7 counted images (kept)?" in asked.stderr
        assert len(self.listed()) == 2

        done = self.run("delete", "acme", "--yes")
        (kept,) = desk.kept_of("acme")
        assert done.stderr == (
            f"acme is deleted: 2 keys, 3 files, 1 idempotency records. Usage is kept as {kept}.\n"
        )
        assert self.listed() == [(kept, "deleted", 0, 7), ("other", "active", 1, 0)]
        assert self.run("delete", kept, "--yes").exit_code == 2
        assert self.run("delete", kept, "--with-usage", "--yes").exit_code == 0
        assert self.listed() == [("other", "active", 1, 0)]

    def test_a_run_that_was_interrupted_is_seen(self, desk: House) -> None:
        desk.store.begin_deletion("acme", "acme~1")
        assert self.listed()[0][:2] == ("acme", "being deleted")

    def test_no_such_consumer(self, desk: House) -> None:
        for command in ("show", "export", "delete"):
            done = self.run(command, "nobody")
            assert done.exit_code == 1
            assert "There is no consumer 'nobody'" in done.stderr

    def test_no_bytes_of_it_are_left_in_the_file(self, desk: House) -> None:
        data = desk.folder
        assert data is not None
        digest = desk.active("acme")
        self.run("delete", "acme", "--with-usage", "--yes")
        whole = b"".join(path.read_bytes() for path in data.glob(f"{FILE_NAME}*"))
        for secret in (digest.encode(), b"a.png", b"acme_1"):
            assert secret not in whole
        with closing(sqlite3.connect(data / FILE_NAME)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
