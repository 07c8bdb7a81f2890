"""`imgvec serve`: addresses, health, signals."""

import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest

from places import PictureServer, Running, create_key, imgvec, start_server, stop_server
from unit.cli.said import Environment, assert_sentence


@contextmanager
def serving(environment: Environment, *arguments: str) -> Iterator[Running]:
    """A server that is ended whatever a test finds."""
    running = start_server(environment, *arguments)
    try:
        yield running
    finally:
        stop_server(running)


def get(running: Running, path: str) -> httpx2.Response:
    """Ask a server, past any proxy."""
    return httpx2.get(running.address + path, trust_env=False)


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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_signal_ends_it_well(environment: Environment, number: signal.Signals) -> None:
    # A connection that is kept alive does not hold it up.
    with serving(environment) as running, httpx2.Client(trust_env=False) as client:
        assert client.get(f"{running.address}/health").status_code == 200
        running.process.send_signal(number)
        assert running.process.wait(timeout=30) == 0
    assert "Traceback" not in running.log
    assert "Aborted" not in running.log


def test_signal_lets_a_request_finish(environment: Environment, pictures: PictureServer) -> None:
    key, _ = create_key("a", environment)
    body = json.dumps({"key": key, "img": pictures.url("cat.jpg")}).encode()
    with serving(environment) as running:
        host, _, port = running.address.removeprefix("http://").partition(":")
        head = (
            f"POST /imgembed HTTP/1.1\r\nHost: {host}:{port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall(head.encode() + body[:-1])
            # Another request is answered after that one was begun.
            get(running, "/health")
            running.process.terminate()
            connection.sendall(body[-1:])
            assert connection.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")
            while connection.recv(65536):
                pass
        assert running.process.wait(timeout=30) == 0


def test_port_in_use(environment: Environment) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = imgvec("serve", "--port", port, environment=environment)
    assert_sentence(done, 1, f"Cannot listen on 127.0.0.1:{port}", "--port")


def test_host_that_is_not_here(environment: Environment) -> None:
    done = imgvec("serve", "--host", "192.0.2.1", "--port", "0", environment=environment)
    assert_sentence(done, 1, "Cannot listen on 192.0.2.1:0")


def test_ipv6_address(environment: Environment) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("THIS MACHINE HAS NO IPv6: serving on ::1 was NOT tested")
    with serving(environment, "--host", "::1") as running:
        assert running.address.startswith("http://[::1]:")
        assert get(running, "/health").status_code == 200
