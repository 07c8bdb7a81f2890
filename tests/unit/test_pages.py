"""Pages, OpenAPI file and template are held to the code."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from starlette.testclient import TestClient

from generate import (
    bulk_page,
    commands_page,
    cost_page,
    deploy_page,
    dialects_page,
    errors_page,
    openapi_json,
    settings_page,
)
from imgvec.app import create_app
from imgvec.dialects import all_dialects
from imgvec.encoders.integrity import SHIPPED_TERMS
from imgvec.settings import Settings, load_settings
from llms import llms_txt
from tests.support.server.places import CAT, ROOT, create_key

README = (ROOT / "README.md").read_text()
DOCS = ROOT / "docs"


def test_readme_shows_the_answer_to_its_own_request(tmp_path: Path) -> None:
    environment = {"IMGVEC_DATA": str(tmp_path)}
    key, _ = create_key("reader", os.environ | environment)
    with TestClient(create_app(load_settings(environment))) as client:
        fields = {"key": key, "dimension": "512"}
        answer = client.post("/imgembed", data=fields, files={"file": CAT.read_bytes()}).json()
    begun = ",".join(f"{value:.4f}" for value in answer["embedding"][:3])
    tokens = answer["total_tokens"]
    shown = f'{{"status":200,"embedding":[{begun},...],"total_tokens":{tokens}}}'
    assert shown in README


def test_readme_is_short() -> None:
    assert len(README.splitlines()) <= 130, "move details to docs/"


def test_readme_has_the_terms_of_the_shipped_encoder_beside_the_command_for_another() -> None:
    paragraph = next(one for one in README.split("\n\n") if "imgvec models pull" in one)
    assert SHIPPED_TERMS in " ".join(paragraph.replace("`", "").split())


def test_settings_page_is_that_of_the_code() -> None:
    assert (DOCS / "reference" / "settings.md").read_text() == settings_page(), "run `make docs`"


def test_commands_page_is_that_of_the_code() -> None:
    # In a process of its own: click remembers the help option of a command that ran alone before.
    script = "from generate import commands_page; print(commands_page(), end='')"
    page = subprocess.run(
        [sys.executable, "-c", script],
        cwd=DOCS,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (DOCS / "reference" / "commands.md").read_text() == page.stdout, "run `make docs`"


def test_cost_page_is_that_of_the_code() -> None:
    assert (DOCS / "explanation" / "cost.md").read_text() == cost_page(), "run `make docs`"
    assert (DOCS / "how-to" / "bulk-aws.md").read_text() == bulk_page(), "run `make docs`"


def test_errors_page_is_that_of_the_code() -> None:
    assert (DOCS / "reference" / "errors.md").read_text() == errors_page(), "run `make docs`"


def test_dialects_page_is_that_of_the_code() -> None:
    assert (DOCS / "reference" / "dialects.md").read_text() == dialects_page(), "run `make docs`"


def test_llms_txt_is_that_of_the_pages() -> None:
    committed = (ROOT / "llms.txt").read_text()
    assert committed == llms_txt(), "run `make docs`"
    linked = set(re.findall(r"\]\(([^)]+)\)", committed))
    pages = {str(page.relative_to(ROOT)) for page in DOCS.rglob("*.md")}
    assert pages - {"docs/README.md"} <= linked
    assert all((ROOT / target).is_file() for target in linked)


def test_the_picture_is_that_of_the_template() -> None:
    page = (DOCS / "how-to" / "deploy.md").read_text()
    assert page == deploy_page(), "run `make docs`"
    drawn = page.partition("```mermaid\n")[2].partition("```")[0]
    for arrow in (
        'Api -- "first: which consumer?" --> AuthorizerFunction',
        'Api -- "all other paths" --> EmbeddingsFunction',
        'AuthorizerFunction -- "reads" --> Table',
        'EmbeddingsFunction -- "reads, writes, removes" --> Bucket',
    ):
        assert arrow in drawn
    named = set(re.findall(r"^  (\w+)[\[{(]", drawn, re.M))
    for line in re.findall(r"^  (\w+) -.*> (\w+)$", drawn, re.M):
        assert set(line) - {"Weekly"} <= named, line


def test_openapi_file_is_that_of_the_code(tmp_path: Path) -> None:
    committed = (ROOT / "openapi.json").read_text()
    assert committed == openapi_json(Settings(data=tmp_path)), "run `make docs`"


def test_openapi_describes_every_route_of_every_dialect() -> None:
    described = json.loads((ROOT / "openapi.json").read_text())["paths"]
    for dialect in all_dialects():
        own = [path for path in described if dialect.head.owns(path)]
        assert own, dialect.name
        for path in own:
            for operation in described[path].values():
                assert operation["tags"], path
                assert "422" not in operation["responses"] or dialect.name == "coreviz", path


def test_the_page_of_dialects_names_every_route() -> None:
    page = (DOCS / "reference" / "dialects.md").read_text()
    described = json.loads((ROOT / "openapi.json").read_text())["paths"]
    hidden = {"/health", "/ready", "/serve/api/v2/upload/signed/{asset_id}"}
    for path in set(described) - hidden:
        short = path.removeprefix("/serve/api/v2").removeprefix("/asset")
        short = re.sub("^/bedrock/model/.*/invoke$", "/bedrock/model/{modelId}/invoke", short)
        short = short.removeprefix("/weaviate/512")
        assert short in page, path


def test_readme_names_only_commands_that_exist() -> None:
    commands = commands_page()
    blocks = "".join(re.findall(r"^```sh\n(.*?)^```$", README, re.M | re.S))
    for line in re.findall(r"^imgvec (.+)$", blocks, re.M):
        words = re.match(r"[a-z]+( [a-z]+)?", line)
        assert words is not None
        assert f"imgvec {words[0]}" in commands or f"imgvec {words[0].split()[0]} [" in commands


def test_readme_names_only_make_targets_that_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"make ([a-z-]+)", README)) <= targets


def test_template_has_no_lint() -> None:
    lint = subprocess.run(
        [Path(sys.executable).parent / "cfn-lint", ROOT / "template.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert lint.returncode == 0, lint.stdout + lint.stderr


def test_locks_hold_hashes_and_no_address() -> None:
    locks = [*(ROOT / "requirements").glob("*.txt"), ROOT / "layers" / "core" / "requirements.txt"]
    assert 8 <= len(locks) <= 10
    for lock in locks:
        text = lock.read_text()
        assert "://" not in text and "--index" not in text
        pinned = re.findall(r"^[a-z0-9][^\n]*==", text, re.M)
        assert len(pinned) >= 3
        assert text.count("--hash=sha256:") >= len(pinned)
    npm = json.loads((ROOT / "tests/clients/js/package-lock.json").read_text())["packages"]
    assert len(npm) > 50
    assert not any("resolved" in package for package in npm.values())
    assert all("integrity" in package for name, package in npm.items() if name)


def test_the_page_of_clients_names_the_versions_that_are_locked() -> None:
    page = README + (DOCS / "how-to" / "your-client.md").read_text()
    named = set(re.findall(r"`(@?[a-z][\w/-]*)` (\d+(?:\.\d+)+)", page))
    locks = [ROOT / "requirements" / f"{name}.txt" for name in ("clients", "frameworks")]
    locked = set(
        re.findall(r"^([a-z0-9-]+)==([\d.]+)", "".join(lock.read_text() for lock in locks), re.M)
    )
    package = json.loads((ROOT / "tests/clients/js/package.json").read_text())
    assert len(named) > 30
    assert named <= locked | set(package["dependencies"].items())
