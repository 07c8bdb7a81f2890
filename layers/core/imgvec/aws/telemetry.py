"""One JSON line for each request: the log, the usage record and the metrics in one.

CloudWatch extracts the metrics from the line (embedded metric format), so metrics need no calls.
The consumer is a field and never a dimension of a metric, because each value would be billed.
"""

import logging
import sys
from typing import Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from imgvec.request_log import Record

NAMESPACE: Final = "imgvec"


class RequestLines(logging.Handler):
    """Writes the records of finished requests through Powertools."""

    def __init__(self, logger: Logger) -> None:
        """The first line of this process is marked as a cold start."""
        super().__init__(logging.INFO)
        self._logger = logger
        self._metrics = Metrics(namespace=NAMESPACE, service=logger.service)
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
