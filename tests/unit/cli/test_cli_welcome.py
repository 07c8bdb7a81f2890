"""`imgvec serve --welcome`: what it prints is pasted into bash."""

import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from imgvec.accounts.keys import well_formed
from tests.support.aws.dynamodb import Emulator
from tests.support.models.linear_encoder import linear_encoder
from tests.support.server.places import CAT, ROOT, create_key, imgvec
from tests.unit.cli.said import Environment, assert_sentence, set_up_in


@contextmanager
def welcomed(environment: Environment, photo: str, folder: Path) -> Iterator[str]:
    """What `serve --welcome` prints, while it serves."""
    printed = folder / "welcome.txt"
    command = [sys.executable, "-m", "imgvec", "serve", "--port", "0", "--welcome", photo]
    with (
        printed.open("wb") as stdout,
        subprocess.Popen(
            command, env=environment, cwd=ROOT, stdout=stdout, stderr=subprocess.PIPE
        ) as process,
    ):
        assert process.stderr is not None
        while b"answers on " not in (line := process.stderr.readline()):
            assert line, "the server did not start"
        try:
            yield printed.read_text()
        finally:
            process.terminate()
            process.stderr.read()


def key_in(text: str) -> str:
    """The key that is shown."""
    (key,) = set(re.findall(r"\bimgvec_[0-9A-Za-z]{33}\b", text))
    assert well_formed(key)
    return str(key)


def requests_in(text: str) -> dict[str, str]:
    """The requests by the name of their dialect, as a person would copy them."""
    parts = re.split(r"^  # (.+)\n", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], map(textwrap.dedent, parts[1::2]), strict=True))


def paste(request: str, environment: Environment) -> Any:
    """Run a request in bash, in the root of the repository, and read what it prints."""
    done = subprocess.run(
        ["bash", "-c", request],
        env={**environment, "NO_PROXY": "*"},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_welcome(environment: Environment, tmp_path: Path) -> None:
    with welcomed(environment, "examples/cat.jpg", tmp_path) as text:
        requests = requests_in(text)
        answers = {name: paste(request, environment) for name, request in requests.items()}
    assert answers["CoreViz"]["dimensions"] == len(answers["CoreViz"]["embedding"]) == 768
    assert len(answers["PixLab img-embed"]["embedding"]) == 1024
    assert len(answers["PixLab LLM image embed"]["embedding"]) == 512
    assert len(answers["memories.ai"]["data"]["embedding"]) == 1024
    assert len(answers["OpenAI, Jina, Voyage"]["data"][0]["embedding"]) == 1024
    assert len(answers["Cohere"]["embeddings"]["float"][0]) == 1024
    assert len(answers["Bedrock"]["embedding"]) == 1024
    assert len(answers["Weaviate"]["imageVectors"][0]) == 512
    assert len(answers) == 8
    assert f"/#key={key_in(text)}\n" in text, "the playground's link"
    assert max(map(len, text.splitlines())) <= 100


def test_welcome_has_requests_that_the_encoder_serves(
    environment: Environment, tmp_path: Path
) -> None:
    linear_encoder(tmp_path / "models" / "other", dimensions=768)
    other = {"IMGVEC_ENCODERS": "other", "IMGVEC_MODELS": str(tmp_path / "models")}
    with welcomed({**environment, **other}, "examples/cat.jpg", tmp_path) as text:
        requests = requests_in(text)
        answers = {name: paste(request, environment) for name, request in requests.items()}
    assert {*answers} == {"CoreViz", "OpenAI, Jina, Voyage", "Weaviate"}
    assert len(answers["OpenAI, Jina, Voyage"]["data"][0]["embedding"]) == 768
    assert len(answers["Weaviate"]["imageVectors"][0]) == 768


def test_welcome_without_the_playground(environment: Environment, tmp_path: Path) -> None:
    switched_off = {**environment, "IMGVEC_PLAYGROUND": "0"}
    with welcomed(switched_off, "examples/cat.jpg", tmp_path) as text:
        assert "#key=" not in text


def test_welcome_with_an_awkward_photo(
    environment: Environment, tmp_path: Path, cat: bytes
) -> None:
    photo = tmp_path / "Chelsea's $(cat) photo.jpg"
    photo.write_bytes(cat)
    with welcomed(environment, str(photo), tmp_path) as text:
        for request in requests_in(text).values():
            assert "0." in json.dumps(paste(request, environment))


def test_the_lines_make_another_terminal_act_on_the_running_servers_data(
    environment: Environment, tmp_path: Path
) -> None:
    # As somebody's other terminal is: no setting, and no environment activated.
    other = {name: value for name, value in environment.items() if name != "IMGVEC_DATA"}
    other["PATH"] = os.defpath
    with welcomed(environment, str(CAT), tmp_path) as text:
        request = requests_in(text)["memories.ai"].replace(key_in(text), "$KEY").replace("'", '"')
        assert paste(f"cd /\n{set_up_in(text)}{request}", other)["code"] == 200
        created = paste(f"{set_up_in(text)}imgvec keys create my-team --json", other)
        assert paste(request.replace("$KEY", created["key"]), other)["code"] == 200
        (used,) = paste(f"{set_up_in(text)}imgvec usage welcome --json", other)
        assert used["images"] == 1


def test_over_a_table_the_other_terminal_acts_on_the_table(
    environment: Environment, dynamodb: Emulator, tmp_path: Path
) -> None:
    other = {**environment, **dynamodb.environment}
    table = {**other, "IMGVEC_TABLE": dynamodb.new_table()}
    with welcomed(table, str(CAT), tmp_path) as text:
        assert paste(requests_in(text)["memories.ai"], other)["code"] == 200
        (used,) = paste(f"{set_up_in(text)}imgvec usage --json", other)
    assert (used["consumer"], used["images"]) == ("welcome", 1)
    assert imgvec("keys", "list", environment=table).stdout == "", "its key is in no store"


def test_each_welcome_key_is_its_own_servers_and_ends_with_it(
    environment: Environment, tmp_path: Path
) -> None:
    lasting, _ = create_key("my-team", environment)
    folders = [tmp_path / "1", tmp_path / "2"]
    for folder in folders:
        folder.mkdir()
    with welcomed(environment, str(CAT), folders[1]) as text:
        second, request = key_in(text), requests_in(text)["memories.ai"]
        with welcomed(environment, str(CAT), folders[0]) as other_text:
            first, first_request = key_in(other_text), requests_in(other_text)["memories.ai"]
            assert first != second
            assert paste(first_request, environment)["code"] == 200
            assert paste(request, environment)["code"] == 200
            assert paste(first_request.replace(first, second), environment)["code"] == 401
            assert paste(first_request.replace(first, lasting), environment)["code"] == 200
        assert paste(request, environment)["code"] == 200
        assert paste(request.replace(second, first), environment)["code"] == 401
    listed = json.loads(imgvec("keys", "list", "--json", environment=environment).stdout)
    assert [row["consumer"] for row in listed] == ["my-team"], "nothing is left of it"


def test_failed_start_keeps_the_key(environment: Environment, tmp_path: Path) -> None:
    with welcomed(environment, str(CAT), tmp_path) as text:
        request = requests_in(text)["memories.ai"]
        port = re.findall(r"http://127\.0\.0\.1:(\d+)/", text)[0]
        done = imgvec("serve", "--port", port, "--welcome", str(CAT), environment=environment)
        assert_sentence(done, 1, "Cannot listen")
        assert paste(request, environment)["code"] == 200


def test_welcome_without_the_photo(environment: Environment) -> None:
    done = imgvec("serve", "--welcome", "no-such.jpg", environment=environment)
    assert (done.returncode, done.stdout) == (2, "")
    assert "'no-such.jpg' does not exist" in done.stderr
