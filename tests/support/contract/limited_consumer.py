"""A consumer whose plan changes, at an application of the test's own process."""

from dataclasses import dataclass
from typing import Any

import httpx2
from click.testing import CliRunner

from imgvec.cli import group
from tests.support.contract.embed_routes import KEY_HEADERS, V2, Endpoint


@dataclass
class Consumer:
    """A consumer with a plan of its own at an application of this process."""

    client: httpx2.Client
    key: str
    environment: dict[str, str]

    def limited(self, *limits: str) -> None:
        """Change its plan."""
        command(self.environment, "plans", "create", "p", *limits)

    def ask(self, method: str, path: str, **body: Any) -> httpx2.Response:
        """A request at memories.ai's or PixLab's routes."""
        keys = {"Authorization": self.key, "WWW-Authenticate": self.key}
        return self.client.request(method, path, headers=keys, **body)

    def embed(self, endpoint: Endpoint, image: str, **headers: str) -> httpx2.Response:
        """A request for a vector."""
        shown = {KEY_HEADERS[endpoint.dialect]: self.key, **headers}
        return self.client.post(endpoint.path, json=endpoint.body(image), headers=shown)

    def upload(self, data: bytes = b"bytes") -> httpx2.Response:
        """A file that comes with its request."""
        return self.ask("POST", f"{V2}/upload", files={"file": ("a.png", data)})

    def signed(self) -> httpx2.Response:
        """An address to PUT a file to."""
        return self.ask("POST", f"{V2}/upload/signed-url", json={"original_filename": "a.png"})


def command(environment: dict[str, str], *arguments: str) -> str:
    """Run a command to its end; gives what it prints."""
    done = CliRunner().invoke(group, arguments, env=environment, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout
