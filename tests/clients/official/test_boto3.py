"""boto3's client of Bedrock's runtime."""

import base64
import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, InvalidEndpointConfigurationError

from tests.clients.conftest import Server
from tests.support.contract.checks import bits

TITAN, COHERE = "amazon.titan-embed-image-v1", "cohere.embed-english-v3"
Invoke = Callable[..., dict[str, Any]]


@pytest.fixture
def invoke(server: Server) -> Invoke:
    """Calls a model; the key travels as the session token, which passes over http too."""

    def call(model: str, body: dict[str, Any], key: str = server.key) -> dict[str, Any]:
        client = boto3.client(
            "bedrock-runtime",
            region_name="us-east-1",
            endpoint_url=f"{server.address}/bedrock",
            aws_access_key_id="imgvec",
            aws_secret_access_key="unused",
            aws_session_token=key,
        )
        answer = client.invoke_model(modelId=model, body=json.dumps(body))
        assert answer["ResponseMetadata"]["RequestId"]
        content: dict[str, Any] = json.loads(answer["body"].read())
        return content

    return call


def test_an_image(server: Server, invoke: Invoke, cat: bytes) -> None:
    with server.answers(200):
        made = invoke(TITAN, {"inputImage": base64.b64encode(cat).decode()})
    assert bits(made["embedding"]) == server.image()


@pytest.mark.parametrize("prefix", ["us.", "arn:aws:bedrock:us-east-1::foundation-model/"])
def test_a_text_by_other_names_of_the_model(server: Server, invoke: Invoke, prefix: str) -> None:
    made = invoke(prefix + TITAN, {"inputText": "a cat"})
    assert bits(made["embedding"]) == server.text("a cat")
    assert made["inputTextTokenCount"] == 4


def test_a_batch(server: Server, invoke: Invoke, uri: str) -> None:
    with server.answers(200):
        made = invoke(COHERE, {"texts": ["a cat", "a dog"], "input_type": "search_query"})
    assert [bits(one) for one in made["embeddings"]] == [server.text("a cat"), server.text("a dog")]
    made = invoke(
        COHERE, {"images": [uri, uri], "input_type": "image", "embedding_types": ["float"]}
    )
    assert [bits(one) for one in made["embeddings"]["float"]] == [server.image()] * 2


def test_a_newer_model(server: Server, invoke: Invoke, cat: bytes) -> None:
    image = {"format": "jpeg", "source": {"bytes": base64.b64encode(cat).decode()}}
    asked = {"embeddingPurpose": "GENERIC_INDEX", "embeddingDimension": 1024, "image": image}
    body = {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": asked}
    made = invoke("amazon.nova-2-multimodal-embeddings-v1:0", body)
    assert bits(made["embeddings"][0]["embedding"]) == server.image()


REJECTED: dict[str, tuple[str, str, dict[str, Any], list[int]]] = {
    "a bad key": ("", "UnrecognizedClientException", {}, [403]),
    "an unknown model": ("", "ResourceNotFoundException", {}, [404]),
    "dimensions": ("", "ValidationException", {"outputEmbeddingLength": 256}, [400]),
    "too fast": ("stopped", "ThrottlingException", {}, [429, 429, 429]),
    "a used-up quota": ("spent", "ServiceQuotaExceededException", {}, [400]),
}


@pytest.mark.parametrize("case", REJECTED)
def test_an_error(server: Server, invoke: Invoke, case: str) -> None:
    """boto3 tries again where it is too fast, within two seconds, and nowhere else."""
    plan, code, asked, statuses = REJECTED[case]
    key = server.wrong_key if case == "a bad key" else server.limited_key(plan) if plan else None
    model = "amazon.titan-none" if case == "an unknown model" else TITAN
    with server.answers(*statuses), pytest.raises(ClientError) as raised:
        invoke(model, {"inputText": "a cat", "embeddingConfig": asked}, key or server.key)
    assert raised.value.response["Error"]["Code"] == code
    assert type(raised.value).__name__ in (code, "ClientError")


def test_the_key_as_a_bearer_needs_https(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """So says boto3 itself, before it sends anything: on http the session token is the way."""
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", server.key)
    address = f"{server.address}/bedrock"
    client = boto3.client("bedrock-runtime", region_name="us-east-1", endpoint_url=address)
    with server.answers(), pytest.raises(InvalidEndpointConfigurationError, match="HTTPS"):
        client.invoke_model(modelId=TITAN, body="{}")
