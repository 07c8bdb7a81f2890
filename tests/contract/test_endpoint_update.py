"""An endpoint that is replaced under load: nothing is lost, and no other revision gets through."""

import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from imgvec.app import create_app
from imgvec.encoders.integrity import MANIFEST, read_manifest
from imgvec.encoders.manifest import Manifest
from imgvec.encoders.registry import shipped_folder
from imgvec.settings import load_settings
from tests.support.aws.sagemaker_runtime import Runtime, endpoint
from tests.support.contract.embed_routes import ENDPOINTS, Asking
from tests.support.server.places import (
    PictureServer,
    Place,
    create_key,
    imgvec,
    server_environment,
    start_serving,
    stop_server,
)

CALLERS = 4


@dataclass
class Load:
    """Requests that never pause, and what came of them."""

    asking: Asking
    url: str
    told: Counter[int] = field(default_factory=Counter)
    answers: set[str] = field(default_factory=set)
    remaining: set[int] = field(default_factory=set)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Ask until stopped."""
        while not self.stop.is_set():
            response = self.asking.about(self.url)
            self.told[response.status_code] += 1
            if response.status_code == 200:
                self.answers.add(response.text)
                self.remaining.add(int(response.headers["RateLimit-Remaining"]))
            else:
                self.asking.endpoint.check(response, 503)

    def more(self, status: int, count: int = 12) -> None:
        """Wait for more answers of a status."""
        enough = self.told[status] + count
        deadline = time.monotonic() + 60
        while self.told[status] < enough:
            assert time.monotonic() < deadline, self.told
            time.sleep(0.01)


@contextmanager
def under_load(load: Load) -> Iterator[None]:
    """Callers at work for the length of the block."""
    threads = [threading.Thread(target=load.run) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        load.stop.set()
        for thread in threads:
            thread.join()


@pytest.fixture
def there(tmp_path: Path, pictures: PictureServer) -> Iterator[tuple[Runtime, dict[str, str]]]:
    """A runtime before the starter, and the environment of both ends."""
    environment = server_environment(tmp_path / "data", pictures)
    with endpoint(environment) as runtime:
        yield runtime, environment


def with_another_revision(environment: dict[str, str], models: Path) -> dict[str, str]:
    """An environment whose starter has the same files and gives one space less."""
    folder = models / "starter"
    shutil.copytree(shipped_folder() / "starter", folder)
    manifest: Manifest = read_manifest(folder)
    changed = manifest.model_copy(update={"spaces": manifest.spaces[:-1]})
    (folder / MANIFEST).write_text(changed.model_dump_json())
    assert changed.revision != manifest.revision
    return {**environment, "IMGVEC_MODELS": str(models)}


def test_replaced_under_load(
    there: tuple[Runtime, dict[str, str]],
    tmp_path: Path,
    pictures: PictureServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runtime, environment = there
    key, _ = create_key("first", environment)
    for arguments in (("create", "many", "--daily", "100000"), ("assign", "first", "many")):
        imgvec("plans", *arguments, environment=environment)
    for name, value in runtime.environment.items():
        monkeypatch.setenv(name, value)
    first, same = runtime.container, start_serving(environment)
    assert first is not None
    other = start_serving(with_another_revision(environment, tmp_path / "models"))
    with TestClient(create_app(load_settings({**environment, **runtime.environment}))) as client:
        place = Place("far", client, key, "", "", environment)
        load = Load(Asking(place, ENDPOINTS["pixlab"], pictures), pictures.url("cat.jpg"))
        with under_load(load):
            load.more(200)
            # Another instance of the same revision takes over; the first drains.
            runtime.container = same
            stop_server(first)
            load.more(200)
            assert set(load.told) == {200}
            # Another revision: refused, whatever it answers.
            runtime.container = other
            load.more(503)
            runtime.container = same
            load.more(200)
    for running in (other, same):
        stop_server(running)
    assert len(load.answers) == 1, "every vector is of one revision"
    assert set(load.told) == {200, 503}
    assert 100_000 - min(load.remaining) == load.told[200], "what was answered is counted"
