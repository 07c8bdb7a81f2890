"""Metrics of `imgvec serve` for Prometheus, at `/metrics` on a port of their own.

No request waits for them: its line in the log is counted once it is answered, and all else is read
when somebody asks. Labels are names of ours: never a key, a consumer, a path or an address.
"""

import logging
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    start_http_server,
)

from imgvec.embedding.in_flight import InFlight
from imgvec.embedding.service import EmbeddingService
from imgvec.request_log import Record

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Upper bounds of the histogram's buckets."""
NO_DIALECT: Final = "none"
"""The dialect of `/health`, `/docs` and paths that nobody owns."""


class RequestMetrics(logging.Handler):
    """Counts the records of finished requests."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register what is counted."""
        super().__init__(logging.INFO)
        self._requests = Counter(
            "imgvec_requests",
            "Requests that have ended; 499: the client hung up.",
            ("dialect", "status"),
            registry=registry,
        )
        self._units = Counter(
            "imgvec_units",
            "Images and texts that were answered and counted.",
            ("dialect",),
            registry=registry,
        )
        self._seconds = Histogram(
            "imgvec_stage_seconds",
            "Seconds in each stage of a request for embeddings whose key is valid, and in total.",
            ("stage",),
            buckets=SECONDS,
            registry=registry,
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Count one request."""
        request: Record = vars(record)["request"]
        self._requests.labels(request.dialect or NO_DIALECT, str(request.status)).inc()
        if request.usage is None:
            return
        if request.usage.outcome == "answered":
            self._units.labels(request.dialect).inc(request.usage.images)
        for stage, milliseconds in {**request.stages, "total": request.milliseconds}.items():
            self._seconds.labels(stage).observe(milliseconds / 1000)


def watch(registry: CollectorRegistry, embedding: EmbeddingService, in_flight: InFlight) -> None:
    """Register what is read when somebody asks."""
    for name, text, value in (
        ("queue_length", "Images and texts in line or at work.", lambda: embedding.line.parts),
        ("queue_wait_seconds", "Estimated wait of one more.", lambda: embedding.line.wait),
        ("in_flight_requests", "Requests of the dialects.", lambda: in_flight.requests),
        ("in_flight_bytes", "Bytes of bodies and images held.", lambda: in_flight.bytes),
    ):
        Gauge(f"imgvec_{name}", text, registry=registry).set_function(value)
    encoders = Info("imgvec_encoder", "Encoders that serve.", ("name",), registry=registry)
    for encoder in embedding.encoders:
        encoders.labels(encoder.name).info({"revision": encoder.revision[:12]})
    ProcessCollector(registry=registry)


class MetricsServer:
    """Answers in threads of its own, until it is closed."""

    def __init__(
        self, embedding: EmbeddingService, in_flight: InFlight, host: str, port: int
    ) -> None:
        """Count from now on; port 0 takes a free one.

        Raises:
            OSError: the address cannot be listened on.
        """
        registry = CollectorRegistry()
        watch(registry, embedding, in_flight)
        self._server, self._thread = start_http_server(port, host, registry)
        self.port: int = self._server.server_port
        requests = logging.getLogger("imgvec.requests")
        # They are counted whatever IMGVEC_LOG_LEVEL shows.
        requests.propagate = requests.isEnabledFor(logging.INFO)
        requests.setLevel(logging.INFO)
        requests.addHandler(RequestMetrics(registry))

    def close(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
