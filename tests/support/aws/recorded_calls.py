"""The calls of AWS that each function's code makes, recorded while it meets all that it can meet.

No list of calls: every status of an upload, with every kind of file that may lie in wait for it,
alone and overtaken by another process, is shown to every route of an asset, to embedding and to the
bucket's events.
"""

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from typing import Any, Final, get_args

import boto3
import pytest
from botocore.model import OperationModel
from fastapi import FastAPI
from starlette.testclient import TestClient

from imgvec.accounts.idempotency import IdempotentMeter
from imgvec.accounts.keys import digest, mint
from imgvec.accounts.metering import Charge
from imgvec.accounts.ports import Identifier, KeyRecord
from imgvec.app import create_app
from imgvec.assets.ports import Asset, UploadStatus
from imgvec.aws.assets import create_assets_app, take_arrival
from imgvec.aws.gateway_keys.names import PROBE, Consumers, Shown, throttled_as
from imgvec.ids import memories_id
from imgvec.services import open_services
from imgvec.settings import Settings, load_settings
from imgvec.stores.dynamodb import DynamoStore
from imgvec.stores.s3 import INCOMING
from imgvec.types import Plan, Principal, Quota, RequestContext
from tests.support.aws.rest_events import integration_of
from tests.support.contract.embed_routes import V2
from tests.support.server.places import CAT, ROOT

NOON: Final = 1_781_697_600.0
"""Of 17 June 2026: on the first day of a month there are no earlier days to add up."""
PHOTO: Final = CAT.read_bytes()
FILES: Final = (None, PHOTO, PHOTO + b"one byte too many")
"""May lie in wait: nothing, a file that is taken, one that is too large."""


@dataclass(frozen=True, order=True)
class Granted:
    """A right that a call needs, named as a policy names it."""

    action: str
    resource: str


@dataclass
class Account:
    """An emulated account as a function finds it, and what it was seen to do there."""

    table: str
    bucket: str
    environment: Mapping[str, str] = field(default_factory=dict)
    """The function's variables."""
    seen: set[Granted] = field(default_factory=set)
    meanwhile: Callable[[], object] | None = None
    """Done by another process just before this one writes a file; once."""

    def note(self, params: dict[str, Any], model: OperationModel, **_: object) -> None:
        """Before a call is sent, or its address signed."""
        match model.service_model.service_name:
            case "s3":
                if model.name == "PutObject" and self.meanwhile is not None:
                    self.meanwhile()
                    self.meanwhile = None
                name = model.name.replace("Head", "Get")
                place = f"${{Bucket.Arn}}/{params['Key']}"
                self.seen.add(Granted(f"s3:{name}", place))
                if "VersionId" in params:
                    self.seen.add(Granted(f"s3:{name}Version", place))
            case "dynamodb":
                # A transaction needs the rights of its parts, and has none of its own.
                parts = [f"{kind}Item" for one in params.get("TransactItems", ()) for kind in one]
                for name in parts or [model.name]:
                    self.seen.add(Granted(f"dynamodb:{name}", "${Table.Arn}"))
            case "sagemaker-runtime":
                for kind, name in (
                    ("endpoint", params["EndpointName"]),
                    ("inference-component", params["InferenceComponentName"]),
                ):
                    place = f"arn:aws:sagemaker:us-east-1:123456789012:{kind}/{name}"
                    self.seen.add(Granted(f"sagemaker:{model.name}", place))

    def note_answer(self, http_response: Any, **_: object) -> None:
        """After a call: without this right, what is absent is forbidden."""
        if http_response.status_code == 404:
            self.seen.add(Granted("s3:ListBucket", "${Bucket.Arn}"))

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Clients that are made meanwhile are noted."""
        session = boto3.Session()
        session.events.register("provide-client-params.*.*", self.note)
        session.events.register("after-call.s3.*", self.note_answer)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(boto3, "DEFAULT_SESSION", session)
            patch.setattr(
                "imgvec.services.IdempotentMeter", partial(IdempotentMeter, clock=lambda: NOON)
            )
            yield


@dataclass
class Others:
    """Other processes, which are not noted."""

    account: Account
    store: DynamoStore
    s3: Any
    key: str = field(default_factory=mint)
    limited: str = field(default_factory=mint)
    """The key of a consumer with a quota of two images."""

    def __post_init__(self) -> None:
        """A consumer with assets, and the limited one: no asset is read once a quota is spent."""
        self.store.add_key(KeyRecord("k_1", "acme", digest(self.key), created=1.0))
        self.store.add_key(KeyRecord("k_2", "limited", digest(self.limited), created=1.0))
        self.store.put_plan(Plan("small", quota=Quota(daily=2)))
        self.store.assign_plan("limited", "small")

    @property
    def settings(self) -> Settings:
        """The function's, with a limit just above the photo."""
        return load_settings({**self.account.environment, "IMGVEC_MAX_IMAGE": str(len(PHOTO))})

    def every_asset(self) -> Iterator[str]:
        """Ids of assets in every state, each with what may happen while it is used."""
        long_ago, now = 1.0, time.time()
        for status, data, deleted, created in product(
            get_args(UploadStatus), FILES, (False, True), (long_ago, now)
        ):
            asset_id = memories_id()
            self.store.add_asset(Asset(asset_id, "acme", "a", status, 0, created, created))
            if data is not None:
                place = {"Bucket": self.account.bucket, "Key": INCOMING + asset_id}
                self.s3.put_object(**place, Body=data)
            forget = partial(self.store.delete_asset, asset_id)
            self.account.meanwhile = forget if deleted else None
            yield asset_id


def calls_of_embeddings(account: Account) -> set[Granted]:
    """All that the embeddings function does, and its weekly call."""
    with _others(account) as others, account.recorded(), _asking(create_app, others) as client:
        assert client.get("/ready").status_code == 200
        body = {"image": "data:image/jpeg;base64," + base64.b64encode(PHOTO).decode()}
        # Twice the same, then one more than the quota has.
        for name, status in (("a", 200), ("a", 200), ("b", 200), ("c", 402)):
            headers = {
                "Idempotency-Key": name,
                "Authorization": f"Bearer {others.limited}",
                "x-api-key": others.limited,
            }
            answer = client.post("/api/ai/embeddings", json=body, headers=headers)
            assert answer.status_code == status, answer.text
        # One that fails after its unit was reserved.
        context = RequestContext("r", "coreviz", "/api/ai/embeddings", "d")
        charge = Charge(Principal("acme", "k_1"), context, 768, "revision", (b"digest",))
        stores = open_services(others.settings)
        ticket = stores.meter.reserve(charge)
        assert ticket is not None
        stores.meter.release(ticket)
        stores.close()
        for asset_id in others.every_asset():
            client.post(
                f"{V2}/embeddings/image", json={"asset_id": asset_id, "model": "mobileclip"}
            )
    return account.seen


def calls_of_embeddings_to_an_endpoint(account: Account) -> set[Granted]:
    """All that it does besides where an endpoint encodes; here none answers."""
    with _others(account) as others, account.recorded(), _asking(create_app, others) as client:
        client.post("/imgembed", files={"file": PHOTO}, data={"key": others.key})
    return account.seen


def calls_of_assets(account: Account) -> set[Granted]:
    """All that the assets function does, events of the bucket included."""
    with _others(account) as others, account.recorded():
        with _asking(create_assets_app, others) as client:
            photo, key = {"file": PHOTO}, {"key": others.key}
            named = {"original_filename": "a"}
            for answer in (
                client.post(f"{V2}/upload", files=photo),
                client.post("/store", files=photo, data=key),
                client.post(f"{V2}/upload/signed-url", json=named),
            ):
                assert answer.status_code == 200, answer.text
            for method, path in _routes_of_an_asset():
                for asset_id in others.every_asset():
                    address = path.format(asset_id=asset_id)
                    client.request(method, address, follow_redirects=False)
        stores = open_services(others.settings)
        for asset_id in others.every_asset():
            take_arrival({"detail": {"object": {"key": INCOMING + asset_id}}}, stores.assets)
        stores.close()
    return account.seen


def calls_of_authorizer(account: Account) -> set[Granted]:
    """All that the authorizer function does."""
    with _others(account) as others, account.recorded():
        others.store.put_identifier(Identifier("acme", "g", "p"))
        with closing(DynamoStore(account.table)) as store:
            for headers in ({}, {"x-api-key": others.key}, {"x-api-key": mint()}, {PROBE: "acme"}):
                throttled_as(Shown("/api/ai/embed", headers, {}), Consumers(store, store))
    return account.seen


def _routes_of_an_asset() -> list[tuple[str, str]]:
    """Method and path of every route of an asset's own, as openapi.json has them."""
    paths = json.loads((ROOT / "openapi.json").read_text())["paths"]
    found = [(method, path) for path in paths if "{asset_id}" in path for method in paths[path]]
    assert len(found) >= 4, "positive control"
    assert all(integration_of(path) == "AssetsFunction" for _, path in found)
    return found


@contextmanager
def _others(account: Account) -> Iterator[Others]:
    with closing(DynamoStore(account.table)) as store, closing(boto3.client("s3")) as s3:
        yield Others(account, store, s3)


@contextmanager
def _asking(create: Callable[[Settings], FastAPI], others: Others) -> Iterator[TestClient]:
    headers = {"Authorization": others.key, "x-api-key": others.key}
    with TestClient(create(others.settings), headers=headers) as client:
        yield client
