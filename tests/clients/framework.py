"""The tests that each client of the long list passes, and the table that they print."""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from tests.clients.conftest import Server
from tests.support.contract.checks import bits
from tests.support.server.places import CAT


class TextTests:
    """Texts, and a bad key; a subclass says how its client is made and called."""

    package: ClassVar[str]
    """Its distribution."""
    dimensions: ClassVar[int] = 1024
    batch: ClassVar[tuple[int, ...]] = (200,)
    """How the requests of two texts are answered."""
    rejected: ClassVar[tuple[int, ...]] = (401,)
    """How those with a bad key are."""
    error: ClassVar[type[Exception]]
    """The exception that the client raises for a bad key."""

    @pytest.fixture(autouse=True)
    def client_of_the_table(self, record_property: Callable[[str, object], None]) -> None:
        """Names the client and its version in the table that is printed at the end."""
        record_property("client", f"`{self.package}` {self.version()}")

    def version(self) -> str:
        """The version that is installed."""
        return version(self.package)

    def make(self, server: Server, key: str) -> Any:
        """A client; all that is changed is seen here."""
        raise NotImplementedError

    def texts(self, client: Any, texts: list[str]) -> Any:
        """The vectors of texts."""
        raise NotImplementedError

    def test_a_text(self, server: Server) -> None:
        (found,) = self.texts(self.make(server, server.key), ["a dog"])
        assert bits(found) == server.text("a dog", self.dimensions)

    def test_a_batch(self, server: Server) -> None:
        client = self.make(server, server.key)
        with server.answers(*self.batch):
            found = self.texts(client, ["a cat", "a dog"])
        expected = [server.text(text, self.dimensions) for text in ("a cat", "a dog")]
        assert [bits(one) for one in found] == expected

    def test_a_bad_key(
        self, server: Server, record_property: Callable[[str, object], None]
    ) -> None:
        with server.answers(*self.rejected), pytest.raises(self.error) as raised:
            self.texts(self.make(server, server.wrong_key), ["a cat"])
        name = getattr(raised.value, "error_name", raised.type.__name__)
        record_property("error", f"`{name}`")


class PictureTests(TextTests):
    """The same, and an image."""

    exact: ClassVar[bool] = True
    """Whether the client sends the file as it is."""

    def image(self, client: Any, photo: Path) -> Any:
        """The vector of an image."""
        raise NotImplementedError

    def test_an_image(self, server: Server) -> None:
        client = self.make(server, server.key)
        with server.answers(200):
            found = self.image(client, CAT)
        expected = server.image(self.dimensions)
        if self.exact:
            assert bits(found) == expected
        else:
            assert np.array(found) @ np.frombuffer(expected, np.float32) > 0.999
