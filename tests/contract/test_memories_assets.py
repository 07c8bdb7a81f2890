"""memories.ai: upload, signed upload address, metadata, download, delete."""

import re
import socket
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from starlette.testclient import TestClient

from tests.support.contract.checks import assert_memories_error, assert_unit, bits
from tests.support.server.places import (
    BEHIND_A_GATEWAY,
    PictureServer,
    Place,
    create_key,
    server_environment,
)

BASE = "/serve/api/v2"
LIMIT = 20_000_000
ASSET_ID = re.compile(r"re_[0-9]{18}")


def headers(place: Place, key: str | None = None) -> dict[str, str]:
    """The key, raw."""
    return {"Authorization": key or place.key}


def data_of(response: httpx2.Response) -> Any:
    """What is in an envelope of success, which is checked whole."""
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["X-Request-Id"]
    body = response.json()
    data = body["data"]
    assert body == {
        "code": 200,
        "msg": "success",
        "data": data,
        "success": True,
        "failed": False,
    }
    return data


def assert_no_asset(response: httpx2.Response) -> None:
    """The answer for an asset that is not there for this caller."""
    assert_memories_error(response, 400)
    assert response.json()["msg"] == "Asset not found"


def uploaded(place: Place, data: bytes, name: str = "cat.jpg", key: str | None = None) -> str:
    """The id of a new asset."""
    content = data_of(
        place.client.post(
            f"{BASE}/upload", headers=headers(place, key), files={"file": (name, data)}
        )
    )
    assert list(content) == ["asset_id"]
    assert ASSET_ID.fullmatch(content["asset_id"])
    return str(content["asset_id"])


def signed(place: Place, name: str = "cat.jpg") -> tuple[str, str]:
    """The id of an announced asset and the address to put its bytes to."""
    content = data_of(
        place.client.post(
            f"{BASE}/upload/signed-url", headers=headers(place), json={"original_filename": name}
        )
    )
    assert set(content) == {"asset_id", "signed_url", "expires_in"}
    assert ASSET_ID.fullmatch(content["asset_id"])
    assert type(content["expires_in"]) is int
    assert content["expires_in"] > 0
    return content["asset_id"], content["signed_url"]


def only_our_own_addresses(place: Place) -> None:
    """A bucket judges its addresses itself, and takes a file again (`test_blob_stores.py`)."""
    if place.name in BEHIND_A_GATEWAY:
        pytest.skip("the signed addresses here are the bucket's")


def metadata(place: Place, asset_id: str) -> Any:
    """The one resource that the metadata hold."""
    content = data_of(place.client.get(f"{BASE}/{asset_id}/metadata", headers=headers(place)))
    assert content == {"total": 1, "resource": content["resource"]}
    (resource,) = content["resource"]
    return resource


def embed(place: Place, asset_id: str, key: str | None = None) -> httpx2.Response:
    """Embed an asset."""
    return place.client.post(
        f"{BASE}/embeddings/image",
        headers=headers(place, key),
        json={"asset_id": asset_id, "model": "mobileclip"},
    )


def embed_file(place: Place, data: bytes) -> Any:
    """The vector of a file that is sent with the request."""
    response = place.client.post(
        f"{BASE}/embeddings/image",
        headers=headers(place),
        files={"file": data},
        data={"model": "mobileclip"},
    )
    return data_of(response)["embedding"]


def test_metadata_of_an_upload(place: Place, cat: bytes) -> None:
    before = time.time_ns() // 1_000_000
    asset_id = uploaded(place, cat, "Chelsea the Cat.JPG")
    after = time.time_ns() // 1_000_000 + 1
    resource = metadata(place, asset_id)
    created, modified = resource.pop("create_time"), resource.pop("modify_time")
    assert resource == {
        "asset_id": asset_id,
        "extension": "jpg",
        "original_filename": "Chelsea the Cat.JPG",
        "file_size": str(len(cat)),
        "upload_status": "SUCCESS",
    }
    assert isinstance(created, str)
    assert isinstance(modified, str)
    assert before <= int(created) <= int(modified) <= after


def test_signed_upload(place: Place, cat: bytes) -> None:
    asset_id, address = signed(place, "big.jpg")
    waiting = metadata(place, asset_id)
    assert waiting["upload_status"] == "WAITING"
    assert waiting["file_size"] == "0"
    assert waiting["original_filename"] == "big.jpg"
    assert waiting["create_time"] == waiting["modify_time"]
    # No key: whoever has the address may put the bytes there, a browser under any media type.
    response = place.client.put(address, content=cat, headers={"Content-Type": "image/jpeg"})
    assert response.status_code == 200, response.text
    assert response.content == b""
    finished = metadata(place, asset_id)
    assert finished["upload_status"] == "SUCCESS"
    assert finished["file_size"] == str(len(cat))
    assert finished["create_time"] == waiting["create_time"]
    embedding = data_of(embed(place, asset_id))["embedding"]
    assert_unit(embedding, 512)
    assert bits(embedding) == bits(embed_file(place, cat))


@pytest.mark.parametrize("place", ["uvicorn"], indirect=True)
def test_signed_upload_with_curl(place: Place, cat: bytes, tmp_path: Path) -> None:
    photo = tmp_path / "cat.jpg"
    photo.write_bytes(cat)
    asset_id, address = signed(place)
    sent = subprocess.run(
        ["curl", "-sS", "-f", "-T", str(photo), address],
        env={**place.environment, "NO_PROXY": "*"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (sent.returncode, sent.stdout, sent.stderr) == (0, b"", b"")
    assert_unit(data_of(embed(place, asset_id))["embedding"], 512)


@pytest.mark.parametrize("place", ["uvicorn"], indirect=True)
@pytest.mark.parametrize("announced", [True, False], ids=["announced", "chunked"])
def test_too_large_upload_with_curl(place: Place, tmp_path: Path, announced: bool) -> None:
    """The answer must get through, although the server does not read all that is sent."""
    photo = tmp_path / "cat.jpg"
    photo.write_bytes(bytes(3 * LIMIT))
    asset_id, address = signed(place)
    chunked = [] if announced else ["-H", "Transfer-Encoding: chunked"]
    sent = subprocess.run(
        ["curl", "-sS", *chunked, "-w", "%{http_code}", "-T", str(photo), address],
        env={**place.environment, "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert '"msg":"Request has exceeded the limit."' in sent.stdout, sent.stderr
    assert sent.stdout.endswith("400")
    assert_no_asset(embed(place, asset_id))


def test_two_uploads_are_two_assets(place: Place, cat: bytes) -> None:
    assert uploaded(place, cat) != uploaded(place, cat)
    assert signed(place)[1] != signed(place)[1]


def test_signed_address_is_this_service_s(place: Place) -> None:
    only_our_own_addresses(place)
    asset_id, address = signed(place)
    parts = urlsplit(address)
    assert address.startswith(str(place.client.base_url))
    assert asset_id in parts.path
    (token,) = parse_qs(parts.query)["token"]
    assert len(token) >= 27


@pytest.mark.parametrize(
    "spoil",
    [
        lambda address, other: address[:-1] + ("A" if address[-1] != "A" else "B"),
        lambda address, other: address.partition("?")[0],
        lambda address, other: address.partition("=")[0] + "=",
        lambda address, other: f"{address.partition('=')[0]}={other.partition('=')[2]}",
        lambda address, other: re.sub("re_[0-9]+", "re_" + "0" * 18, address),
        lambda address, other: re.sub("re_[0-9]+", "re_%00%F0%9F%98%BA", address),
        lambda address, other: address + "%C3%A9",
    ],
    ids=[
        "wrong token",
        "no token",
        "empty token",
        "another asset's token",
        "unknown asset",
        "strange asset",
        "token not ASCII",
    ],
)
def test_wrong_signed_address(place: Place, cat: bytes, spoil: Any) -> None:
    only_our_own_addresses(place)
    asset_id, address = signed(place)
    _, other = signed(place)
    assert_no_asset(place.client.put(spoil(address, other), content=cat))
    assert metadata(place, asset_id)["upload_status"] == "WAITING"
    assert place.client.put(address, content=cat).status_code == 200


def test_signed_address_is_good_once(place: Place, cat: bytes) -> None:
    only_our_own_addresses(place)
    asset_id, address = signed(place)
    assert place.client.put(address, content=cat).status_code == 200
    assert_no_asset(place.client.put(address, content=b"another file"))
    stored = place.client.get(
        f"{BASE}/{asset_id}/download", headers=headers(place), follow_redirects=True
    )
    assert stored.content == cat


def test_signed_address_of_a_deleted_asset(place: Place, cat: bytes) -> None:
    only_our_own_addresses(place)
    asset_id, address = signed(place)
    assert data_of(place.client.delete(f"{BASE}/{asset_id}", headers=headers(place))) is None
    assert_no_asset(place.client.put(address, content=cat))


def test_signed_address_expires(tmp_path: Path, pictures: PictureServer, cat: bytes) -> None:
    from imgvec.app import create_app
    from imgvec.assets.service import Assets
    from imgvec.settings import load_settings
    from imgvec.stores.folder import FolderBlobs
    from imgvec.stores.sqlite import SqliteStore

    environment = server_environment(tmp_path, pictures)
    key, _ = create_key("first", environment)
    settings = load_settings(environment)
    app = create_app(settings)
    late = 0.0
    store = SqliteStore(tmp_path)
    assets = Assets(
        store,
        FolderBlobs(tmp_path / "assets"),
        max_bytes=settings.max_image,
        clock=lambda: time.time() + late,
    )
    app.state.services = replace(app.state.services, assets=assets)
    with TestClient(app) as client:
        place = Place("in-process", client, key, "", "", environment)
        content = data_of(
            client.post(
                f"{BASE}/upload/signed-url",
                headers=headers(place),
                json={"original_filename": "cat.jpg"},
            )
        )
        late = content["expires_in"] + 1
        assert_no_asset(client.put(content["signed_url"], content=cat))
        # The upload is known for a day all the same, then it is not.
        assert metadata(place, content["asset_id"])["upload_status"] == "WAITING"
        late = 24 * 3600 + 1
        assert_no_asset(
            client.get(f"{BASE}/{content['asset_id']}/metadata", headers=headers(place))
        )
    store.close()


def test_public_url_is_the_base_of_signed_addresses(
    tmp_path: Path, pictures: PictureServer
) -> None:
    from imgvec.app import create_app
    from imgvec.settings import load_settings

    environment = {
        **server_environment(tmp_path, pictures),
        "IMGVEC_PUBLIC_URL": "https://vectors.example.com/prod/",
    }
    key, _ = create_key("first", environment)
    with TestClient(create_app(load_settings(environment))) as client:
        asset_id, address = signed(Place("in-process", client, key, "", "", environment))
    start = f"https://vectors.example.com/prod{BASE}/upload/signed/{asset_id}?token="
    assert address.startswith(start)


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("cat.jpg", "image/jpeg"),
        ("cat.JPEG", "image/jpeg"),
        ("cat.png", "image/png"),
        ("cat.webp", "image/webp"),
        ("cat.gif", "image/gif"),
        ("cat.bmp", "image/bmp"),
        ("cat.tiff", "image/tiff"),
        ("page.html", "text/html"),
        ("archive.tar.gz", "application/octet-stream"),
        ("cat", "application/octet-stream"),
        ("data:text/html,cat", "application/octet-stream"),
    ],
)
def test_download(place: Place, cat: bytes, name: str, media_type: str) -> None:
    asset_id = uploaded(place, cat, name)
    response = place.client.get(
        f"{BASE}/{asset_id}/download", headers=headers(place), follow_redirects=True
    )
    assert response.status_code == 200
    assert response.content == cat
    assert response.headers["Content-Type"] == media_type
    assert response.headers["Content-Length"] == str(len(cat))
    if not response.history:
        # A bucket cannot be told to send it; there a page of ours is another origin anyway.
        assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Disposition"].startswith("attachment; filename*=UTF-8''")


@pytest.mark.parametrize(
    ("given", "kept", "extension", "disposition"),
    [
        ("../../etc/passwd", "passwd", "", "passwd"),
        ("C:\\photos\\cat.png", "cat.png", "png", "cat.png"),
        ("кот и пёс.jpg", "кот и пёс.jpg", "jpg", None),
        ('a"; filename="b.jpg', 'a"; filename="b.jpg', "jpg", "a%22%3B%20filename%3D%22b.jpg"),
        ("a\r\nSet-Cookie: b.jpg", "aSet-Cookie: b.jpg", "jpg", "aSet-Cookie%3A%20b.jpg"),
        ("\u202egpj.exe", "gpj.exe", "exe", "gpj.exe"),
        ("..", "unnamed", "", "unnamed"),
        ("a" * 300 + ".png", "a" * 251 + ".png", "png", None),
    ],
    ids=["path", "Windows", "Cyrillic", "quote", "new header", "override", "dots", "long"],
)
def test_filenames(
    place: Place, given: str, kept: str, extension: str, disposition: str | None
) -> None:
    asset_id, address = signed(place, given)
    place.client.put(address, content=b"some bytes")
    resource = metadata(place, asset_id)
    assert resource["original_filename"] == kept
    assert resource["extension"] == extension
    response = place.client.get(
        f"{BASE}/{asset_id}/download", headers=headers(place), follow_redirects=True
    )
    assert response.content == b"some bytes"
    assert "Set-Cookie" not in response.headers
    if disposition is not None:
        expected = f"attachment; filename*=UTF-8''{disposition}"
        assert response.headers["Content-Disposition"] == expected
    assert response.headers["Content-Disposition"].isascii()


@pytest.mark.parametrize("address", ["{}", "asset/{}"])
def test_delete(place: Place, cat: bytes, address: str) -> None:
    asset_id = uploaded(place, cat)
    path = f"{BASE}/{address.format(asset_id)}"
    assert data_of(place.client.delete(path, headers=headers(place))) is None
    assert_no_asset(place.client.delete(path, headers=headers(place)))
    assert_no_asset(embed(place, asset_id))
    for what in ("metadata", "download"):
        assert_no_asset(place.client.get(f"{BASE}/{asset_id}/{what}", headers=headers(place)))


def test_another_consumer_s_asset(place: Place, cat: bytes) -> None:
    asset_id = uploaded(place, cat)
    others = headers(place, place.other_key)
    assert_no_asset(embed(place, asset_id, place.other_key))
    for what in ("metadata", "download"):
        assert_no_asset(place.client.get(f"{BASE}/{asset_id}/{what}", headers=others))
    for address in (asset_id, f"asset/{asset_id}"):
        assert_no_asset(place.client.delete(f"{BASE}/{address}", headers=others))
    # It is as it was.
    stored = place.client.get(
        f"{BASE}/{asset_id}/download", headers=headers(place), follow_redirects=True
    )
    assert stored.content == cat


def test_another_key_of_the_same_consumer(place: Place, cat: bytes) -> None:
    second, _ = create_key("first", place.environment)
    asset_id = uploaded(place, cat)
    assert_unit(data_of(embed(place, asset_id, second))["embedding"], 512)
    path = f"{BASE}/{asset_id}"
    assert (
        place.client.get(
            f"{path}/download", headers=headers(place, second), follow_redirects=True
        ).content
        == cat
    )
    assert data_of(place.client.delete(path, headers=headers(place, second))) is None
    assert_no_asset(embed(place, asset_id))


def test_unfinished_asset(place: Place) -> None:
    asset_id, _ = signed(place)
    assert_no_asset(embed(place, asset_id))
    assert_no_asset(
        place.client.get(
            f"{BASE}/{asset_id}/download", headers=headers(place), follow_redirects=True
        )
    )


def test_asset_that_is_no_image(place: Place) -> None:
    asset_id = uploaded(place, b"plain words", "notes.txt")
    assert_memories_error(embed(place, asset_id), 415)
    stored = place.client.get(
        f"{BASE}/{asset_id}/download", headers=headers(place), follow_redirects=True
    )
    assert stored.content == b"plain words"


@pytest.mark.parametrize(
    "content",
    [{}, {"original_filename": ""}, {"original_filename": None}, {"original_filename": 1}, []],
    ids=["missing", "empty", "null", "number", "list"],
)
def test_signed_address_needs_a_name(place: Place, content: object) -> None:
    path = f"{BASE}/upload/signed-url"
    assert_memories_error(place.client.post(path, headers=headers(place), json=content), 400)


@pytest.mark.parametrize(
    "files",
    [{"photo": b"GIF89a"}, {"file": b""}, [("file", b"a"), ("file", b"b")]],
    ids=["other name", "empty", "two"],
)
def test_upload_needs_a_file(place: Place, files: Any) -> None:
    response = place.client.post(f"{BASE}/upload", headers=headers(place), files=files)
    assert_memories_error(response, 400)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/upload"),
        ("POST", "/upload/signed-url"),
        ("GET", "/{}/metadata"),
        ("GET", "/{}/download"),
        ("DELETE", "/{}"),
        ("DELETE", "/asset/{}"),
    ],
)
@pytest.mark.parametrize("key", ["none", "revoked"])
def test_key_is_wanted(place: Place, cat: bytes, method: str, path: str, key: str) -> None:
    asset_id = uploaded(place, cat)
    shown = {} if key == "none" else headers(place, place.revoked_key)
    response = place.client.request(method, BASE + path.format(asset_id), headers=shown)
    assert_memories_error(response, 401)
    assert metadata(place, asset_id)["upload_status"] == "SUCCESS"


def test_largest_asset(place: Place, cat: bytes) -> None:
    """A file of exactly the limit, which is over that of a request."""
    padded = cat + bytes(LIMIT - len(cat))
    asset_id, address = signed(place)
    assert place.client.put(address, content=padded).status_code == 200
    assert metadata(place, asset_id)["file_size"] == str(LIMIT)
    assert bits(data_of(embed(place, asset_id))["embedding"]) == bits(embed_file(place, cat))


def test_too_large_asset(place: Place, cat: bytes) -> None:
    only_our_own_addresses(place)
    asset_id, address = signed(place)
    response = place.client.put(address, content=bytes(LIMIT + 1))
    assert_memories_error(response, 400)
    assert response.json()["msg"] == "Request has exceeded the limit."
    assert_no_asset(embed(place, asset_id))
    assert metadata(place, asset_id)["upload_status"] in {"WAITING", "FAILED"}


@pytest.mark.parametrize("place", ["uvicorn"], indirect=True)
def test_broken_off_upload_can_be_repeated(place: Place, cat: bytes) -> None:
    asset_id, address = signed(place)
    parts = urlsplit(address)
    head = (
        f"PUT {parts.path}?{parts.query} HTTP/1.1\r\n"
        f"Host: {parts.netloc}\r\nContent-Length: {len(cat)}\r\n\r\n"
    )
    with socket.create_connection((parts.hostname, parts.port), timeout=60) as connection:
        connection.sendall(head.encode() + cat[:1000])
        connection.shutdown(socket.SHUT_WR)
        # Nothing is answered to half a file.
        assert not connection.recv(1000).startswith(b"HTTP/1.1 200")
    assert_no_asset(embed(place, asset_id))
    assert place.client.put(address, content=cat).status_code == 200
    assert_unit(data_of(embed(place, asset_id))["embedding"], 512)
