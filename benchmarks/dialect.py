"""A dialect alone: all of the application but gate, pixels and encoder, without a server."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
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
from gateway import GATEWAY, event_of
from imgvec.aws.adapter import adapt
from imgvec.dialects import all_dialects
from imgvec.flow.front import Front, Stores, open_stores
from imgvec.http.web import assemble
from imgvec.settings import Settings
from imgvec.values import Attempt, Embedded, Wanted


@dataclass(frozen=True, slots=True)
class DialectStages:
    """What answers a request with a photo: framework, dialect, JSON."""

    form: Measured
    """The photo as a file of a form."""
    text: Measured
    """As base64 in JSON."""
    function: Measured
    """The form in a function: from the event's text to the answer's."""


class Echo(Front):
    """Admits everybody and answers at once with the same vector."""

    def __init__(self, settings: Settings, stores: Stores) -> None:
        """Make the vector, of 512 values."""
        super().__init__(settings, stores)
        random = np.random.default_rng(0).normal(size=512).astype(np.float32)
        vector = random / np.linalg.norm(random)
        self._answer = Embedded((vector,), "echo", "0" * 64, 512, 50)

    async def embed(
        self, keys: frozenset[str], attempt: Attempt, wanted: Callable[[], Wanted]
    ) -> Embedded:
        """Read what is to be embedded, and no more."""
        wanted()
        return self._answer


@contextmanager
def dialect_stages(folder: Path, photo: bytes) -> Iterator[DialectStages]:
    """The application over a store in `folder`, asked for 512 dimensions at PixLab's."""
    settings = Settings(data=folder)
    front = Echo(settings, open_stores(settings))
    app = assemble(front, [dialect.router for dialect in all_dialects()], {})
    form = img_embed("", photo)
    content = {"img": base64.b64encode(photo).decode(), "dimension": 512}
    with asyncio.Runner() as runner, closing(front):
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
