"""The playground's requests by the vendors' own clients, run as they stand."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.conftest import Server
from tests.support.contract.checks import bits
from tests.support.server.places import CAT, ROOT

PAGE = ROOT / "layers" / "core" / "imgvec" / "pages" / "playground"
# An awkward name, which each language has to write in its own way.
NAME = 'it\'s "100%" $(Chelsea).jpg'
REQUESTS = """
const { DIALECTS } = await import(`${process.env.PAGE}/dialects.js`);
const { LANGUAGES, textOf } = await import(`${process.env.PAGE}/requests.js`);
const language = LANGUAGES.find((one) => one.id === process.env.LANGUAGE);
const picture = { name: process.env.NAME, type: "image/jpeg" };
const texts = DIALECTS.filter((one) => language.id !== "client" || one.client).map(
  (one) => [one.id, textOf(language, one, picture, process.env.ROOT, 1024)]);
console.log(JSON.stringify(Object.fromEntries(texts)));
"""


def requests(language: str, address: str, folder: Path) -> dict[str, str]:
    """The texts that the page shows in a language, by dialect."""
    # Node takes the files for modules where a package.json says so; the browser needs none.
    for name in ("dialects.js", "requests.js"):
        (folder / name).write_bytes((PAGE / name).read_bytes())
    (folder / "package.json").write_text('{"type": "module"}')
    asked = {"PAGE": folder.as_uri(), "LANGUAGE": language, "ROOT": address, "NAME": NAME}
    done = subprocess.run(
        ["node", "--input-type=module", "-"],
        input=REQUESTS,
        env={**os.environ, **asked},
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
    )
    texts: dict[str, str] = json.loads(done.stdout)
    return texts


def test_vendors_clients(server: Server, tmp_path: Path) -> None:
    texts = requests("client", server.address, tmp_path)
    assert texts.keys() == {"openai", "voyage", "cohere", "bedrock"}
    (tmp_path / NAME).write_bytes(CAT.read_bytes())
    for dialect, text in texts.items():
        with server.answers(200):
            printed = run((sys.executable, "-"), text, server, tmp_path)
        assert bits(json.loads(printed)) == server.image(), dialect


@pytest.mark.parametrize(
    ("language", "command"),
    [("curl", ("bash", "-e")), ("javascript", ("node", "--input-type=module", "-"))],
)
def test_files_with_awkward_names(
    server: Server, tmp_path: Path, language: str, command: tuple[str, ...]
) -> None:
    texts = requests(language, server.address, tmp_path)
    assert len(texts) == 10
    (tmp_path / NAME).write_bytes(CAT.read_bytes())
    for dialect, text in texts.items():
        with server.answers(200):
            assert '"embedding' in run(command, text, server, tmp_path) or dialect == "weaviate"


def run(command: tuple[str, ...], text: str, server: Server, folder: Path) -> str:
    """The output of a text, run in a folder with the image."""
    environment = {**os.environ, "KEY": server.key, "NO_PROXY": "*"}
    done = subprocess.run(
        command, input=text, env=environment, cwd=folder, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
