"""Bedrock: Titan image, Cohere v3 and v4, Nova; keys as bearer and as session token."""

import base64
import json
import uuid
from collections.abc import Iterator, Mapping
from urllib.parse import quote

import boto3
import httpx2
import numpy as np
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from starlette.testclient import TestClient

from imgvec.accounts.keys import mint
from imgvec.app import create_app
from imgvec.settings import load_settings
from imgvec.stores.sqlite import SqliteStore
from tests.support.contract.checks import (
    assert_bedrock_error,
    assert_made_headers,
    assert_unit,
    bits,
    data_uri,
    small_png,
)
from tests.support.server.places import (
    NOBODY,
    ROOT,
    PictureServer,
    Place,
    create_key,
    imgvec,
    server_environment,
    serving,
)

TITAN = "amazon.titan-embed-image-v1"
ENGLISH = "cohere.embed-english-v3"
MULTILINGUAL = "cohere.embed-multilingual-v3"
FOUR = "cohere.embed-v4:0"
NOVA = "amazon.nova-2-multimodal-embeddings-v1:0"
PNG = small_png()
IMAGE = base64.b64encode(PNG).decode()
URI = data_uri(PNG, "image/png")
TEXT = "a photo of a cat"
SIGNED = "AWS4-HMAC-SHA256 Credential=imgvec/20261130/us-east-1/bedrock/aws4_request, Signature=0"
NONE: Mapping[str, str] = {}
AWS_TOKEN = "FwoGZXIvYXdzEJr//////////wEaDExample"
UNRECOGNIZED = {"message": "The security token included in the request is invalid."}
UNAUTHENTICATED = {"Message": "Authentication failed: Please make sure your API Key is valid."}

Body = Mapping[str, object] | bytes


def ask(
    place: Place, model: str, body: Body, headers: Mapping[str, str] | None = None
) -> httpx2.Response:
    """Invoke a model as an SDK does: the id percent-encoded, the key as session token."""
    shown = {"Authorization": SIGNED, "X-Amz-Security-Token": place.key}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    path = f"/bedrock/model/{quote(model, safe='')}/invoke"
    return place.client.post(path, content=content, headers=shown if headers is None else headers)


def good(response: httpx2.Response) -> dict[str, object]:
    """The body of a success."""
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["x-amzn-RequestId"] == response.headers["X-Request-Id"]
    content: dict[str, object] = response.json()
    return content


def titan(place: Place, **body: object) -> bytes:
    """The bits of Titan's vector."""
    return bits(good(ask(place, TITAN, body))["embedding"])


def cohere(place: Place, model: str = ENGLISH, **body: object) -> list[bytes]:
    """The bits of Cohere's vectors."""
    vectors = good(ask(place, model, body))["embeddings"]
    assert isinstance(vectors, list)
    return [bits(one) for one in vectors]


def nova(**more: object) -> dict[str, object]:
    """A body for Nova."""
    params = {"embeddingPurpose": "GENERIC_INDEX", "embeddingDimension": 1024, **more}
    return {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": params}


def rejected(response: httpx2.Response, status: int, name: str, message: str = "") -> None:
    """The exception's name, and the beginning of its sentence."""
    assert_bedrock_error(response, status)
    assert response.headers["x-amzn-errortype"] == name
    assert message in response.json().get("message", "")


# Titan


def test_titan_embeds_an_image(place: Place) -> None:
    response = ask(place, TITAN, {"inputImage": IMAGE})
    content = good(response)
    assert list(content) == ["embedding", "inputTextTokenCount", "message"]
    assert (content["inputTextTokenCount"], content["message"]) == (0, None)
    assert_unit(response.json()["embedding"], 1024)
    assert_made_headers(response, 1024)
    known = {"img": IMAGE, "dimension": 1024, "key": place.key}
    other = place.client.post("/imgembed", json=known).json()["embedding"]
    assert bits(content["embedding"]) == bits(other)


def test_titan_embeds_a_text(place: Place) -> None:
    content = good(ask(place, TITAN, {"inputText": TEXT}))
    assert isinstance(content["inputTextTokenCount"], int)
    assert content["inputTextTokenCount"] > 0
    headers = {"Authorization": place.key}
    body = {"input": TEXT, "model": "multimodalembedding@001"}
    path = "/serve/api/v2/embeddings/text"
    (known,) = place.client.post(path, json=body, headers=headers).json()["data"]
    assert bits(content["embedding"]) == bits(known["embedding"])


def test_titans_both_are_the_normalised_mean(place: Place) -> None:
    both = good(ask(place, TITAN, {"inputText": TEXT, "inputImage": IMAGE}))
    alone = [titan(place, inputText=TEXT), titan(place, inputImage=IMAGE)]
    total = np.sum([np.frombuffer(one, np.float32).astype(np.float64) for one in alone], axis=0)
    assert bits(both["embedding"]) == (total / np.linalg.norm(total)).astype(np.float32).tobytes()
    text = good(ask(place, TITAN, {"inputText": TEXT}))
    assert both["inputTextTokenCount"] == text["inputTextTokenCount"]


@pytest.mark.parametrize(
    "body",
    [
        {"inputImage": IMAGE, "inputText": None},
        {"inputImage": IMAGE, "inputText": ""},
        {"inputImage": IMAGE, "embeddingConfig": None},
        {"inputImage": IMAGE, "embeddingConfig": {}},
        {"inputImage": IMAGE, "embeddingConfig": {"outputEmbeddingLength": 1024}},
        {"inputImage": IMAGE, "embeddingConfig": {"outputEmbeddingLength": 1024.0}},
        {"inputImage": IMAGE.rstrip("=")},
        {"inputImage": URI},
        {"inputText": URI},
        {"inputImage": IMAGE, "unknown": 1},
    ],
    ids=lambda body: str({name: str(value)[:25] for name, value in body.items()}),
)
def test_titan_takes_an_image_however_it_is_sent(place: Place, body: dict[str, object]) -> None:
    assert titan(place, **body) == titan(place, inputImage=IMAGE)


def test_titan_fetches_a_url(place: Place, pictures: PictureServer) -> None:
    url = pictures.url("bedrock.png", PNG)
    assert titan(place, inputImage=url) == titan(place, inputImage=IMAGE)


# Cohere


@pytest.mark.parametrize("model", [ENGLISH, MULTILINGUAL])
def test_cohere_answers_floats(place: Place, model: str) -> None:
    texts = [TEXT, "a dog"]
    content = good(ask(place, model, {"texts": texts, "input_type": "search_query"}))
    uuid.UUID(str(content.pop("id")))
    vectors = content.pop("embeddings")
    assert content == {
        "response_type": "embeddings_floats",
        "texts": texts,
        "input_type": "search_query",
    }
    assert isinstance(vectors, list)
    assert [bits(one) for one in vectors] == [titan(place, inputText=one) for one in texts]


def test_cohere_answers_by_type(place: Place) -> None:
    body: Body = {"input_type": "image", "images": [URI], "embedding_types": ["float"]}
    content = good(ask(place, ENGLISH, body))
    assert content["response_type"] == "embeddings_by_type"
    assert (content["texts"], content["input_type"]) == ([], "image")
    vectors = content["embeddings"]
    assert isinstance(vectors, dict)
    assert {name: [bits(one) for one in found] for name, found in vectors.items()} == {
        "float": [titan(place, inputImage=IMAGE)]
    }


def test_cohere_embeds_a_list_of_images_in_order(place: Place, cat: bytes) -> None:
    photo = data_uri(cat)
    found = cohere(place, images=[URI, photo, IMAGE], truncate="END", texts=None)
    assert found[0] == found[2] == titan(place, inputImage=IMAGE)
    assert found[1] == titan(place, inputImage=photo)


@pytest.mark.parametrize("dimensions", [512, 1024, 512.0])
def test_cohere_v4_has_the_dimensions_that_are_asked_for(place: Place, dimensions: float) -> None:
    response = ask(place, FOUR, {"images": [URI], "output_dimension": dimensions})
    (vector,) = response.json()["embeddings"]
    assert_unit(vector, int(dimensions))
    assert_made_headers(response, int(dimensions))


@pytest.mark.parametrize(
    "image",
    [
        {"type": "image_url", "image_url": URI},
        {"type": "image_url", "image_url": {"url": URI}},
        {"type": "image", "image": URI},
        {"type": "text", "text": URI},
    ],
    ids=["link", "object", "image", "text"],
)
def test_cohere_v4_mixes_in_one_input(place: Place, image: dict[str, object]) -> None:
    inputs = [{"content": [{"type": "text", "text": TEXT}, image]}, {"content": [image]}]
    found = cohere(place, FOUR, inputs=inputs, output_dimension=1024)
    both = titan(place, inputText=TEXT, inputImage=IMAGE)
    assert found == [both, titan(place, inputImage=IMAGE)]


# Nova


def test_nova_embeds_an_image_or_a_text(place: Place) -> None:
    image = nova(image={"format": "png", "source": {"bytes": IMAGE}})
    text = nova(text={"truncationMode": "END", "value": TEXT})
    for body, kind, known in (
        ({**image, "schemaVersion": "nova-multimodal-embed-v1"}, "IMAGE", {"inputImage": IMAGE}),
        (text, "TEXT", {"inputText": TEXT}),
    ):
        (found,) = json.loads(ask(place, NOVA, body).text)["embeddings"]
        assert list(found) == ["embeddingType", "embedding"]
        assert found["embeddingType"] == kind
        assert bits(found["embedding"]) == titan(place, **known)


# Names of models


@pytest.mark.parametrize(
    "model",
    [
        TITAN,
        f"{TITAN}:0",
        f"us.{TITAN}",
        f"global.{TITAN}:0",
        f"us-gov.{TITAN}:0",
        f"arn:aws:bedrock:us-east-1::foundation-model/{TITAN}",
        f"arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:inference-profile/us-gov.{TITAN}:0",
    ],
)
def test_names_of_a_model(place: Place, model: str) -> None:
    found = good(ask(place, model, {"inputImage": IMAGE}))["embedding"]
    assert bits(found) == titan(place, inputImage=IMAGE)


@pytest.mark.parametrize(
    "model",
    [
        "amazon.titan-embed-text-v2:0",
        "titan-embed-image-v1",
        f"{TITAN}:1",
        f"eu.us.{TITAN}",
        f"{TITAN}/",
        "cohere.embed-v4:0:0",
        "%2e",
    ],
)
def test_an_unknown_model(place: Place, model: str) -> None:
    response = ask(place, model, {"inputText": TEXT})
    rejected(response, 404, "ResourceNotFoundException", f"Unknown model; known: {TITAN}, ")


# Rejected


@pytest.mark.parametrize(
    ("model", "body", "message"),
    [
        (TITAN, {}, "Give 'inputText', 'inputImage' or both"),
        (TITAN, {"inputText": "", "inputImage": None}, "Give 'inputText', 'inputImage' or both"),
        (TITAN, {"inputText": 7}, "'inputText' must be a string"),
        (TITAN, {"inputImage": [IMAGE]}, "'inputImage' must be a string"),
        (TITAN, {"inputImage": "***"}, "The image is not valid base64"),
        (TITAN, {"inputText": "a", "embeddingConfig": 1}, "'embeddingConfig' must be an object"),
        (
            TITAN,
            {"inputText": "a", "embeddingConfig": {"outputEmbeddingLength": 384}},
            "'outputEmbeddingLength' of amazon.titan-embed-image-v1 must be one of: 1024",
        ),
        (
            TITAN,
            {"inputText": "a", "embeddingConfig": {"outputEmbeddingLength": 0.5}},
            "'outputEmbeddingLength' must be an integer",
        ),
        (ENGLISH, {}, "Give exactly one of 'texts', 'images' and 'inputs'"),
        (ENGLISH, {"texts": [], "images": None}, "Give exactly one of"),
        (ENGLISH, {"texts": ["a"], "images": [URI]}, "Give exactly one of"),
        (ENGLISH, {"texts": "a"}, "'texts' must be a list"),
        (ENGLISH, {"texts": ["a", ""]}, "texts[1]: A text must be a string that is not empty"),
        (ENGLISH, {"texts": [URI]}, "texts[0]: This is an image: send it in 'images'"),
        (ENGLISH, {"images": [URI, 7]}, "images[1]: An image must be base64, a data URI or a URL"),
        (ENGLISH, {"images": [URI, "data:image/png;base64,***"]}, "images[1]: The image is not"),
        (ENGLISH, {"images": [URI, URI, "aGVsbG8="]}, "images[2]: Not a supported image"),
        (ENGLISH, {"texts": ["a"], "embedding_types": ["int8"]}, "'embedding_types' may name"),
        (ENGLISH, {"texts": ["a"], "embedding_types": "float"}, "'embedding_types' may name"),
        (ENGLISH, {"texts": ["a"], "output_dimension": 512}, "must be one of: 1024"),
        (ENGLISH, {"texts": ["a"] * 2049}, "There are 2049 inputs"),
        (ENGLISH, {"images": [URI] * 97}, "There are 97 images"),
        (FOUR, {"texts": ["a"]}, "has no default here, give 'output_dimension': 512, 1024"),
        (FOUR, {"texts": ["a"], "output_dimension": 1536}, "must be one of: 512, 1024"),
        (FOUR, {"inputs": ["a"], "output_dimension": 512}, "inputs[0]: 'content' must be a list"),
        (
            FOUR,
            {"inputs": [{"content": [{"type": "video"}]}], "output_dimension": 512},
            "inputs[0]: A part's 'type' must be",
        ),
        (
            FOUR,
            {
                "inputs": [
                    {"content": [{"type": "text", "text": "a"}]},
                    {"content": [{"type": "image", "image": "aGVsbG8="}]},
                ],
                "output_dimension": 512,
            },
            "inputs[1]: Not a supported image",
        ),
        (NOVA, {"taskType": "SEGMENTED_EMBEDDING"}, "'taskType' must be 'SINGLE_EMBEDDING'"),
        (NOVA, nova(), "Give 'text' or 'image' in 'singleEmbeddingParams'"),
        (NOVA, nova(video={"format": "mp4"}), "Give 'text' or 'image'"),
        (NOVA, nova(text={"value": "a"}, image={}), "Give 'text' or 'image'"),
        (NOVA, nova(text={}), "A text must be a string"),
        (NOVA, nova(image={"source": {"s3Location": {"uri": "s3://a/b"}}}), "An image must be"),
        (NOVA, nova(text={"value": "a"}, embeddingDimension=256), "must be one of: 1024"),
        (NOVA, nova(text={"value": "a"}, embeddingDimension=None), "has no default here"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_bad_body(place: Place, model: str, body: Body, message: str) -> None:
    rejected(ask(place, model, body), 400, "ValidationException", message)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\x1f\x8b\x08"])
def test_a_body_that_is_no_object(place: Place, content: bytes) -> None:
    if place.name in ("start-api", "deployed", "lambda") and content.startswith(b"\x1f"):
        pytest.skip("a REST API makes text of a body of no binary type")
    rejected(ask(place, TITAN, content), 400, "ValidationException")


@pytest.mark.parametrize(
    "media_type", ["application/octet-stream", "application/x-www-form-urlencoded", "text/plain"]
)
def test_the_content_type_is_not_judged(place: Place, media_type: str) -> None:
    shown = {"X-Amz-Security-Token": place.key, "Accept": "image/png", "Content-Type": media_type}
    assert bits(good(ask(place, TITAN, {"inputImage": IMAGE}, shown))["embedding"]) == titan(
        place, inputImage=IMAGE
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"model/{TITAN}/invoke"),
        ("POST", f"model/{TITAN}/converse"),
        ("POST", f"model/{TITAN}/invoke-with-response-stream"),
        ("POST", "async-invoke"),
        ("GET", "foundation-models"),
    ],
)
def test_another_operation(place: Place, method: str, path: str) -> None:
    response = place.client.request(method, f"/bedrock/{path}")
    rejected(response, 404, "UnknownOperationException")


# Keys


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer  "])
def test_a_bearer_key(place: Place, scheme: str) -> None:
    headers = {"Authorization": f"{scheme}{place.key}"}
    assert good(ask(place, TITAN, {"inputText": TEXT}, headers))["embedding"]


def test_a_session_token_beside_a_signature_that_nobody_verifies(place: Place) -> None:
    for headers in (
        {"X-Amz-Security-Token": place.key},
        {"X-Amz-Security-Token": place.key, "Authorization": SIGNED},
        {"X-Amz-Security-Token": place.key, "Authorization": f"Bearer {place.key}"},
    ):
        assert good(ask(place, TITAN, {"inputText": TEXT}, headers))["embedding"]


@pytest.mark.parametrize("model", [TITAN, f"arn:aws:bedrock:a::b/{TITAN}"], ids=["name", "ARN"])
@pytest.mark.parametrize("token", ["", AWS_TOKEN, "unknown", "revoked"])
def test_a_token_that_is_no_key(place: Place, model: str, token: str) -> None:
    sent = {"unknown": mint(), "revoked": place.revoked_key}.get(token, token)
    for headers in (
        {"X-Amz-Security-Token": sent},
        {"X-Amz-Security-Token": sent, "Authorization": SIGNED},
    ):
        response = ask(place, model, {"inputText": TEXT}, headers)
        rejected(response, 403, "UnrecognizedClientException")
        assert response.json() == UNRECOGNIZED


def test_no_key(place: Place) -> None:
    for headers in ({}, {"Authorization": SIGNED}, {"x-api-key": place.key}):
        response = ask(place, TITAN, {"inputText": TEXT}, headers)
        rejected(response, 403, "UnrecognizedClientException")
        assert response.json() == UNRECOGNIZED


@pytest.mark.parametrize("model", [TITAN, f"arn:aws:bedrock:a::b/{TITAN}"], ids=["name", "ARN"])
@pytest.mark.parametrize("key", ["junk", "unknown", "revoked"])
def test_a_wrong_bearer_key(place: Place, model: str, key: str) -> None:
    sent = {"unknown": mint(), "revoked": place.revoked_key}.get(key, key)
    for more in (NONE, {"X-Amz-Security-Token": place.key}):
        headers = {**more, "Authorization": f"Bearer {sent}"}
        response = ask(place, model, {"inputText": TEXT}, headers)
        rejected(response, 403, "AccessDeniedException")
        assert response.json() == UNAUTHENTICATED


def test_the_key_is_judged_before_the_body(place: Place) -> None:
    for body in (b"{", b"[]", b'{"inputText": 7}'):
        response = ask(place, "nothing", body, {"X-Amz-Security-Token": "junk"})
        rejected(response, 403, "UnrecognizedClientException")


# Counted, limited, switched off


@pytest.mark.parametrize("place", ["in-process"], indirect=True)
def test_each_part_counts_and_a_failure_does_not(place: Place) -> None:
    def counted() -> int:
        rows = json.loads(
            imgvec("usage", "--by", "dialect", "--json", environment=place.environment).stdout
        )
        return sum(row["images"] for row in rows if row["dialect"] == "bedrock")

    before = counted()
    good(ask(place, TITAN, {"inputText": TEXT, "inputImage": IMAGE}))
    good(ask(place, ENGLISH, {"texts": [TEXT, TEXT]}))
    assert counted() == before + 4
    assert ask(place, ENGLISH, {"images": [URI, "aGVsbG8="]}).is_error
    assert counted() == before + 4


@pytest.mark.parametrize("place", ["in-process"], indirect=True)
def test_a_strangers_token_is_looked_up_nowhere(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS credentials that a caller has left in place are nobody's business."""
    asked: list[str] = []

    def find_key(store: SqliteStore, digest: str) -> None:
        asked.append(digest)

    monkeypatch.setattr(SqliteStore, "find_key", find_key)
    token = {"X-Amz-Security-Token": AWS_TOKEN}
    rejected(ask(place, TITAN, {"inputText": TEXT}, token), 403, "UnrecognizedClientException")
    assert asked == []
    unknown = {"X-Amz-Security-Token": mint()}
    rejected(ask(place, TITAN, {"inputText": TEXT}, unknown), 403, "UnrecognizedClientException")
    assert len(asked) == 1, "positive control: a key's shape is looked up"


@pytest.fixture
def off(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """An application without Titan, whose answers are short."""
    environment = {
        **server_environment(tmp_path_factory.mktemp("off"), NOBODY),
        "IMGVEC_ALIASES_OFF": "bedrock:amazon.titan-embed-image-v1,bedrock:cohere.embed-v4:512",
        "IMGVEC_MAX_ANSWER": "40000",
    }
    key, _ = create_key("first", environment)
    with TestClient(create_app(load_settings(environment))) as client:
        yield Place("off", client, key, "", "", environment)


def test_models_that_are_off(off: Place) -> None:
    text: Body = {"texts": [TEXT], "output_dimension": 512}
    for response in (ask(off, TITAN, {"inputText": TEXT}), ask(off, FOUR, text)):
        rejected(response, 400, "ValidationException", "is not served here in dimension")
    good(ask(off, FOUR, {"texts": [TEXT], "output_dimension": 1024}))


def test_an_answer_that_would_be_too_large_is_rejected_before_any_work(off: Place) -> None:
    response = ask(off, ENGLISH, {"images": [IMAGE, IMAGE, "aGVsbG8="]})
    rejected(response, 400, "ValidationException", "send at most 2 a request")
    # The answer repeats the texts.
    for repeated in ({"texts": ["a" * 39_000]}, {"texts": ["a"], "input_type": '"' * 9500}):
        response = ask(off, ENGLISH, repeated)
        rejected(response, 400, "ValidationException", "would be too large")
    good(ask(off, ENGLISH, {"texts": ["a" * 9_000]}))


# Clients


@pytest.mark.parametrize("text", [None, TEXT])
def test_the_connector_for_opensearch(place: Place, text: str | None) -> None:
    """As ML Commons fills it in: null for what a document lacks."""
    connector = json.loads((ROOT / "docs" / "opensearch-connector.json").read_text())
    (action,) = connector["actions"]
    body = action["request_body"].replace("${parameters.inputImage:-null}", IMAGE)
    body = body.replace('"${parameters.inputText:-null}"', json.dumps(text))
    headers = {
        name: value.replace("${credential.key}", place.key)
        for name, value in action["headers"].items()
    }
    path = action["url"].removeprefix("https://imgvec.example.com")
    response = place.client.request(action["method"], path, content=body, headers=headers)
    assert bits(good(response)["embedding"]) == titan(place, inputImage=IMAGE, inputText=text)


def test_boto3_with_only_the_endpoint_and_the_key_changed(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    environment = server_environment(tmp_path_factory.mktemp("boto3"), NOBODY)
    key, _ = create_key("first", environment)
    with serving(environment) as running:

        def invoke(token: str, model: str, body: Body) -> tuple[dict[str, object], str]:
            client = boto3.client(
                "bedrock-runtime",
                region_name="us-east-1",
                endpoint_url=f"{running.address}/bedrock",
                aws_access_key_id="imgvec",
                aws_secret_access_key="unused",
                aws_session_token=token,
                config=Config(proxies={}),
            )
            answer = client.invoke_model(modelId=model, body=json.dumps(body))
            return json.loads(answer["body"].read()), answer["ResponseMetadata"]["RequestId"]

        content, request_id = invoke(key, TITAN, {"inputImage": IMAGE})
        assert len(str(request_id)) == 32
        arn = f"arn:aws:bedrock:us-east-1::foundation-model/{TITAN}"
        assert invoke(key, arn, {"inputImage": IMAGE})[0] == content
        for token, model, body, name, status in (
            (AWS_TOKEN, TITAN, {"inputText": "a"}, "UnrecognizedClientException", 403),
            (key, TITAN, {"inputImage": "aGVsbG8="}, "ValidationException", 400),
            (key, "a.b", {"inputText": "a"}, "ResourceNotFoundException", 404),
        ):
            with pytest.raises(ClientError) as problem:
                invoke(token, model, body)
            found = problem.value.response
            assert found["Error"]["Code"] == name
            assert found["ResponseMetadata"]["HTTPStatusCode"] == status
            assert found["ResponseMetadata"]["RetryAttempts"] == 0
            assert found["ResponseMetadata"]["RequestId"]
