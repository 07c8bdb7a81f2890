"""Headers that keep strangers out of a page on which users type keys."""

from collections.abc import Iterable

from starlette.testclient import TestClient


def assert_strict(client: TestClient, paths: Iterable[str]) -> None:
    """The page and its files load nothing from elsewhere, and stand in no frame."""
    for path in paths:
        answer = client.get(path)
        assert answer.status_code == client.head(path).status_code == 200, path
        policy = answer.headers["Content-Security-Policy"].split("; ")
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert not [part for part in policy if "unsafe" in part or "*" in part or "http" in part]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
