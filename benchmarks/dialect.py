"""A dialect alone: all of the application but gate, pixels and encoder, without a server."""

import asyncio
import base64
import json
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import httpx2
import numpy as np
from aws_lambda_powertools import Logger
from mangum.types import LambdaContext
from starlette.types import ASGIApp

from benchmarks.cold_process import ask
from benchmarks.timing import Measured
from benchmarks.wire import Request, img_embed, post_json
from imgvec.accounts.authentication import Authenticator
from imgvec.api.application import assemble
from imgvec.api.mounts import Mounts
from imgvec.aws.adapter import adapt
from imgvec.dialects import all_dialects
from imgvec.embedding.service import EmbeddingService
from imgvec.embedding.types import Embedding, EmbedRequest, EmbedResult
from imgvec.services import open_services
from imgvec.settings import Settings
from imgvec.types import Principal, RequestContext
from tests.support.aws.rest_events import GATEWAY, event_of


@dataclass(frozen=True, slots=True)
class DialectStages:
    """What answers a request with a photo: framework, dialect, JSON."""

    form: Measured
    """The photo as a file of a form."""
    text: Measured
    """As base64 in JSON."""
    function: Measured
    """The form in a function: from the event's text to the answer's."""


class Echo(EmbeddingService):
    """Answers at once with the same vector, whatever the key."""

    def __init__(self) -> None:
        """Make the vector, of 512 values."""
        random = np.random.default_rng(0).normal(size=512).astype(np.float32)
        vector = Embedding(random / np.linalg.norm(random), 50)
        self._answer = EmbedResult((vector,), "echo", "0" * 64, 512)

    async def embed(
        self, principal: Principal, wanted: EmbedRequest, context: RequestContext
    ) -> EmbedResult:
        """Embed nothing."""
        return self._answer

    def rejection(self) -> None:
        """Nothing waits."""


class Anybody(Authenticator):
    """Lets everybody pass."""

    def authenticate(self, shown: Collection[str]) -> Principal:
        """The same principal for any key."""
        return Principal("anybody", "k_0")


@contextmanager
def dialect_stages(folder: Path, photo: bytes) -> Iterator[DialectStages]:
    """The application over a store in `folder`, asked for 512 dimensions at PixLab's."""
    settings = Settings(data=folder)
    opened = open_services(settings)
    services = replace(opened, authenticator=Anybody(opened.store))
    app = assemble(services, Mounts(all_dialects()), Echo())
    form = img_embed("", photo)
    content = {"img": base64.b64encode(photo).decode(), "dimension": 512}
    with asyncio.Runner() as runner, closing(services):
        asyncio.set_event_loop(runner.get_loop())
        yield DialectStages(
            form=partial(_answer, runner, app, form),
            text=partial(_answer, runner, app, post_json(form.path, "", content)),
            function=_function(app, form),
        )


def _answer(runner: asyncio.Runner, app: ASGIApp, request: Request) -> None:
    call = ask(app, request.path, request.headers, request.body)
    assert runner.run(call) == 200


def _function(app: ASGIApp, request: Request) -> Measured:
    handler = adapt(app, Logger(service="bench"))
    sent = httpx2.Request(
        request.method, GATEWAY + request.path, headers=dict(request.headers), content=request.body
    )
    text = json.dumps(event_of(sent))
    # All of it that is asked for.
    context = cast(LambdaContext, SimpleNamespace(aws_request_id="bench"))

    def answer() -> None:
        answered = handler(json.loads(text), context)
        assert answered["statusCode"] == 200
        json.dumps(answered)

    return answer
