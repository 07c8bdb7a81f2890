"""Where the time of one request goes: each stage alone, their sum, and the whole over HTTP."""

import asyncio
import base64
import itertools
import json
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Final, cast

import numpy as np
from aws_lambda_powertools import Logger
from mangum.types import LambdaContext

from imgvec.accounts.authentication import Authenticator
from imgvec.accounts.idempotency import IdempotentMeter, Ticket
from imgvec.accounts.metering import Charge
from imgvec.accounts.registry import Registry
from imgvec.api.application import assemble
from imgvec.api.mounts import Mounts, json_answer
from imgvec.aws.function import adapt
from imgvec.dialects import all_dialects
from imgvec.embedding.service import EmbeddingService
from imgvec.embedding.types import Embedding, EmbedRequest, EmbedResult
from imgvec.encoders.integrity import read_manifest
from imgvec.encoders.onnx import OnnxEncoder, normaliser
from imgvec.images.decode import decode
from imgvec.images.formats import open_image
from imgvec.images.geometry import Picture, square
from imgvec.services import open_services
from imgvec.settings import Settings
from imgvec.stores.sqlite import SqliteStore
from imgvec.types import Plan, Principal, Quota, RequestContext
from imgvec_benchmarks.cold_process import ask
from imgvec_benchmarks.material import CLIP, LIMITS, Material
from imgvec_benchmarks.served import PHOTOS
from imgvec_benchmarks.server import served
from imgvec_benchmarks.timing import Measured, Pace, Timed, in_turns
from imgvec_benchmarks.wire import Connection, Request, img_embed, post_json

ROUNDS: Final = 25
PIXELS: Final = "bytes to pixels"
ENCODE: Final = "encode"
GATE: Final = "gate, for a consumer with a plan"
DIALECT: Final = "dialect and framework: read a form, write an answer"
STAGES: Final = (PIXELS, ENCODE, GATE, DIALECT)
WHOLE: Final = "the whole request, over HTTP"
OF_THAT: Final = "&nbsp; of that, "
INSTEAD: Final = "&nbsp; in its place, "
PLAN: Final = Plan("bench", rate=1e6, quota=Quota(daily=10**9, monthly=10**9))
"""Limits that are judged and never reached."""
EVENT: Final = Path(__file__).parents[2] / "events" / "pixlab-multipart.json"
VECTOR: Final = np.random.default_rng(0).normal(size=512).astype(np.float32)


def section(material: Material, pace: Pace) -> str:
    """A JPEG's request in three sizes."""
    rounds = pace.rounds(ROUNDS)
    with (
        served(material.models, CLIP) as (running, key),
        closing(Connection(running.address)) as there,
    ):
        timed = {}
        for size in PHOTOS:
            photo = material.jpeg(size)
            with (
                TemporaryDirectory() as folder,
                _gate(Path(folder, "gate"), photo) as gate,
                _dialect(Path(folder, "dialect"), photo) as dialect,
            ):
                whole: dict[str, Measured] = {
                    WHOLE: partial(there.ask, img_embed(key, photo).written)
                }
                work = _computed(material, photo) | gate | dialect | whole
                timed[size] = in_turns(work, rounds)
    return "\n".join(_table(timed, rounds))


def _computed(material: Material, photo: bytes) -> dict[str, Measured]:
    """The work of the threads, one part after the other."""
    encoder = OnnxEncoder(material.models / CLIP)
    side = encoder.image_size
    normalise = normaliser(read_manifest(material.models / CLIP).preprocessing)
    pixels = decode(photo, side, LIMITS)
    picture = open_image(photo).load(side)
    return {
        PIXELS: partial(decode, photo, side, LIMITS),
        f"{OF_THAT}decode": partial(_loaded, photo, side),
        f"{OF_THAT}resize and crop": partial(square, picture, side),
        ENCODE: partial(encoder.encode_image, pixels, 512),
        f"{OF_THAT}normalise": partial(normalise, pixels),
    }


def _loaded(data: bytes, side: int) -> Picture:
    return open_image(data).load(side)


@contextmanager
def _gate(folder: Path, photo: bytes) -> Iterator[dict[str, Measured]]:
    """Key, plan and meter over a file as `imgvec serve` has it."""
    with closing(SqliteStore(folder)) as store:
        registry = Registry(store, who="bench")
        registry.put_plan(PLAN)
        keys = [registry.create_key("bench", PLAN.name).key]
        gate, meter = Authenticator(store), IdempotentMeter(store, window=86400)
        caller, numbers, tickets = gate.authenticate(keys), itertools.count(), deque[Ticket]()

        def reserve() -> None:
            context = RequestContext(f"request-{next(numbers)}", "pixlab", "")
            ticket = meter.reserve(Charge(caller, context, 512, "revision", (photo,)))
            assert ticket is not None, "no other request has this id"
            tickets.append(ticket)

        def settle() -> None:
            meter.settle(tickets.pop())

        parts: dict[str, Measured] = {
            f"{OF_THAT}admit: find the key and its plan": partial(gate.authenticate, keys),
            f"{OF_THAT}permit: dimensions and rate": partial(gate.authorize, caller, 512),
            f"{OF_THAT}reserve a unit (SQLite)": reserve,
            f"{OF_THAT}settle it (SQLite)": settle,
        }
        yield {GATE: lambda: [part() for part in parts.values()], **parts}


class _Echo(EmbeddingService):
    """Answers at once with the same vector."""

    def __init__(self) -> None:
        pass

    async def embed(
        self, principal: Principal, wanted: EmbedRequest, context: RequestContext
    ) -> EmbedResult:
        return EmbedResult((Embedding(VECTOR, 50),), "echo", "0" * 64, 512)

    def rejection(self) -> None:
        return None


class _Anybody(Authenticator):
    def authenticate(self, shown: Collection[str]) -> Principal:
        return Principal("anybody", "k_0")


@contextmanager
def _dialect(folder: Path, photo: bytes) -> Iterator[dict[str, Measured]]:
    """All of the application but gate, pixels and encoder, without a server."""
    opened = open_services(Settings(data=folder))
    services = replace(opened, authenticator=_Anybody(opened.store))
    app = assemble(services, Mounts(all_dialects()), _Echo())
    form = img_embed("", photo)
    content = {"img": base64.b64encode(photo).decode(), "dimension": 512}
    event = json.dumps(_event(form))
    # The adapter asks for nothing else of a context.
    context = cast(LambdaContext, SimpleNamespace(aws_request_id="bench"))
    with asyncio.Runner() as runner, closing(services):
        asyncio.set_event_loop(runner.get_loop())
        handler = adapt(app, Logger(service="bench"))

        def answer(request: Request) -> None:
            call = ask(app, request.path, request.headers, request.body)
            assert runner.run(call) == 200

        def invoke() -> None:
            answered = handler(json.loads(event), context)
            assert answered["statusCode"] == 200
            json.dumps(answered)

        yield {
            DIALECT: partial(answer, form),
            f"{OF_THAT}serialise 512 floats": partial(json_answer, {"embedding": VECTOR}),
            f"{INSTEAD}base64 in JSON, read": partial(answer, post_json(form.path, "", content)),
            f"{INSTEAD}a form in a function, from event to answer": invoke,
        }


def _event(form: Request) -> dict[str, object]:
    """The form as API Gateway hands it to a function."""
    event: dict[str, object] = json.loads(EVENT.read_text())
    headers = {**form.headers, "Host": "127.0.0.1"}
    body = base64.b64encode(form.body).decode()
    several = {name: [value] for name, value in headers.items()}
    return {**event, "headers": headers, "multiValueHeaders": several, "body": body}


def _table(timed: Mapping[str, Mapping[str, Timed]], rounds: int) -> list[str]:
    sums = {size: sum(of[stage].median for stage in STAGES) for size, of in timed.items()}
    others = " and ".join(
        f"{sums[size] - timed[size][ENCODE].median:.1f} ms for {size} megapixels"
        for size in (PHOTOS[-1], PHOTOS[0])
    )
    between = [f"{of[WHOLE].median - sums[size]:.1f}" for size, of in timed.items()]
    return [
        "## Where the time of a request goes",
        "",
        "A JPEG in a form, CLIP, each stage alone on one thread, ms: median (quartiles) of "
        f"{rounds} rounds in turns.",
        "",
        f"| stage | {' | '.join(f'{size} MP' for size in timed)} |",
        "|---" * (len(timed) + 1) + "|",
        *(
            f"| {stage} | {' | '.join(str(of[stage]) for of in timed.values())} |"
            for stage in timed[PHOTOS[0]]
            if stage != WHOLE
        ),
        f"| sum of the {len(STAGES)} | {' | '.join(f'{one:.1f}' for one in sums.values())} |",
        f"| {WHOLE} | {' | '.join(str(of[WHOLE]) for of in timed.values())} |",
        f"| HTTP, and handing over between threads: the rest | {' | '.join(between)} |",
        "",
        f"Everything that is not the encoder and not HTTP: **{others}**.",
        "",
    ]
