"""The assets and the authorizer function under the real Lambda runtime."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from imgvec.accounts.keys import digest, mint
from imgvec.accounts.ports import Identifier, KeyRecord
from imgvec.aws.gateway_keys.names import PROBE, SHARED, own_name
from imgvec.stores.dynamodb import DynamoStore
from tests.support.aws.dynamodb import Emulator
from tests.support.aws.lambda_runtime import CLIENT, EMULATOR, HANDLERS, LambdaRuntime
from tests.support.aws.rest_events import (
    GATEWAY,
    GatewayTransport,
    authorizer_event,
    event_of,
    integration_of,
    response_of,
)
from tests.support.aws.sample_events import EVENT_KEY, SAM_LOCAL, make
from tests.support.server.places import PictureServer, server_environment

pytestmark = pytest.mark.skipif(
    EMULATOR is None or not CLIENT.exists(), reason="`make test-runtime` installs the runtime"
)


@pytest.fixture(scope="module")
def environment(
    tmp_path_factory: pytest.TempPathFactory, pictures: PictureServer
) -> dict[str, str]:
    """As on a desk."""
    data = tmp_path_factory.mktemp("data")
    return {**server_environment(data, pictures), **SAM_LOCAL}


@pytest.fixture(scope="module")
def authorizer(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LambdaRuntime]:
    """One execution environment of the authorizer."""
    log = tmp_path_factory.mktemp("log") / "authorizer.txt"
    runtime = LambdaRuntime(environment, log, HANDLERS["AuthorizerFunction"])
    yield runtime
    runtime.stop()


def asked(headers: dict[str, str], query: str = "") -> httpx2.Request:
    """A request to the gateway's own address."""
    return httpx2.Request("POST", f"{GATEWAY}/imgembed{query}", headers=headers)


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({}, ""),
        ({"x-api-key": "junk"}, ""),
        ({"x-api-key": EVENT_KEY}, ""),
        ({"Authorization": f"Bearer {EVENT_KEY}"}, ""),
        ({}, f"?key={EVENT_KEY}"),
        ({"WWW-Authenticate": EVENT_KEY}, ""),
    ],
    ids=["none", "junk", "x-api-key", "bearer", "query", "www-authenticate"],
)
def test_everybody_passes_under_a_name(
    authorizer: LambdaRuntime, headers: dict[str, str], query: str
) -> None:
    answer = authorizer.invoke(authorizer_event(event_of(asked(headers, query))))
    (statement,) = answer["policyDocument"]["Statement"]
    assert statement["Effect"] == "Allow"
    assert statement["Resource"].endswith(":abcdefghij/v1/*")
    assert answer["usageIdentifierKey"] == f"imgvec-gateway-test-{SHARED}"
    # API Gateway takes 20 to 128 characters.
    assert 20 <= len(answer["usageIdentifierKey"]) <= 128
    assert EVENT_KEY not in authorizer.log


def test_a_header_that_will_be_dropped_is_handed_on(authorizer: LambdaRuntime) -> None:
    for name in ("WWW-Authenticate", "X-Imgvec-Key"):
        answer = authorizer.invoke(
            {"methodArn": "arn:aws:execute-api:r:1:a/v1/POST/imgembed", "headers": {name: "k"}}
        )
        assert answer["context"] == {"www_authenticate": "k"}
    assert authorizer.invoke(authorizer_event(event_of(asked({}))))["context"] == {}


def test_the_assets_function_keeps_files_and_embeds_nothing(
    environment: dict[str, str], tmp_path: Path
) -> None:
    runtime = LambdaRuntime(environment, tmp_path / "log.txt", HANDLERS["AssetsFunction"])
    with httpx2.Client(transport=GatewayTransport(runtime.invoke), base_url=GATEWAY) as client:
        for name in ("memories-upload", "memories-signed-url", "pixlab-store"):
            answer = response_of(runtime.invoke(make(name)))
            assert answer.status_code == 200, answer.text
        assert client.post("/imgembed").status_code == 404
        assert client.get("/ready").status_code == 200
    runtime.stop()


@pytest.mark.parametrize(
    ("path", "function"),
    [
        ("/", "Embeddings"),
        ("/imgembed", "Embeddings"),
        ("/imgembed/1", "Embeddings"),
        ("/api/ai/embeddings", "Embeddings"),
        ("/store", "Assets"),
        ("/store/st_1", "Assets"),
        ("/serve", "Embeddings"),
        ("/serve/x", "Embeddings"),
        ("/serve/api/v2", "Embeddings"),
        ("/serve/api/v1/x", "Embeddings"),
        ("/serve/api/v2/embeddings/image", "Embeddings"),
        ("/serve/api/v2/embeddings", "Embeddings"),
        ("/serve/api/v2/upload", "Assets"),
        ("/serve/api/v2/upload/signed-url", "Assets"),
        ("/serve/api/v2/re_1", "Assets"),
        ("/serve/api/v2/re_1/metadata", "Assets"),
        ("/serve/api/v2/asset/re_1", "Assets"),
    ],
)
def test_where_the_template_sends_a_path(path: str, function: str) -> None:
    assert integration_of(path) == f"{function}Function"


def test_a_consumer_with_an_accepted_name_is_throttled_by_it(
    dynamodb: Emulator, tmp_path: Path, pictures: PictureServer
) -> None:
    """And one that is pending only where the command line probes."""
    table = dynamodb.new_table()
    keys = {consumer: mint() for consumer in ("accepted", "pending")}
    with closing(DynamoStore(table)) as store:
        for consumer, key in keys.items():
            store.add_key(KeyRecord(f"k_{consumer}", consumer, digest(key), created=1.0))
            store.put_identifier(Identifier(consumer, "g", "p", accepted=consumer == "accepted"))
    environment = {
        **server_environment(tmp_path, pictures),
        **dynamodb.environment,
        "IMGVEC_TABLE": table,
    }
    runtime = LambdaRuntime(environment, tmp_path / "log.txt", HANDLERS["AuthorizerFunction"])
    names = [
        runtime.invoke(authorizer_event(event_of(asked(headers))))["usageIdentifierKey"]
        for headers in (
            {"WWW-Authenticate": keys["accepted"]},
            {"WWW-Authenticate": keys["accepted"], "x-api-key": "junk of another dialect"},
            {"WWW-Authenticate": keys["pending"]},
            {PROBE: "pending"},
        )
    ]
    runtime.stop()
    prefix = "imgvec-gateway-test-"
    assert names == [
        prefix + own_name("accepted"),
        prefix + own_name("accepted"),
        prefix + SHARED,
        prefix + own_name("pending"),
    ]
