"""A process may have tracers and loggers of OpenTelemetry's; they hear nothing of a request."""

from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from fastapi import FastAPI
from opentelemetry import metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import ConsoleLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.testclient import TestClient

from imgvec.app import create_app
from imgvec.sagemaker_container.app import create_serving_app
from imgvec.settings import Settings

SECRET = "imgvec_a_key_that_nobody_else_may_read"


class Heard:
    """What the process's providers were told."""

    def __init__(self) -> None:
        self.spans = InMemorySpanExporter()
        self.lines = StringIO()
        self.figures = InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.spans))
        self.loggers = LoggerProvider()
        self.loggers.add_log_record_processor(
            SimpleLogRecordProcessor(ConsoleLogRecordExporter(self.lines))
        )
        self.meters = MeterProvider([self.figures])

    def all(self) -> str:
        """Everything, as text."""
        told = [*(span.to_json() for span in self.spans.get_finished_spans())]
        figures = self.figures.get_metrics_data()
        return "\n".join(
            [*told, self.lines.getvalue(), "" if figures is None else figures.to_json()]
        ).strip()


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    """Providers in the places where a layer or an agent would have put them."""
    heard = Heard()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: heard.tracers)
    for where in ("opentelemetry._logs", "opentelemetry._logs._internal"):
        monkeypatch.setattr(f"{where}.get_logger_provider", lambda: heard.loggers)
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: heard.meters)
    return heard


def test_by_itself_fastapi_tells_them_all(heard: Heard) -> None:
    """Why the other test is here; once it fails, FastAPI no longer does."""
    app = FastAPI()
    app.add_api_route("/broken", broken)
    client = TestClient(app, raise_server_exceptions=False)
    client.get("/", params={"key": SECRET})
    assert SECRET in heard.all()
    assert SECRET not in heard.lines.getvalue()
    client.get("/broken")
    assert SECRET in heard.lines.getvalue()
    assert heard.figures.get_metrics_data() is not None


async def broken() -> None:
    """A fault whose words say too much."""
    raise RuntimeError(SECRET)


@pytest.mark.parametrize("create", [create_app, create_serving_app])
def test_nobody_hears_of_a_request(
    heard: Heard, tmp_path: Path, create: Callable[[Settings], FastAPI]
) -> None:
    app = create(Settings(data=tmp_path))
    app.add_api_route("/broken", broken)
    with TestClient(app, raise_server_exceptions=False) as client:
        client.get("/imgembed", params={"key": SECRET, "img": SECRET})
        client.post("/invocations", params={"key": SECRET}, content=b"")
        assert client.get("/broken").status_code == 500
    assert heard.all() == ""
