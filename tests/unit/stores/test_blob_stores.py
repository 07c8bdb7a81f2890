"""One suite for every blob store: a folder, and a bucket where an emulator runs."""

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import httpx2
import pytest

from imgvec.assets.ports import BlobStore, UploadStatus
from imgvec.assets.service import Assets
from imgvec.errors import AssetNotFound, StoreError, TooFast, TooLarge
from imgvec.ids import memories_id
from imgvec.stores.folder import FolderBlobs
from imgvec.stores.s3 import S3Blobs, make_client
from imgvec.stores.sqlite import SqliteStore
from tests.support.aws.ministack import CREDENTIALS
from tests.support.aws.rejecting_listener import refusing

MAX_BYTES = 1000


@pytest.fixture
def bucket(aws: dict[str, str]) -> str:
    """A new bucket with versions."""
    name = f"imgvec-{uuid.uuid4().hex[:12]}"
    client = boto3.client("s3")
    client.create_bucket(Bucket=name)
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    client.close()
    return name


@pytest.fixture
def in_s3(bucket: str) -> Iterator[S3Blobs]:
    """The store over a bucket."""
    blobs = S3Blobs(bucket)
    yield blobs
    blobs.close()


@pytest.fixture(params=["folder", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    """Each store in turn, empty."""
    if request.param == "folder":
        return FolderBlobs(tmp_path)
    store: S3Blobs = request.getfixturevalue("in_s3")
    return store


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([b"one"], id="one-chunk"),
        pytest.param([b"a", b"", b"bc" * 40_000, b"d"], id="several-and-an-empty-one"),
        pytest.param([bytes(range(256)) * 9000], id="every-byte-2-MB"),
        pytest.param([], id="nothing"),
    ],
)
def test_what_is_written_is_read(blobs: BlobStore, chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    assert blobs.write("re_1", chunks) == len(whole)
    assert blobs.read("re_1") == whole


@pytest.mark.parametrize("asset_id", ["../../escape", "/etc/imgvec", "..", "x" * 5000, "é"])
def test_an_id_is_never_a_name(blobs: BlobStore, asset_id: str) -> None:
    blobs.write(asset_id, [b"data"])
    assert blobs.read(asset_id) == b"data"
    assert blobs.read(asset_id + "2") is None


def test_what_is_purged_leaves_no_version_and_all_else_stays(in_s3: S3Blobs, bucket: str) -> None:
    client: Any = boto3.client("s3")

    def versions() -> list[str]:
        found = client.list_object_versions(Bucket=bucket)
        return [one["Key"] for one in (*found.get("Versions", ()), *found.get("DeleteMarkers", ()))]

    in_s3.write("re_12", [b"stays"])
    client.put_object(Bucket=bucket, Key="incoming/re_12", Body=b"stays")
    before = versions()
    for data in (b"one", b"two"):
        in_s3.write("re_1", [data])
        client.put_object(Bucket=bucket, Key="incoming/re_1", Body=data)
        in_s3.delete("re_1")
    assert len(versions()) == len(before) + 8
    for _ in range(2):
        in_s3.purge("re_1")
        assert versions() == before
    client.close()


def test_purged(blobs: BlobStore) -> None:
    blobs.write("re_1", [b"data"])
    blobs.write("re_2", [b"data"])
    for _ in range(2):
        blobs.purge("re_1")
        assert (blobs.read("re_1"), blobs.read("re_2")) == (None, b"data")


def test_absent(blobs: BlobStore) -> None:
    assert blobs.read("re_1") is None
    blobs.delete("re_1")


def test_what_is_open_is_read_in_pieces_to_its_end(blobs: BlobStore) -> None:
    assert blobs.open("re_1") is None
    blobs.write("re_1", [b"one", b"two"])
    file = blobs.open("re_1")
    assert file is not None
    with file:
        assert file.read(4) == b"onet"
        blobs.delete("re_1")
        assert (file.read(4), file.read(4)) == (b"wo", b"")
    assert blobs.open("re_1") is None


def test_the_first_whole_blob_stands(blobs: BlobStore) -> None:
    assert blobs.write("re_1", [b"first"]) == 5
    assert blobs.write("re_1", [b"the second"]) == 5
    assert blobs.read("re_1") == b"first"


def test_deleted_is_gone_and_can_be_written_again(blobs: BlobStore) -> None:
    blobs.write("re_1", [b"one"])
    blobs.write("re_2", [b"two"])
    blobs.delete("re_1")
    assert blobs.read("re_1") is None
    assert blobs.read("re_2") == b"two"
    assert blobs.write("re_1", [b"again"]) == 5
    assert blobs.read("re_1") == b"again"


def test_nothing_can_be_read_until_all_is_there_or_if_it_breaks_off(blobs: BlobStore) -> None:
    seen: list[bytes | None] = []

    def breaks_off() -> Iterator[bytes]:
        yield b"half"
        seen.append(blobs.read("re_1"))
        raise ConnectionError

    with pytest.raises(ConnectionError):
        blobs.write("re_1", breaks_off())
    assert seen == [None]
    assert blobs.read("re_1") is None


def test_of_many_writers_one_stands_and_all_are_told_of_it(blobs: BlobStore) -> None:
    barrier = threading.Barrier(8)

    def write(number: int) -> int:
        barrier.wait()
        return blobs.write("re_1", [b"x" * (number + 1)])

    with ThreadPoolExecutor(8) as pool:
        told = set(pool.map(write, range(8)))
    stood = blobs.read("re_1")
    assert stood is not None
    assert told == {len(stood)}


@pytest.fixture
def assets(in_s3: S3Blobs, tmp_path: Path) -> Iterator[Assets]:
    """Assets whose bytes clients put into the bucket themselves."""
    store = SqliteStore(tmp_path)
    yield Assets(store, in_s3, max_bytes=MAX_BYTES, direct=in_s3)
    store.close()


def put(address: str | None, data: bytes, kind: str = "image/jpeg") -> None:
    """As a browser would, without a key of ours."""
    assert address is not None
    answer = httpx2.put(address, content=data, headers={"Content-Type": kind}, trust_env=False)
    assert answer.status_code == 200, answer.text


def reserved(assets: Assets) -> tuple[str, str | None]:
    """A new upload's id, and where its bytes go."""
    asset, _ = assets.reserve("acme", "big.jpg", memories_id())
    return asset.asset_id, assets.put_address(asset)


def test_an_upload_past_the_service_is_found_on_first_use(assets: Assets) -> None:
    asset_id, address = reserved(assets)
    assert assets.find("acme", asset_id).status == "WAITING"
    put(address, b"image bytes")
    assert assets.read("acme", asset_id) == b"image bytes"
    assert assets.find("acme", asset_id).size == 11


def test_an_upload_past_the_service_is_taken_by_event_once_or_twice(assets: Assets) -> None:
    asset_id, address = reserved(assets)
    put(address, b"image bytes")
    assets.collect(asset_id)
    assets.collect(asset_id)
    assert assets.find("acme", asset_id).status == "SUCCESS"


def test_an_upload_is_not_lost_to_another_attempt_that_breaks_off(
    in_s3: S3Blobs, tmp_path: Path
) -> None:
    """Another process begins between this one's look at the status and its own beginning."""

    class Overtaken(SqliteStore):
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
            if first:
                assert other.move_asset(first.pop(), "WAITING", "UPLOADING", size=0, when=1.0)
            return super().move_asset(
                asset_id, origin, target, size=size, when=when, storage=storage
            )

    with closing(SqliteStore(tmp_path)) as other, closing(Overtaken(tmp_path)) as store:
        assets = Assets(store, in_s3, max_bytes=MAX_BYTES, direct=in_s3)
        asset_id, address = reserved(assets)
        put(address, b"image bytes")
        first = [asset_id]
        assets.collect(asset_id)
        assert first == [], "positive control"
        other.move_asset(asset_id, "UPLOADING", "WAITING", size=0, when=2.0)
        assert assets.read("acme", asset_id) == b"image bytes"


def test_an_event_before_the_bytes_changes_nothing(assets: Assets) -> None:
    asset_id, address = reserved(assets)
    assets.collect(asset_id)
    assert assets.find("acme", asset_id).status == "WAITING"
    put(address, b"late")
    assert assets.read("acme", asset_id) == b"late"


def test_what_is_put_again_is_never_read(assets: Assets, in_s3: S3Blobs) -> None:
    asset_id, address = reserved(assets)
    put(address, b"judged")
    assets.collect(asset_id)
    put(address, b"put again, by a replay")
    assets.collect(asset_id)
    assert assets.read("acme", asset_id) == b"judged"
    assert in_s3.arrived(asset_id) is None


def test_the_version_that_was_judged_is_read(bucket: str) -> None:
    """Also if the client puts another one between the look at it and the reading."""
    client = make_client()

    class Overtaken(S3Blobs):
        def arrived(self, asset_id: str) -> Iterator[bytes] | None:
            look = client.head_object

            def look_and_be_overtaken(**arguments: Any) -> object:
                answer = look(**arguments)
                put(self.put_address(asset_id, 60), b"second")
                return answer

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(client, "head_object", look_and_be_overtaken)
                return super().arrived(asset_id)

    blobs = Overtaken(bucket, client)
    put(blobs.put_address("re_1", 60), b"first")
    data = blobs.arrived("re_1")
    blobs.close()
    assert data is not None
    assert b"".join(data) == b"first"


def test_too_large_is_removed_and_has_failed(assets: Assets, in_s3: S3Blobs) -> None:
    asset_id, address = reserved(assets)
    put(address, b"x" * (MAX_BYTES + 1))
    with pytest.raises(TooLarge):
        assets.collect(asset_id)
    assert assets.find("acme", asset_id).status == "FAILED"
    assert in_s3.arrived(asset_id) is None
    with pytest.raises(AssetNotFound):
        assets.read("acme", asset_id)


def test_too_large_on_first_use_is_a_status_and_no_error(assets: Assets) -> None:
    asset_id, address = reserved(assets)
    put(address, b"x" * (MAX_BYTES + 1))
    assert assets.find("acme", asset_id).status == "FAILED"


def test_what_is_nobodys_is_removed(assets: Assets, in_s3: S3Blobs) -> None:
    put(in_s3.put_address("re_000000000000000001", 60), b"a deleted asset's")
    with pytest.raises(AssetNotFound):
        assets.collect("re_000000000000000001")
    assert in_s3.arrived("re_000000000000000001") is None


def test_download_is_an_address_with_the_files_name(assets: Assets) -> None:
    asset_id, address = reserved(assets)
    with pytest.raises(AssetNotFound):
        assets.get_address(assets.find("acme", asset_id), "image/jpeg", "attachment")
    put(address, b"image bytes", kind="text/html")
    elsewhere = assets.get_address(assets.find("acme", asset_id), "image/jpeg", "attachment")
    assert elsewhere is not None
    answer = httpx2.get(elsewhere, trust_env=False)
    assert answer.content == b"image bytes"
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Content-Disposition"] == "attachment"


def test_addresses_are_signed_as_aws_wants_and_under_incoming(in_s3: S3Blobs) -> None:
    address = in_s3.put_address("re_1", 900)
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in address
    assert "X-Amz-Expires=900" in address
    assert "/incoming/re_1?" in address
    assert "content-type" not in address.lower()


def test_without_an_emulators_address_the_bucket_is_a_host_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    address = S3Blobs("my-bucket").put_address("re_1", 60)
    assert address.startswith("https://my-bucket.s3.eu-west-1.amazonaws.com/incoming/re_1?")


def test_a_missing_bucket_is_named_and_nothing_else(aws: dict[str, str]) -> None:
    blobs = S3Blobs("no-such-bucket")
    with pytest.raises(StoreError, match="NoSuchBucket"):
        blobs.write("re_1", [b"data"])


def test_a_bucket_that_cannot_be_reached_is_a_fault_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StoreError, match="EndpointConnectionError"):
        S3Blobs("bucket").read("re_1")


@pytest.mark.parametrize(
    ("status", "code", "outcome"),
    [
        (503, "SlowDown", TooFast),
        (503, "ServiceUnavailable", TooFast),
        (403, "AccessDenied", StoreError),
        (500, "InternalError", StoreError),
    ],
)
def test_s3_refuses(
    monkeypatch: pytest.MonkeyPatch, status: int, code: str, outcome: type[Exception]
) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with refusing(status, code) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        blobs = S3Blobs("bucket")
        with pytest.raises(outcome) as told:
            blobs.read("re_1")
        with pytest.raises(outcome):
            blobs.write("re_1", [b"data"])
        assert "secret words" not in str(told.value)
