"""The parts of a Lambda function: adapter to ASGI, log and metrics, the key of `sam local`."""

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, Final, TypeAlias

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from mangum import Mangum
from mangum.types import LambdaContext
from pybase64 import b64decode
from starlette.types import ASGIApp

from imgvec.accounts.ports import KeyRecord
from imgvec.aws.gateway import MAX_EVENT_BODY, Gateway
from imgvec.request_log import Record
from imgvec.settings import Settings
from imgvec.stores import store_of

Event: TypeAlias = dict[str, Any]
Handler: TypeAlias = Callable[[Event, LambdaContext], Event]

NAMESPACE: Final = "imgvec"


def adapt(app: ASGIApp, logger: Logger) -> Handler:
    """The handler of this application for events of a REST API, HTTP API or function URL.

    Mangum's lifespan support is off: it would close the application's stores after every call.
    """
    adapter = Mangum(Gateway(app), lifespan="off")

    def handler(event: Event, context: LambdaContext) -> Event:
        logger.set_correlation_id(context.aws_request_id)
        return adapter(_decoded(event), context)

    return handler


def _decoded(event: Event) -> Event:
    """The event with a decoded body: Mangum's own decoding takes 3 ms for half a megabyte.

    A body that is too large is not decoded; `Gateway` rejects it by its length.
    """
    body = event.get("body")
    if not event.get("isBase64Encoded") or not body or len(body) > MAX_EVENT_BODY:
        return event
    return {**event, "body": b64decode(body), "isBase64Encoded": False}


class RequestLines(logging.Handler):
    """Writes the record of each finished request as one JSON line.

    CloudWatch extracts the metrics from the line (embedded metric format), so metrics need no
    calls. The consumer is a field and never a dimension of a metric, because each value would be
    billed.
    """

    def __init__(self, logger: Logger) -> None:
        """The first line of this process is marked as a cold start."""
        super().__init__(logging.INFO)
        self._logger = logger
        self._metrics = Metrics(namespace=NAMESPACE, service=logger.service)
        # Stacks of a region do not mix; `sam local` has none.
        self._metrics.set_default_dimensions(stack=os.environ.get("STACK", "local"))
        self._cold = True

    def emit(self, record: logging.LogRecord) -> None:
        """Write one request."""
        request: Record = vars(record)["request"]
        self._count(request)
        emf = self._metrics.serialize_metric_set()
        self._metrics.clear_metrics()
        fields: dict[str, object] = {"status": request.status, "consumer": request.consumer}
        if request.usage is not None:
            usage = request.usage
            fields |= {"dialect": usage.dialect, "space": usage.space, "outcome": usage.outcome}
            fields["revision"] = usage.revision[:12]
        known = {name: value for name, value in fields.items() if value}
        self._logger.info(f"{request.method} {request.route}", extra={**known, **emf})

    def _count(self, request: Record) -> None:
        add = self._metrics.add_metric
        add("Total", MetricUnit.Milliseconds, round(request.milliseconds, 1))
        for name, milliseconds in request.stages.items():
            add(name.capitalize(), MetricUnit.Milliseconds, round(milliseconds, 1))
        if request.usage is not None and request.usage.outcome == "answered":
            add("Images", MetricUnit.Count, request.usage.images)
        if request.status >= 500:
            add("Faults", MetricUnit.Count, 1)
        if self._cold:
            add("ColdStart", MetricUnit.Count, 1)
        self._cold = False


def observe(service: str, level: str) -> Logger:
    """Log the library through Powertools, and requests through `RequestLines`."""
    logger = Logger(service=service, level=level.upper(), location=None)
    core = logging.getLogger("imgvec")
    core.setLevel(logger.log_level)
    core.addHandler(logger.registered_handler)
    requests = logging.getLogger("imgvec.requests")
    requests.addHandler(RequestLines(logger))
    # Other libraries log paths, which contain ids, and the source of their credentials.
    logging.getLogger().setLevel(logging.WARNING)
    # Task names are useless here, and log lines are billed by size.
    if sys.version_info >= (3, 12):
        logging.logAsyncioTasks = False
    # The line of a request already has its usage event.
    logging.getLogger("imgvec.usage").setLevel(logging.WARNING)
    # The Lambda runtime has its own handler at the root logger.
    core.propagate = requests.propagate = False
    return logger


def add_local_key(settings: Settings, environment: Mapping[str, str] = os.environ) -> None:
    """Add the key of `sam local`, whose containers start with an empty store.

    Its SHA-256 is in `LOCAL_KEY_SHA256`; `events/env.json` sets it. AWS never sets `AWS_SAM_LOCAL`,
    and a table has keys of its own.
    """
    digest = environment.get("LOCAL_KEY_SHA256")
    if not digest or settings.table is not None or environment.get("AWS_SAM_LOCAL") != "true":
        return
    with closing(store_of(settings)) as store:
        if store.find_key(digest) is None:
            store.add_key(KeyRecord("k_local", "local", digest, created=time.time()))
