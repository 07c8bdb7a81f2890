"""How the API is made to answer in each place; all give a client of it."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

import httpx2
from starlette.testclient import TestClient

from tests.support.aws.http_events import DOMAIN, second_event_of
from tests.support.aws.lambda_runtime import HANDLERS, LambdaRuntime
from tests.support.aws.rest_events import GATEWAY, GatewayTransport, RestApi, possible_event_of
from tests.support.aws.sagemaker_runtime import endpoint
from tests.support.aws.serving_container import serving_models, start_container
from tests.support.models.thin_clip import build_thin
from tests.support.server.places import start_server, stop_server

DEFAULT_PLACES: Final = "in-process uvicorn"
Stand = Callable[[dict[str, str], Path], AbstractContextManager[httpx2.Client]]


@contextmanager
def _in_process(environment: dict[str, str], log: Path) -> Iterator[httpx2.Client]:
    from imgvec.app import create_app
    from imgvec.settings import load_settings

    with TestClient(create_app(load_settings(environment))) as client:
        yield client


@contextmanager
def _uvicorn(environment: dict[str, str], log: Path) -> Iterator[httpx2.Client]:
    running = start_server(environment)
    try:
        with httpx2.Client(base_url=running.address, timeout=60, trust_env=False) as client:
            yield client
    finally:
        stop_server(running)


@contextmanager
def _endpoint(environment: dict[str, str], log: Path) -> Iterator[httpx2.Client]:
    """The server with its encoder in another process, behind SageMaker's runtime."""
    with endpoint(environment) as there, _uvicorn(environment | there.environment, log) as client:
        yield client


def _with_clip(environment: dict[str, str], models: Path) -> None:
    """Serve a CLIP of half precision, which is random and has the true widths."""
    # In place, so that the place's command line knows it too.
    environment.update({"IMGVEC_MODELS": str(models), "IMGVEC_ENCODERS": "clip-vit-b32"})


@contextmanager
def _endpoint_with_clip(environment: dict[str, str], log: Path) -> Iterator[httpx2.Client]:
    """The same with a CLIP."""
    models = log.parent / "models"
    build_thin("clip-vit-b32", models)
    _with_clip(environment, models)
    with _endpoint(environment, log) as client:
        yield client


@contextmanager
def _endpoint_in_container(environment: dict[str, str], log: Path) -> Iterator[httpx2.Client]:
    """The same in the serving image, which `make test-endpoint-container` has built with it."""
    _with_clip(environment, serving_models())
    with (
        endpoint(environment, start_container) as there,
        _uvicorn(environment | there.environment, log) as client,
    ):
        yield client


@contextmanager
def _lambda(environment: dict[str, str], log: Path) -> Iterator[httpx2.Client]:
    """The template's functions behind a gateway of the tests' own, each answering one at a time."""
    runtimes = {
        name: LambdaRuntime(environment, log.with_name(f"{name}.txt"), handler)
        for name, handler in HANDLERS.items()
    }
    api = RestApi({name: runtime.invoke for name, runtime in runtimes.items()})
    with httpx2.Client(transport=GatewayTransport(api.invoke), base_url=GATEWAY) as client:
        yield client
    for runtime in runtimes.values():
        runtime.stop()


@contextmanager
def _function_url(environment: dict[str, str], log: Path) -> Iterator[httpx2.Client]:
    """The embeddings function behind an address of its own, which knows no gateway."""
    runtime = LambdaRuntime(environment, log)
    transport = GatewayTransport(runtime.invoke, second_event_of)
    with httpx2.Client(transport=transport, base_url=f"https://{DOMAIN}") as client:
        yield client
    runtime.stop()


def _as_seen_from_here(request: httpx2.Request) -> None:
    """Addresses that a container signed name its host as containers do; the signature holds."""
    if request.url.host == "host.docker.internal":
        request.url = request.url.copy_with(host=httpx2.URL(os.environ["TEST_URL"]).host)
    else:
        possible_event_of(request)


class _Patient(httpx2.HTTPTransport):
    """Waits where a gateway throttles, as it asks; what the application throttles, it passes on."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        while True:
            response = super().handle_request(request)
            if response.status_code != 429 or "X-Request-Id" in response.headers:
                return response
            response.close()
            time.sleep(float(response.headers.get("Retry-After", 1)))


@contextmanager
def _elsewhere(environment: dict[str, str], log: Path) -> Iterator[httpx2.Client]:
    """Wherever `TEST_URL` leads; two requests at a time, because each starts a container here."""
    with httpx2.Client(
        base_url=os.environ["TEST_URL"],
        timeout=60,
        trust_env=False,
        transport=_Patient(limits=httpx2.Limits(max_connections=2)),
        event_hooks={"request": [_as_seen_from_here]},
    ) as client:
        yield client


PLACES: Final[dict[str, Stand]] = {
    "in-process": _in_process,
    "uvicorn": _uvicorn,
    "endpoint": _endpoint,
    "endpoint-clip": _endpoint_with_clip,
    "endpoint-container": _endpoint_in_container,
    "lambda": _lambda,
    "function-url": _function_url,
    "start-api": _elsewhere,
    "deployed": _elsewhere,
}
