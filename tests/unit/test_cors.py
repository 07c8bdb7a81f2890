"""Web pages may call, with a key: of any origin by default, of one where the operator says so."""

from pathlib import Path

from starlette.testclient import TestClient

from imgvec.app import create_app
from imgvec.settings import load_settings

PAGE = "https://page.example"
PREFLIGHT = {
    "Origin": PAGE,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}


def client(folder: Path, **settings: str) -> TestClient:
    """A server, in process."""
    return TestClient(create_app(load_settings({"IMGVEC_DATA": str(folder), **settings})))


def test_a_page_of_any_origin_may_call(tmp_path: Path) -> None:
    with client(tmp_path) as server:
        asked = server.options("/v1/embeddings", headers=PREFLIGHT)
        assert asked.status_code == 200
        assert asked.headers["Access-Control-Allow-Origin"] == "*"
        assert "authorization" in asked.headers["Access-Control-Allow-Headers"]
        # No browser sends cookies along, and a page reads the error: it needs a key of its own.
        assert "Access-Control-Allow-Credentials" not in asked.headers
        answer = server.post("/v1/embeddings", headers={"Origin": PAGE}, json={})
        assert answer.status_code == 401
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_a_named_origin_shuts_the_others_out(tmp_path: Path) -> None:
    with client(tmp_path, IMGVEC_CORS_ORIGINS="https://mine.example") as server:
        assert server.options("/v1/embeddings", headers=PREFLIGHT).status_code == 400
        answer = server.post("/v1/embeddings", headers={"Origin": PAGE}, json={})
        assert "Access-Control-Allow-Origin" not in answer.headers
