"""What a framework would answer in words of its own: 404, 405, and content types."""

import pytest

from tests.support.contract.checks import NOT_FOUND, assert_plain_error
from tests.support.contract.embed_routes import ASSET, CHECKS, KEY_HEADERS, V2
from tests.support.server.places import BEHIND_A_GATEWAY, Place


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/v2/embed", "cohere"),
        ("/v1/embed", "cohere"),
        ("/api/ai/embeddings", "coreviz"),
        ("/imgembed", "pixlab"),
        ("/llmimgembed", "pixlab"),
        ("/store", "pixlab"),
        (f"{V2}/embeddings/image", "memories.ai"),
        (f"{V2}/embeddings/text", "memories.ai"),
        (f"{V2}/upload", "memories.ai"),
        (f"{V2}/upload/signed-url", "memories.ai"),
        ("/weaviate/512/vectorize", "weaviate"),
        ("/bedrock/model/cohere.embed-english-v3/invoke", "bedrock"),
    ],
)
@pytest.mark.parametrize("media_type", [None, "", "multipart/form-data", "multipart/form-data; x"])
def test_content_type_that_says_too_little(
    place: Place, path: str, dialect: str, media_type: str | None
) -> None:
    """No type, or a form without its boundary: the caller's mistake and never ours."""
    headers = {KEY_HEADERS[dialect]: place.key}
    if media_type is not None:
        headers["Content-Type"] = media_type
    response = place.client.post(path, content=b"--edge--", headers=headers)
    assert response.status_code in (400, 415)
    CHECKS[dialect](response, response.status_code)


@pytest.mark.parametrize(
    ("path", "allow", "dialect"),
    [
        ("/v2/embed", "POST", "cohere"),
        ("/v1/embed", "POST", "cohere"),
        ("/cohere/v1/check-api-key", "POST", "cohere"),
        ("/api/ai/embeddings", "POST", "coreviz"),
        ("/api/ai/embed", "POST", "coreviz"),
        ("/imgembed", "GET, POST", "pixlab"),
        ("/llmimgembed", "POST", "pixlab"),
        ("/store", "POST", "pixlab"),
        (f"{V2}/embeddings/image", "POST", "memories.ai"),
        (f"{V2}/embeddings/text", "POST", "memories.ai"),
        (f"{V2}/upload", "POST", "memories.ai"),
        (f"{V2}/upload/signed-url", "POST", "memories.ai"),
        (f"{V2}/upload/signed/re_000000000000000000", "PUT", "memories.ai"),
        (f"{ASSET}/metadata", "GET", "memories.ai"),
        (f"{ASSET}/download", "GET", "memories.ai"),
        (ASSET, "DELETE", "memories.ai"),
        (f"{V2}/asset/re_000000000000000000", "DELETE", "memories.ai"),
        # Two routes meet here; both count.
        (f"{V2}/asset/metadata", "DELETE, GET", "memories.ai"),
        ("/weaviate/512/vectorize", "POST", "weaviate"),
        ("/weaviate/768/meta", "GET", "weaviate"),
        ("/weaviate/1024/.well-known/ready", "GET", "weaviate"),
        ("/bedrock/model/amazon.titan-embed-image-v1/invoke", "POST", "bedrock"),
        ("/bedrock/model/any/thing/invoke", "POST", "bedrock"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_wrong_method_names_the_right_ones(
    place: Place, path: str, allow: str, dialect: str, method: str
) -> None:
    if method == "OPTIONS" and place.name in BEHIND_A_GATEWAY:
        pytest.skip("the gateway answers preflight by itself")
    response = place.client.request(method, path)
    if method in allow.split(", "):
        assert response.status_code != 405
        return
    CHECKS[dialect](response, 405)
    assert response.headers["Allow"] == allow


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_wrong_method_outside(place: Place, path: str) -> None:
    response = place.client.post(path)
    assert_plain_error(response, 405)
    assert response.headers["Allow"] == "GET"


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/v2", "cohere"),
        ("/v2/rerank", "cohere"),
        ("/v1/embed/jobs", "cohere"),
        ("/cohere", "cohere"),
        ("/cohere/v1/rerank", "cohere"),
        ("/api/ai", "coreviz"),
        ("/api/ai/", "coreviz"),
        ("/api/ai/embeddings/", "coreviz"),
        ("/api/ai/describe", "coreviz"),
        ("/imgembed/", "pixlab"),
        ("/imgembed/1", "pixlab"),
        ("/llmimgembed/x", "pixlab"),
        ("/store/", "pixlab"),
        (V2, "memories.ai"),
        (f"{V2}/", "memories.ai"),
        (f"{V2}/embeddings", "memories.ai"),
        (f"{V2}/embeddings/video", "memories.ai"),
        (f"{V2}/upload/", "memories.ai"),
        (f"{ASSET}/nothing/more", "memories.ai"),
        ("/weaviate/512", "weaviate"),
        ("/weaviate/512/vectorize/", "weaviate"),
        ("/bedrock", "bedrock"),
        ("/bedrock/foundation-models", "bedrock"),
        ("/bedrock/model/amazon.titan-embed-image-v1/converse", "bedrock"),
        ("/bedrock/model/amazon.titan-embed-image-v1/invoke-with-response-stream", "bedrock"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_unknown_path_below_a_prefix(place: Place, method: str, path: str, dialect: str) -> None:
    CHECKS[dialect](place.client.request(method, path, follow_redirects=False), 404)


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/imgembedding",
        "/api/aim",
        "/api",
        "/serve/api/v2x",
        "/IMGEMBED",
        "/weaviate/640",
    ],
)
def test_unknown_path_outside(place: Place, path: str) -> None:
    response = place.client.get(path)
    assert_plain_error(response, 404)
    assert response.json() == {"error": NOT_FOUND}
