"""`imgvec keys`."""

import json
import re
from pathlib import Path

import pytest

from imgvec.accounts.keys import well_formed
from tests.support.server.places import create_key, imgvec
from tests.unit.cli.said import Environment, assert_sentence


def test_create_key(environment: Environment) -> None:
    done = imgvec("keys", "create", "my-team", environment=environment)
    assert done.returncode == 0
    key, end = done.stdout[:-1], done.stdout[-1:]
    assert end == "\n"
    assert well_formed(key)
    ((listed),) = json.loads(imgvec("keys", "list", "--json", environment=environment).stdout)
    assert re.search(rf"\b{listed['id']} of my-team\b", done.stderr)
    assert key not in done.stderr


def test_create_key_as_json(environment: Environment) -> None:
    done = imgvec("keys", "create", "my-team", "--json", environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    content = json.loads(done.stdout)
    assert set(content) == {"key", "id", "consumer"}
    assert well_formed(content["key"])
    assert content["consumer"] == "my-team"


def test_a_key_is_not_kept(environment: Environment, tmp_path: Path) -> None:
    key, key_id = create_key("my-team", environment)
    files = [path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert any(key_id.encode() in data for data in files)
    assert not any(key.encode() in data for data in files)
    assert key not in imgvec("keys", "list", environment=environment).stdout
    assert key not in imgvec("keys", "list", "--json", environment=environment).stdout


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a\n", "x" * 65, "ü"])
def test_wrong_consumer(environment: Environment, name: str) -> None:
    done = imgvec("keys", "create", name, environment=environment)
    assert_sentence(done, 2, "imgvec: ", "1 to 64")


def test_list_of_no_keys(environment: Environment) -> None:
    done = imgvec("keys", "list", environment=environment)
    assert (done.returncode, done.stdout) == (0, "")
    assert "imgvec keys create" in done.stderr
    as_json = imgvec("keys", "list", "--json", environment=environment)
    assert (as_json.returncode, as_json.stdout, as_json.stderr) == (0, "[]\n", "")


def test_list_and_revoke(environment: Environment) -> None:
    _, first = create_key("long-" + "x" * 59, environment)
    _, second = create_key("b", environment)
    revoked = imgvec("keys", "revoke", first, environment=environment)
    assert (revoked.returncode, revoked.stdout) == (0, "")
    assert revoked.stderr == f"Key {first} is revoked.\n"
    rows = json.loads(imgvec("keys", "list", "--json", environment=environment).stdout)
    for row in rows:
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", row.pop("created"))
        assert [row.pop(name) for name in ("plan", "expires", "used")] == [None] * 3
    assert rows == [
        {"id": first, "consumer": "long-" + "x" * 59, "state": "revoked", "embeddings": 0},
        {"id": second, "consumer": "b", "state": "active", "embeddings": 0},
    ]
    table = imgvec("keys", "list", environment=environment).stdout.splitlines()
    names = ["id", "consumer", "plan", "state", "created", "expires", "used", "embeddings"]
    assert table[0].split() == names
    assert [line.split()[:4] for line in table[1:]] == [
        [first, "long-" + "x" * 59, "-", "revoked"],
        [second, "b", "-", "active"],
    ]
    # Columns stand below their headings, whatever the length of a name.
    starts = {line.index("revoked" if "revoked" in line else "active") for line in table[1:]}
    assert starts == {table[0].index("state")}


def test_revoke_what_cannot_be(environment: Environment) -> None:
    _, key_id = create_key("a", environment)
    imgvec("keys", "revoke", key_id, environment=environment)
    for given in (key_id, "k_0000000000", ""):
        assert_sentence(imgvec("keys", "revoke", given, environment=environment), 2, "imgvec: ")
