"""What a process lives on breaks: what the caller sees, that nothing is lost, how it comes back."""

import resource
import shutil
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest

from imgvec.encoders.registry import shipped_folder
from tests.support.contract.checks import NO_SUCH_HOST
from tests.support.contract.embed_routes import CHECKS, ENDPOINTS, Asking
from tests.support.http.connection import wire
from tests.support.server.breaking_servers import counted, embed, in_process, served
from tests.support.server.places import (
    PictureServer,
    create_key,
    imgvec,
    server_environment,
    serving,
)


@pytest.fixture
def environment(tmp_path: Path, pictures: PictureServer) -> dict[str, str]:
    return server_environment(tmp_path / "data", pictures)


def test_encoder_altered_while_running(
    environment: dict[str, str], pictures: PictureServer, tmp_path: Path
) -> None:
    encoder = tmp_path / "models" / "starter"
    shutil.copytree(shipped_folder() / "starter", encoder)
    environment["IMGVEC_MODELS"] = str(encoder.parent)
    whole = {path: path.read_bytes() for path in encoder.glob("*.onnx")}
    with in_process(environment) as place:
        asking = Asking(place, ENDPOINTS["coreviz"], pictures)
        before = asking.about(pictures.url("cat.jpg")).json()["embedding"]
        for path, data in whole.items():
            path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        # What is loaded goes on; the text tower, which is loaded with the first text, is refused.
        assert asking.about(pictures.url("cat.jpg")).json()["embedding"] == before
        CHECKS["coreviz"](embed(place), 500)
        refused = imgvec("serve", "--port", "0", environment=environment)
        assert refused.returncode == 2
        assert "starter" in refused.stderr
        for path, data in whole.items():
            path.write_bytes(data)
        assert embed(place).status_code == 200
        assert counted(place) == 3


def test_no_file_is_left_to_open(environment: dict[str, str], pictures: PictureServer) -> None:
    with served(environment) as (place, process), ExitStack() as held:
        used = len(list(Path(f"/proc/{process}/fd").iterdir()))
        soft, hard = resource.prlimit(process, resource.RLIMIT_NOFILE)
        resource.prlimit(process, resource.RLIMIT_NOFILE, (used + 4, hard))
        address = str(place.client.base_url).rstrip("/")
        for _ in range(8):
            held.enter_context(wire(address))
        # A connection that there is goes on; what needs one more file is refused.
        assert embed(place).status_code == 200
        asking = Asking(place, ENDPOINTS["coreviz"], pictures)
        CHECKS["coreviz"](asking.about(pictures.url("cat.jpg")), 422)
        held.close()
        resource.prlimit(process, resource.RLIMIT_NOFILE, (soft, hard))
        assert httpx2.get(f"{address}/ready", timeout=60, trust_env=False).status_code == 200
        assert asking.about(pictures.url("cat.jpg")).status_code == 200
    assert counted(place) == 3


def test_resolver_that_is_down_as_a_patched_getaddrinfo(
    environment: dict[str, str], pictures: PictureServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*args: object, **more: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    with in_process(environment) as place:
        with monkeypatch.context() as patch:
            patch.setattr(socket, "getaddrinfo", down)
            for name, status in {"coreviz": 422, "pixlab": 404, "memories": 400}.items():
                answer = Asking(place, ENDPOINTS[name], pictures).about(NO_SUCH_HOST)
                ENDPOINTS[name].check(answer, status)
            assert embed(place).status_code == 200
        assert counted(place) == 1


def test_killed_in_mid_load(environment: dict[str, str]) -> None:
    clients = 8
    key, _ = create_key("first", environment)

    def ask(address: str) -> int:
        try:
            answer = httpx2.post(
                f"{address}/api/ai/embed",
                json={"text": "a cat"},
                headers={"x-api-key": key},
                timeout=60,
                trust_env=False,
            )
        except httpx2.HTTPError:
            return 0
        return answer.status_code

    with serving(environment) as running, ThreadPoolExecutor(clients) as pool:
        jobs = [pool.submit(ask, running.address) for _ in range(120)]
        while sum(job.done() for job in jobs) < 20:
            time.sleep(0.01)
        running.process.send_signal(signal.SIGKILL)
        answered = [job.result() for job in jobs].count(200)
    assert 20 <= answered < len(jobs)
    with served(environment) as (place, _):
        # Counted before it is answered: what was on its way to a client is counted, and no more.
        assert answered + 1 <= counted(place) <= answered + 1 + clients
