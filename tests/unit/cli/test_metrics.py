"""`IMGVEC_METRICS_PORT`: what Prometheus reads of a server, and the dashboard that asks for it."""

import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from imgvec.dialects import all_dialects
from tests.support.http.connection import wire
from tests.support.server.places import (
    CAT,
    NOBODY,
    ROOT,
    Running,
    create_key,
    imgvec,
    server_environment,
    serving,
)
from tests.unit.cli.said import Environment, assert_sentence

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scrape(running: Running) -> Samples:
    """All values of a server, by name and labels, without the library's times of creation."""
    found = re.search(r"^Metrics are at (\S+)$", running.log, re.MULTILINE)
    assert found is not None
    answer = httpx2.get(found[1], trust_env=False)
    assert answer.status_code == 200
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def value(samples: Samples, name: str, **labels: str) -> float:
    """One value; 0 where there is none yet."""
    return samples.get((name, frozenset(labels.items())), 0.0)


@dataclass
class Watched:
    """A server with metrics, and a key of it."""

    running: Running
    key: str

    def ask(self, path: str, method: str = "GET", **options: Any) -> int:
        """The status of a request."""
        address = self.running.address + path
        with httpx2.Client(trust_env=False) as client:
            return client.request(method, address, **options).status_code


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A server that logs errors alone."""
    environment = server_environment(tmp_path_factory.mktemp("data"), NOBODY)
    key, _ = create_key("secret-consumer", environment)
    watching = {**environment, "IMGVEC_METRICS_PORT": "0", "IMGVEC_LOG_LEVEL": "error"}
    with serving(watching) as running:
        yield Watched(running, key)


def test_good_and_bad_requests_are_counted(watched: Watched) -> None:
    before = scrape(watched.running)
    files = {"file": CAT.read_bytes()}
    good = {"key": watched.key, "dimension": "512"}
    broken = {"file": b"broken"}
    asked = [
        watched.ask("/imgembed", method="POST", data=good, files=files),
        watched.ask("/imgembed", method="POST", data=good, files=broken),
        watched.ask("/imgembed", method="POST", data={"key": "x"}, files=files),
        watched.ask(
            "/api/ai/embed",
            method="POST",
            headers={"x-api-key": watched.key},
            json={"text": "a cat"},
        ),
        watched.ask("/health"),
    ]
    assert asked == [200, 415, 401, 200, 200]
    after = scrape(watched.running)

    def more(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    for dialect, status in (
        ("pixlab", "200"),
        ("pixlab", "415"),
        ("pixlab", "401"),
        ("coreviz", "200"),
        ("none", "200"),
    ):
        assert more("imgvec_requests_total", dialect=dialect, status=status) == 1
    assert more("imgvec_units_total", dialect="pixlab") == 1
    assert more("imgvec_units_total", dialect="coreviz") == 1
    # The broken image was no less decoded; the wrong key is in no stage.
    for stage, times in {"decode": 2, "encode": 2, "settle": 2, "total": 3}.items():
        assert more("imgvec_stage_seconds_count", stage=stage) == times, stage
    total = more("imgvec_stage_seconds_sum", stage="total")
    assert 0 < more("imgvec_stage_seconds_sum", stage="encode") < total < 60
    assert "/imgembed" not in watched.running.log, "the log has errors alone"


def test_gauges_are_of_the_moment(watched: Watched) -> None:
    quiet = scrape(watched.running)
    assert value(quiet, "imgvec_in_flight_requests") == 0
    with wire(watched.running.address) as begun:
        begun.begin("/imgembed", 1000, {"Content-Type": "application/json"})
        begun.send(b"{" * 600)
        # Another connection's answer comes after what was sent before it.
        for _ in range(3):
            watched.ask("/health")
        busy = scrape(watched.running)
    assert value(busy, "imgvec_in_flight_requests") == 1
    assert value(busy, "imgvec_in_flight_bytes") == 600
    assert value(busy, "imgvec_queue_length") == value(busy, "imgvec_queue_wait_seconds") == 0
    listed = json.loads(
        imgvec("models", "list", "--json", environment=server_environment(ROOT, NOBODY)).stdout
    )
    assert {
        (
            "imgvec_encoder_info",
            frozenset({"name": one["name"], "revision": one["revision"][:12]}.items()),
        )
        for one in listed
        if one["state"] == "built"
    } <= set(busy)


def test_labels_are_few_and_hold_nothing_that_was_sent(watched: Watched) -> None:
    odd = "never-seen-before"
    watched.ask("/")
    watched.ask("/imgembed")
    known = set(scrape(watched.running))
    for path in (f"/{odd}", f"/imgembed?key={odd}", f"/serve/api/v2/{odd}", f"/?{odd}"):
        for method in ("GET", "POST", "PURGE", odd.upper()):
            watched.ask(path, method=method)
    watched.ask("/api/ai/embed", method="POST", headers={"x-api-key": odd}, json={"text": odd})
    after = scrape(watched.running)
    dialects = {one.name for one in all_dialects()} | {"none"}
    stages = {"admit", "read", "wait", "decode", "reserve", "encode", "settle", "total"}
    for name, labels in set(after) - known:
        assert name == "imgvec_requests_total"
        assert {label for label, _ in labels} == {"dialect", "status"}
    for _, labels in after:
        held = dict(labels)
        assert held.get("dialect", "none") in dialects
        assert held.get("stage", "total") in stages
        assert re.fullmatch("[1-5][0-9][0-9]", held.get("status", "200"))
        for sent in (odd, watched.key, "secret-consumer", "127.0.0.1", "imgembed"):
            assert sent not in " ".join(held.values()).lower()


def test_metrics_are_on_their_own_port_alone(watched: Watched) -> None:
    assert watched.ask("/metrics") == 404


def test_without_the_setting_nobody_listens_and_nothing_is_imported(
    environment: Environment,
) -> None:
    with serving(environment) as running:
        assert "Metrics are at" not in running.log
    script = "import sys, imgvec.cli, imgvec.app; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_a_reader_that_stays_holds_up_no_stop(environment: Environment) -> None:
    with serving({**environment, "IMGVEC_METRICS_PORT": "0"}) as running:
        scrape(running)
        found = re.search(r":([0-9]+)/metrics$", running.log, re.MULTILINE)
        assert found is not None
        with socket.create_connection(("127.0.0.1", int(found[1]))):
            running.process.terminate()
            assert running.process.wait(timeout=30) == 0
    assert "Traceback" not in running.log


def test_port_of_metrics_in_use(environment: Environment) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        used = {**environment, "IMGVEC_METRICS_PORT": port}
        done = imgvec("serve", "--port", "0", environment=used)
    assert_sentence(
        done, 1, f"Cannot listen on 127.0.0.1:{port} for metrics", "IMGVEC_METRICS_PORT"
    )


def test_the_dashboard_asks_only_for_what_there_is(watched: Watched) -> None:
    dashboard = json.loads((ROOT / "docs" / "grafana.json").read_text())
    queries = [one["expr"] for panel in dashboard["panels"] for one in panel["targets"]]
    asked = {name for query in queries for name in re.findall(r"(?:imgvec|process)_\w+", query)}
    watched.ask(
        "/api/ai/embed", method="POST", headers={"x-api-key": watched.key}, json={"text": "a"}
    )
    there = {name for name, _ in scrape(watched.running)}
    assert asked <= there
    assert {name for name in there if name.startswith("imgvec_")} == {
        name for name in asked if name.startswith("imgvec_")
    }
    page = (ROOT / "docs" / "how-to" / "running.md").read_text()
    for name in there:
        if name.startswith("imgvec_"):
            assert re.sub("_(bucket|sum|count)$", "", name) in page
