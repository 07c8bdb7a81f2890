"""Types that openapi-typescript makes of openapi.json: strict, and openapi-fetch works."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from tests.clients.conftest import Server
from tests.clients.javascript import SCRIPTS
from tests.support.contract.checks import bits
from tests.support.server.places import ROOT

PACKAGES = ROOT / ".cache" / "clients-js" / "node_modules"
OPTIONS = {
    "strict": True,
    "noUncheckedIndexedAccess": True,
    "exactOptionalPropertyTypes": True,
    "module": "nodenext",
    "target": "es2022",
    "lib": ["es2022", "dom"],
    "types": [],
}


def run(folder: Path, *command: str, **variables: str) -> str:
    """The output of a program that must succeed, and print nothing to standard error."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


def test_a_photo_in_each_dialect(server: Server, uri: str, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(PACKAGES)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    project = {"compilerOptions": OPTIONS, "files": ["generated.ts"]}
    (tmp_path / "tsconfig.json").write_text(json.dumps(project))
    shutil.copy(SCRIPTS / "generated.ts", tmp_path)
    programs = PACKAGES / ".bin"
    made = run(
        tmp_path,
        str(programs / "openapi-typescript"),
        str(ROOT / "openapi.json"),
        "--output=schema.d.ts",
    )
    assert "warn" not in made.lower()
    run(tmp_path, str(programs / "tsc"))
    call = json.dumps({"address": server.address, "key": server.key, "uri": uri})
    with server.answers(200, 200, 200, 200, 200, 200, 200, 404):
        printed = run(tmp_path, "node", "generated.js", CALL=call)
    answered = json.loads(printed)
    assert answered["problem"] == "model_not_found"
    found = {name: bits(vector) for name, vector in answered["found"].items()}
    assert found.pop("coreviz") == server.image(768)
    assert found.pop("weaviate") == server.image(512)
    assert found.pop("memories") == server.text("a cat")
    assert found == dict.fromkeys(("openai", "cohere", "bedrock", "pixlab"), server.image())
