"""`imgvec serve`: addresses, health, signals."""

import json
import signal
import socket
import sys
import time
from pathlib import Path

import httpx2
import pytest

from imgvec.encoders.integrity import SHIPPED_TERMS
from tests.support.contract.checks import assert_plain_error
from tests.support.contract.embed_routes import ENDPOINTS
from tests.support.http.connection import wire
from tests.support.models.linear_encoder import linear_encoder
from tests.support.server.places import (
    PictureServer,
    Running,
    create_key,
    imgvec,
    serving,
    start_process,
    stop_server,
)
from tests.unit.cli.said import Environment, assert_sentence


def get(running: Running, path: str) -> httpx2.Response:
    """Ask a server, past any proxy."""
    return httpx2.get(running.address + path, trust_env=False)


def wait_until_it_stops(running: Running) -> httpx2.Response:
    """Wait until a server that got a signal says that it takes no more work."""
    deadline = time.monotonic() + 30
    while (ready := get(running, "/ready")).status_code == 200:
        assert time.monotonic() < deadline, "the signal was not heard"
        time.sleep(0.01)
    return ready


def test_health_and_readiness(environment: Environment) -> None:
    with serving(environment) as running:
        health = get(running, "/health")
        assert (health.status_code, health.json()) == (200, {"status": "alive"})
        for _ in range(600):
            ready = get(running, "/ready")
            if ready.status_code != 503:
                break
            assert ready.json() == {"error": "The service is starting, try again shortly"}
            time.sleep(0.1)
        assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
        wrong = httpx2.post(f"{running.address}/ready", trust_env=False)
        assert (wrong.status_code, wrong.headers["Allow"]) == (405, "GET")


def test_a_first_start_says_how_to_make_a_key(environment: Environment) -> None:
    hint = "No keys yet: `imgvec keys create NAME` makes one."
    with serving(environment) as running:
        get(running, "/health")
    assert hint in running.log
    create_key("a", environment)
    with serving(environment) as running:
        get(running, "/health")
    assert hint not in running.log


@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_long_answers_are_compressed_for_those_who_ask(
    environment: Environment, coding: str
) -> None:
    key, _ = create_key("a", environment)
    headers = {"Accept-Encoding": coding, "x-api-key": key}
    with serving(environment) as running, httpx2.Client(headers=headers, trust_env=False) as client:
        answer = client.post(f"{running.address}/api/ai/embed", json={"text": "a cat"})
        refused = client.post(f"{running.address}/api/ai/embed", json={})
    assert len(answer.json()["embedding"]) == 768
    shorter = answer.num_bytes_downloaded < len(answer.content)
    assert (answer.headers.get("Content-Encoding"), shorter) == (
        ("gzip", True) if coding == "gzip" else (None, False)
    )
    assert "Content-Encoding" not in refused.headers, "too short to be worth it"


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=["SIGTERM", "Ctrl-C", "SIGHUP"]
)
def test_signal_ends_it_well(environment: Environment, number: signal.Signals) -> None:
    # A connection that is kept alive does not hold it up.
    with serving(environment) as running, httpx2.Client(trust_env=False) as client:
        assert client.get(f"{running.address}/health").status_code == 200
        running.process.send_signal(number)
        assert running.process.wait(timeout=30) == 0
    assert "Traceback" not in running.log
    assert "Aborted" not in running.log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["SIGTERM", "SIGHUP"])
def test_signal_lets_a_request_finish(
    environment: Environment, pictures: PictureServer, number: signal.Signals
) -> None:
    key, _ = create_key("a", environment)
    body = json.dumps({"key": key, "img": pictures.url("cat.jpg")}).encode()
    with serving(environment) as running, wire(running.address) as begun:
        begun.begin("/imgembed", len(body), {"Content-Type": "application/json"})
        begun.send(body[:-1])
        # Another request is answered after that one was begun.
        assert get(running, "/health").status_code == 200
        running.process.send_signal(number)
        ready = wait_until_it_stops(running)
        # What was accepted is waited for, and meanwhile whoever asks is told.
        assert_plain_error(ready, 503)
        assert get(running, "/health").status_code == 200
        for endpoint in ENDPOINTS.values():
            refused = httpx2.post(running.address + endpoint.path, content=body, trust_env=False)
            endpoint.check(refused, 503)
        begun.send(body[-1:])
        assert begun.answer().status_code == 200
        assert running.process.wait(timeout=30) == 0
        with pytest.raises(httpx2.ConnectError):
            get(running, "/health")
    assert "Traceback" not in running.log


def test_who_has_connected_and_was_not_read_yet_gets_an_answer(environment: Environment) -> None:
    with serving(environment) as running, wire(running.address) as unread:
        assert get(running, "/health").status_code == 200
        running.process.send_signal(signal.SIGSTOP)
        # Taken by the kernel alone; and when the process wakes, everything is due at once.
        unread.begin("/imgembed", 2, {"Content-Type": "application/json"})
        unread.send(b"{}")
        time.sleep(0.5)
        running.process.terminate()
        running.process.send_signal(signal.SIGCONT)
        # That it stops, or what is wrong where it was read before the server knew: but an answer.
        assert unread.answer().status_code in (401, 503)
        assert running.process.wait(timeout=30) == 0


def test_second_ctrl_c_waits_for_nobody(environment: Environment) -> None:
    with serving(environment) as running, wire(running.address) as begun:
        begun.begin("/imgembed", 100, {"Content-Type": "application/json"})
        assert get(running, "/health").status_code == 200
        running.process.send_signal(signal.SIGINT)
        wait_until_it_stops(running)
        running.process.send_signal(signal.SIGINT)
        assert begun.answer().status_code == 500
        assert running.process.wait(timeout=20) == 0
    assert "Traceback" not in running.log


def test_nohup_keeps_it_running(environment: Environment) -> None:
    command = ("nohup", sys.executable, "-m", "imgvec", "serve", "--port", "0")
    running = start_process(environment, *command)
    try:
        running.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        assert get(running, "/health").status_code == 200
        assert running.process.poll() is None
    finally:
        stop_server(running)


def test_below_a_prefix_that_a_proxy_takes_off(environment: Environment) -> None:
    with serving(environment, "--root-path", "/imgvec") as running:
        assert 'src="playground/main.js"' in get(running, "/").text, "relative: below the prefix"
        assert get(running, "/playground/main.js").status_code == 200
        assert get(running, "/docs").status_code == 200
        assert get(running, "/openapi.json").json()["servers"] == [{"url": "/imgvec"}]
        assert get(running, "/imgvec/docs").status_code == 404


def test_playground_can_be_switched_off(environment: Environment) -> None:
    switched_off = {**environment, "IMGVEC_PLAYGROUND": "false"}
    with serving(switched_off, "--root-path", "/imgvec") as running:
        front = get(running, "/")
        assert (front.status_code, front.headers["Location"]) == (307, "/imgvec/docs")
        assert get(running, "/playground/main.js").status_code == 404


def test_port_in_use(environment: Environment) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = imgvec("serve", "--port", port, environment=environment)
    assert_sentence(done, 1, f"Cannot listen on 127.0.0.1:{port}", "--port", "make run PORT=")


def test_host_that_is_not_here(environment: Environment) -> None:
    done = imgvec("serve", "--host", "192.0.2.1", "--port", "0", environment=environment)
    assert_sentence(done, 1, "Cannot listen on 192.0.2.1:0", "--host")


def test_host_that_is_no_name(environment: Environment) -> None:
    done = imgvec("serve", "--host", "a..b", "--port", "0", environment=environment)
    assert_sentence(done, 1, "Cannot listen on a..b:0", "--host")


@pytest.mark.parametrize(("host", "said"), [("0.0.0.0", 1), ("127.0.0.1", 0), ("localhost", 0)])
def test_a_server_that_others_reach_says_the_terms_of_the_starter(
    environment: Environment, host: str, said: int
) -> None:
    with serving(environment, "--host", host) as running:
        assert running.log.count(SHIPPED_TERMS) == said


def test_a_server_of_another_encoder_says_nothing_of_the_starter(
    environment: Environment, tmp_path: Path
) -> None:
    linear_encoder(tmp_path / "models" / "other", dimensions=1024)
    other = {"IMGVEC_ENCODERS": "other", "IMGVEC_MODELS": str(tmp_path / "models")}
    with serving({**environment, **other}, "--host", "0.0.0.0") as running:
        assert "No encoder of IMGVEC_ENCODERS=other has 512 and 768 dimensions" in running.log
        assert SHIPPED_TERMS not in running.log


def test_ipv6_address(environment: Environment) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("THIS MACHINE HAS NO IPv6: serving on ::1 was NOT tested")
    with serving(environment, "--host", "::1") as running:
        assert running.address.startswith("http://[::1]:")
        assert get(running, "/health").status_code == 200
