"""Uploads, ownership and expiry, over a real SQLite file and folder, with a clock of our own."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from imgvec.assets.lifecycle import TIDIED
from imgvec.assets.ports import UNFINISHED_SECONDS, UploadStatus
from imgvec.assets.service import UPLOAD_SECONDS, Assets
from imgvec.errors import AssetNotFound, StoreError, TooLarge, TooManyUploads
from imgvec.ids import link_id, memories_id
from imgvec.stores.folder import FolderBlobs
from imgvec.stores.sqlite import SqliteStore

MAX_BYTES = 1000
DATA = b"image bytes"


@dataclass
class Clock:
    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class Interrupted(SqliteStore):
    """Lets something happen between reading a status and changing it, once."""

    def __init__(self, folder: Path, meanwhile: Callable[[], object]) -> None:
        super().__init__(folder)
        self._meanwhile = [meanwhile]

    def move_asset(
        self,
        asset_id: str,
        origin: UploadStatus,
        target: UploadStatus,
        *,
        size: int,
        when: float,
        storage: int | None = None,
    ) -> bool:
        if self._meanwhile:
            self._meanwhile.pop()()
        return super().move_asset(asset_id, origin, target, size=size, when=when, storage=storage)


@dataclass
class Place:
    """A service's stores, and what lies in them."""

    folder: Path
    store: SqliteStore
    assets: Assets
    clock: Clock

    @contextmanager
    def interrupted(self, meanwhile: Callable[[], object]) -> Iterator[Assets]:
        """The same assets, seen by a second process that is overtaken by `meanwhile`."""
        with closing(Interrupted(self.folder, meanwhile)) as store:
            blobs = FolderBlobs(self.folder / "assets")
            yield Assets(store, blobs, max_bytes=MAX_BYTES, clock=self.clock)

    def blobs(self) -> list[bytes]:
        found = (self.folder / "assets").rglob("*")
        return [path.read_bytes() for path in found if path.is_file()]

    def rows(self) -> list[tuple[str, str]]:
        with closing(sqlite3.connect(self.folder / "imgvec.sqlite3")) as connection:
            return connection.execute("SELECT asset_id, status FROM assets").fetchall()

    def status(self, asset_id: str) -> str:
        return self.assets.find("acme", asset_id).status


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    clock = Clock()
    with closing(SqliteStore(tmp_path)) as store:
        blobs = FolderBlobs(tmp_path / "assets")
        assets = Assets(store, blobs, max_bytes=MAX_BYTES, clock=clock)
        yield Place(tmp_path, store, assets, clock)


class TestUpload:
    @pytest.mark.parametrize("make_id", [memories_id, link_id])
    def test_a_file_is_kept_and_read(self, place: Place, make_id: Callable[[], str]) -> None:
        asset_id = make_id()
        asset = place.assets.upload("acme", "C:\\cat.PNG", DATA, asset_id)
        assert (asset.asset_id, asset.consumer, asset.filename) == (asset_id, "acme", "cat.PNG")
        assert (asset.status, asset.size) == ("SUCCESS", len(DATA))
        assert asset.created == asset.modified == place.clock.now
        assert place.assets.find("acme", asset_id) == asset
        assert place.assets.read("acme", asset_id) == DATA

    def test_the_limit_is_the_last_size_that_is_taken(self, place: Place) -> None:
        assert place.assets.upload("acme", "a", bytes(MAX_BYTES), "re_1").size == MAX_BYTES
        with pytest.raises(TooLarge):
            place.assets.upload("acme", "a", bytes(MAX_BYTES + 1), "re_2")
        assert place.rows() == [("re_1", "SUCCESS")]

    def test_an_id_that_is_taken_is_not_overwritten(self, place: Place) -> None:
        place.assets.upload("acme", "a", DATA, "re_1")
        with pytest.raises(StoreError):
            place.assets.upload("thief", "b", b"other", "re_1")
        assert place.assets.read("acme", "re_1") == DATA

    def test_an_id_that_is_taken_is_not_deleted(self, place: Place) -> None:
        _, token = place.assets.reserve("acme", "a", "re_1")
        with pytest.raises(StoreError):
            place.assets.reserve("thief", "b", "re_1")
        assert place.assets.receive("re_1", token, [DATA]).status == "SUCCESS"

    def test_a_finished_asset_is_kept_until_deleted(self, place: Place) -> None:
        place.assets.upload("acme", "a", DATA, "re_1")
        place.clock.now += 1000 * UNFINISHED_SECONDS
        place.assets.upload("acme", "b", DATA, "re_2")
        assert place.assets.read("acme", "re_1") == DATA

    def test_no_token_finishes_an_upload_that_has_none(self, place: Place) -> None:
        place.assets.upload("acme", "a", DATA, "re_1")
        with pytest.raises(AssetNotFound):
            place.assets.receive("re_1", "", [b"other"])


class TestReceive:
    def test_a_reserved_upload_takes_its_way(self, place: Place) -> None:
        asset, token = place.assets.reserve("acme", "cat.png", "re_1")
        assert (asset.status, asset.size, asset.filename) == ("WAITING", 0, "cat.png")
        seen = [place.status("re_1")]

        def data() -> Iterator[bytes]:
            for chunk in (DATA[:4], DATA[4:]):
                seen.append(place.status("re_1"))
                with pytest.raises(AssetNotFound):
                    place.assets.read("acme", "re_1")
                yield chunk

        place.clock.now += 60
        done = place.assets.receive("re_1", token, data())
        assert seen == ["WAITING", "UPLOADING", "UPLOADING"]
        assert (done.status, done.size) == ("SUCCESS", len(DATA))
        assert done.modified == done.created + 60
        assert place.assets.read("acme", "re_1") == DATA

    def test_whole_bytes_of_an_unfinished_upload_are_not_read(self, place: Place) -> None:
        """As after a crash between the bytes and the status."""
        place.assets.reserve("acme", "a", "re_1")
        FolderBlobs(place.folder / "assets").write("re_1", [DATA])
        with pytest.raises(AssetNotFound):
            place.assets.read("acme", "re_1")

    def test_tokens_are_long_differ_and_are_not_stored(self, place: Place) -> None:
        tokens = {place.assets.reserve("acme", "a", memories_id())[1] for _ in range(20)}
        assert len(tokens) == 20
        assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) for token in tokens)
        stored = b"".join(path.read_bytes() for path in place.folder.iterdir() if path.is_file())
        assert b"WAITING" in stored
        assert not [token for token in tokens if token.encode() in stored]

    def test_another_uploads_token_is_refused(self, place: Place) -> None:
        place.assets.reserve("acme", "a", "re_1")
        _, other = place.assets.reserve("acme", "b", "re_2")
        for token in (other, "", "x"):
            with pytest.raises(AssetNotFound):
                place.assets.receive("re_1", token, [DATA])
        assert place.status("re_1") == "WAITING"
        assert place.blobs() == []

    def test_an_unknown_asset_is_refused(self, place: Place) -> None:
        _, token = place.assets.reserve("acme", "a", "re_1")
        for asset_id in ("re_2", "", "re_\ud800"):
            with pytest.raises(AssetNotFound):
                place.assets.receive(asset_id, token, [DATA])

    def test_a_token_is_good_for_fifteen_minutes(self, place: Place) -> None:
        _, early = place.assets.reserve("acme", "a", "re_1")
        _, late = place.assets.reserve("acme", "b", "re_2")
        place.clock.now += UPLOAD_SECONDS - 1
        assert place.assets.receive("re_1", early, [DATA]).status == "SUCCESS"
        place.clock.now += 1
        with pytest.raises(AssetNotFound):
            place.assets.receive("re_2", late, [DATA])
        assert place.status("re_2") == "WAITING"

    def test_an_upload_that_outlasts_its_token_is_finished(self, place: Place) -> None:
        _, token = place.assets.reserve("acme", "a", "re_1")

        def data() -> Iterator[bytes]:
            place.clock.now += UPLOAD_SECONDS + 1
            yield DATA

        assert place.assets.receive("re_1", token, data()).status == "SUCCESS"

    def test_a_token_is_spent_by_success(self, place: Place) -> None:
        _, token = place.assets.reserve("acme", "a", "re_1")
        place.assets.receive("re_1", token, [DATA])
        with pytest.raises(AssetNotFound):
            place.assets.receive("re_1", token, [b"other"])
        assert place.assets.read("acme", "re_1") == DATA

    def test_an_attempt_that_breaks_off_may_be_repeated(self, place: Place) -> None:
        _, token = place.assets.reserve("acme", "a", "re_1")

        def broken() -> Iterator[bytes]:
            yield b"half"
            raise ConnectionResetError

        for _ in range(2):
            with pytest.raises(ConnectionResetError):
                place.assets.receive("re_1", token, broken())
            assert place.status("re_1") == "WAITING"
            assert place.blobs() == []
        assert place.assets.receive("re_1", token, [DATA]).size == len(DATA)
        assert place.assets.read("acme", "re_1") == DATA

    def test_over_the_limit_the_upload_has_failed_for_good(self, place: Place) -> None:
        _, token = place.assets.reserve("acme", "a", "re_1")
        taken = []

        def data() -> Iterator[bytes]:
            for number in range(100):
                taken.append(number)
                yield bytes(400)

        with pytest.raises(TooLarge):
            place.assets.receive("re_1", token, data())
        assert taken == [0, 1, 2]
        assert place.status("re_1") == "FAILED"
        assert place.blobs() == []
        with pytest.raises(AssetNotFound):
            place.assets.read("acme", "re_1")
        with pytest.raises(AssetNotFound):
            place.assets.receive("re_1", token, [DATA])

    def test_exactly_the_limit_is_taken(self, place: Place) -> None:
        _, token = place.assets.reserve("acme", "a", "re_1")
        assert place.assets.receive("re_1", token, [bytes(500), bytes(500)]).size == MAX_BYTES


class TestMeanwhile:
    """Something else happens to the asset while its bytes arrive."""

    def test_of_two_attempts_the_first_whole_one_stands(self, place: Place) -> None:
        _, token = place.assets.reserve("acme", "a", "re_1")

        def second() -> Iterator[bytes]:
            yield b"longer than "
            place.assets.receive("re_1", token, [DATA])
            yield b"the first"

        asset = place.assets.receive("re_1", token, second())
        assert (asset.status, asset.size) == ("SUCCESS", len(DATA))
        assert place.assets.read("acme", "re_1") == DATA
        assert place.blobs() == [DATA]

    def test_an_attempt_that_breaks_off_does_not_stop_another(self, place: Place) -> None:
        _, token = place.assets.reserve("acme", "a", "re_1")

        def broken() -> Iterator[bytes]:
            yield b"half"
            raise ConnectionResetError

        def good() -> Iterator[bytes]:
            with pytest.raises(ConnectionResetError):
                place.assets.receive("re_1", token, broken())
            yield DATA

        assert place.assets.receive("re_1", token, good()).status == "SUCCESS"
        assert place.assets.read("acme", "re_1") == DATA

    def test_an_attempt_that_breaks_off_late_takes_nothing_away(self, place: Place) -> None:
        _, token = place.assets.reserve("acme", "a", "re_1")

        def broken() -> Iterator[bytes]:
            yield b"half"
            place.assets.receive("re_1", token, [DATA])
            raise ConnectionResetError

        with pytest.raises(ConnectionResetError):
            place.assets.receive("re_1", token, broken())
        assert place.status("re_1") == "SUCCESS"
        assert place.assets.read("acme", "re_1") == DATA

    def test_an_oversized_attempt_takes_nothing_away_from_a_finished_one(
        self, place: Place
    ) -> None:
        _, token = place.assets.reserve("acme", "a", "re_1")

        def oversized() -> Iterator[bytes]:
            place.assets.receive("re_1", token, [DATA])
            yield bytes(MAX_BYTES + 1)

        with pytest.raises(TooLarge):
            place.assets.receive("re_1", token, oversized())
        assert place.assets.read("acme", "re_1") == DATA

    def test_an_asset_deleted_while_it_arrives_stays_deleted(self, place: Place) -> None:
        _, token = place.assets.reserve("acme", "a", "re_1")

        def data() -> Iterator[bytes]:
            yield DATA
            place.assets.delete("acme", "re_1")

        with pytest.raises(AssetNotFound):
            place.assets.receive("re_1", token, data())
        assert place.rows() == []
        assert place.blobs() == []

    def test_an_asset_that_failed_while_it_arrives_stays_failed(self, place: Place) -> None:
        _, token = place.assets.reserve("acme", "a", "re_1")

        def data() -> Iterator[bytes]:
            yield DATA
            with pytest.raises(TooLarge):
                place.assets.receive("re_1", token, [bytes(MAX_BYTES + 1)])

        with pytest.raises(AssetNotFound):
            place.assets.receive("re_1", token, data())
        assert place.status("re_1") == "FAILED"
        assert place.blobs() == []

    def test_an_upload_that_finishes_just_before_its_deletion_is_deleted(
        self, place: Place
    ) -> None:
        _, token = place.assets.reserve("acme", "a", "re_1")
        with place.interrupted(lambda: place.assets.receive("re_1", token, [DATA])) as assets:
            assets.delete("acme", "re_1")
        assert place.rows() == []
        assert place.blobs() == []

    def test_an_upload_that_finishes_just_before_it_expires_is_kept(self, place: Place) -> None:
        _, token = place.assets.reserve("acme", "a", "re_1")
        begun = place.clock.now

        def finish() -> None:
            place.clock.now = begun
            place.assets.receive("re_1", token, [DATA])

        place.clock.now += UNFINISHED_SECONDS + 1
        with place.interrupted(finish) as assets:
            assets.tidy()
        assert place.assets.read("acme", "re_1") == DATA

    def test_an_attempt_overtaken_by_one_that_broke_off_goes_on(self, place: Place) -> None:
        _, token = place.assets.reserve("acme", "a", "re_1")

        def start() -> None:
            place.store.move_asset("re_1", "WAITING", "UPLOADING", size=0, when=1.0)

        with place.interrupted(start) as assets:
            assert assets.receive("re_1", token, [DATA]).status == "SUCCESS"
        assert place.assets.read("acme", "re_1") == DATA

    def test_an_attempt_overtaken_by_success_is_refused(self, place: Place) -> None:
        _, token = place.assets.reserve("acme", "a", "re_1")
        with (
            place.interrupted(lambda: place.assets.receive("re_1", token, [DATA])) as assets,
            pytest.raises(AssetNotFound),
        ):
            assets.receive("re_1", token, [b"other"])
        assert place.assets.read("acme", "re_1") == DATA


class TestOwnership:
    def test_another_consumers_asset_is_unknown(self, place: Place) -> None:
        place.assets.upload("acme", "a", DATA, "re_1")
        place.assets.reserve("acme", "a", "re_2")
        for asset_id in ("re_1", "re_2"):
            for ask in (place.assets.find, place.assets.read, place.assets.delete):
                with pytest.raises(AssetNotFound):
                    ask("other", asset_id)
        assert place.assets.read("acme", "re_1") == DATA
        assert place.status("re_2") == "WAITING"

    @pytest.mark.parametrize("asset_id", ["re_1", "", "../x", "re_\ud800", "re_\x00", "é"])
    def test_an_unknown_asset(self, place: Place, asset_id: str) -> None:
        for ask in (place.assets.find, place.assets.read, place.assets.delete):
            with pytest.raises(AssetNotFound):
                ask("acme", asset_id)

    def test_refusals_of_foreign_and_of_unknown_assets_read_alike(self, place: Place) -> None:
        place.assets.upload("acme", "a", DATA, "re_1")
        messages = []
        for asset_id in ("re_1", "re_2"):
            with pytest.raises(AssetNotFound) as caught:
                place.assets.find("other", asset_id)
            messages.append(caught.value.message)
        assert messages[0] == messages[1]


class TestDelete:
    def test_a_deleted_asset_is_gone_with_its_bytes(self, place: Place) -> None:
        place.assets.upload("acme", "a", DATA, "re_1")
        place.assets.upload("acme", "b", b"other", "re_2")
        place.assets.delete("acme", "re_1")
        for ask in (place.assets.find, place.assets.read, place.assets.delete):
            with pytest.raises(AssetNotFound):
                ask("acme", "re_1")
        assert place.blobs() == [b"other"]
        assert place.rows() == [("re_2", "SUCCESS")]

    def test_an_unfinished_upload_may_be_deleted_and_its_token_is_spent(self, place: Place) -> None:
        _, token = place.assets.reserve("acme", "a", "re_1")
        place.assets.delete("acme", "re_1")
        with pytest.raises(AssetNotFound):
            place.assets.receive("re_1", token, [DATA])
        assert place.rows() == []

    def test_bytes_that_are_missing_are_an_unknown_asset(self, place: Place) -> None:
        place.assets.upload("acme", "a", DATA, "re_1")
        FolderBlobs(place.folder / "assets").delete("re_1")
        with pytest.raises(AssetNotFound):
            place.assets.read("acme", "re_1")


class TestExpiry:
    def test_an_unfinished_upload_is_unknown_after_a_day(self, place: Place) -> None:
        place.assets.reserve("acme", "a", "re_1")
        place.clock.now += UNFINISHED_SECONDS
        assert place.status("re_1") == "WAITING"
        place.clock.now += 1
        with pytest.raises(AssetNotFound):
            place.assets.find("acme", "re_1")

    def test_what_nobody_asked_for_again_is_removed(self, place: Place) -> None:
        place.assets.reserve("acme", "a", "re_1")
        _, token = place.assets.reserve("other", "b", "re_2")
        with pytest.raises(TooLarge):
            place.assets.receive("re_2", token, [bytes(MAX_BYTES + 1)])
        place.clock.now += UNFINISHED_SECONDS + 1
        place.assets.reserve("acme", "c", "re_3")
        place.assets.tidy()
        assert [asset_id for asset_id, _ in place.rows()] == ["re_3"]

    def test_a_new_asset_waits_for_no_removal_and_each_one_is_bounded(self, place: Place) -> None:
        for number in range(TIDIED + 5):
            place.assets.reserve("other", "a", f"re_{number}")
        place.clock.now += UNFINISHED_SECONDS + 1
        place.assets.reserve("acme", "c", "re_new")
        left = [len(place.rows())]
        for _ in range(2):
            place.assets.tidy()
            left.append(len(place.rows()))
        assert left == [TIDIED + 6, 6, 1]

    def test_a_consumer_has_so_many_unfinished_uploads_at_once(
        self, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("imgvec.assets.lifecycle.MOST_OPEN", 2)
        _, token = place.assets.reserve("acme", "a", "re_1")
        place.assets.reserve("acme", "b", "re_2")
        for begin in (
            lambda: place.assets.reserve("acme", "c", "re_3"),
            lambda: place.assets.upload("acme", "c", DATA, "re_3"),
        ):
            with pytest.raises(TooManyUploads):
                begin()
        place.assets.reserve("other", "a", "re_other")
        place.assets.receive("re_1", token, [DATA])
        place.assets.upload("acme", "c", DATA, "re_3")
        place.assets.delete("acme", "re_2")
        place.assets.reserve("acme", "d", "re_4")
        place.assets.reserve("acme", "e", "re_5")
        place.clock.now += UNFINISHED_SECONDS
        place.assets.reserve("acme", "f", "re_6")
