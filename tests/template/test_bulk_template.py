"""The stack of bulk jobs: off by default, a map as AWS and the emulator run it, least rights."""

import copy
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from imgvec.accounts.chunks import CHUNK_SECONDS
from imgvec.bulk.bucket import Row
from imgvec.bulk.planned import MOST_CHUNKS
from imgvec.cli.bulk_jobs import CONCURRENCY
from tests.support.aws.asl_validator import NoValidator, findings
from tests.support.aws.bulk_stack import definition
from tests.support.aws.translated_template import Resource, nested, translated, written
from tests.support.server.places import ROOT

KILOBYTES_256 = 256 << 10


def resources() -> dict[str, Resource]:
    """The resources of the stack."""
    found: dict[str, Resource] = nested("bulk")["Resources"]
    return found


def whole_definition() -> dict[str, Any]:
    """The definition with names in the place of substitutions."""
    arns = {
        "Invoke": "arn:aws:states:::lambda:invoke",
        "GetObject": "arn:aws:states:::s3:getObject",
        "Bucket": "bucket",
    }
    text = json.dumps(definition())
    for name in resources()["Machine"]["Properties"]["DefinitionSubstitutions"]:
        arn = arns.get(name, f"arn:aws:lambda:us-east-1:000000000000:function:{name}")
        text = text.replace(f"${{{name}}}", arn)
    assert "${" not in text
    content: dict[str, Any] = json.loads(text)
    return content


def test_off_means_no_resource_and_is_the_default() -> None:
    assert written()["Parameters"]["Bulk"]["Default"] == "off"
    conditional = [n for n, one in translated().items() if one.get("Condition") == "WithBulk"]
    assert conditional == ["BulkStack"]
    given = translated()["BulkStack"]["Properties"]["Parameters"]
    wanted = nested("bulk")["Parameters"]
    assert given.keys() <= wanted.keys()
    assert {name for name, one in wanted.items() if "Default" not in one} <= given.keys()


def test_one_line_of_the_manifest_is_one_chunk() -> None:
    """No emulator runs batches and result writers, and AWS does not keep chunks apart by them."""
    chunks = definition()["States"]["Chunks"]
    assert {"ItemBatcher", "ResultWriter"}.isdisjoint(chunks)
    processor = chunks["ItemProcessor"]["ProcessorConfig"]
    assert processor == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    assert chunks["ItemReader"]["ReaderConfig"] == {"InputType": "JSONL"}
    assert chunks["ToleratedFailurePercentage"] == 100


def test_inputs_and_results_are_within_256_kilobytes() -> None:
    row = Row("99999", "bulk/20261130-abcdef/plan/00999.jsonl", 2**40, 2**40, 2**40, 1000)
    assert len(json.dumps({"job": "20261130-abcdef", "row": asdict(row)})) < KILOBYTES_256 / 100
    assert definition()["States"]["Chunks"]["ItemProcessor"]["States"]["Embed"]["OutputPath"] == (
        "$.Payload.done"
    )
    assert MOST_CHUNKS * len("1,") < KILOBYTES_256


def test_a_reservation_outlives_the_function() -> None:
    timeout = resources()["EmbedFunction"]["Properties"]["Timeout"]
    states = definition()["States"]
    embed = states["Chunks"]["ItemProcessor"]["States"]["Embed"]
    assert timeout < embed["TimeoutSeconds"] < CHUNK_SECONDS


def test_the_retries_are_patient_with_throttles_alone() -> None:
    states = definition()["States"]
    embed = states["Chunks"]["ItemProcessor"]["States"]["Embed"]
    for state in (states["Plan"], embed, states["Finish"]):
        attempts = {one["ErrorEquals"][0]: one["MaxAttempts"] for one in state["Retry"]}
        assert attempts == {
            "BadParameter": 0,
            "Lambda.TooManyRequestsException": 20,
            "States.ALL": 4,
        }
        assert all(one.get("JitterStrategy", "FULL") == "FULL" for one in state["Retry"])


def test_holds_of_the_highest_concurrency_fit_into_an_item() -> None:
    hold = len("0123456789abcdef/012345*1000") + 2 * len("1772193600")
    assert CONCURRENCY.greatest * hold < 400_000


def statements(role: str) -> Iterator[dict[str, Any]]:
    """The statements of a role."""
    for policy in resources()[role]["Properties"]["Policies"]:
        yield from policy["PolicyDocument"]["Statement"]


@pytest.mark.parametrize(
    ("role", "services"),
    [
        ("PlanRole", {"logs", "s3"}),
        ("EmbedRole", {"dynamodb", "logs", "s3"}),
        ("FinishRole", {"logs", "s3"}),
        ("MachineRole", {"lambda", "s3", "states"}),
    ],
)
def test_a_role_has_what_it_needs(role: str, services: set[str]) -> None:
    found = set()
    for statement in statements(role):
        actions = statement["Action"]
        for action in actions if isinstance(actions, list) else [actions]:
            assert "*" not in action
            assert action not in ("s3:DeleteObject", "dynamodb:Scan")
            found.add(action.partition(":")[0])
        assert statement["Resource"] != "*"
        if "s3:PutObject" in actions:
            assert "${Bucket}/bulk/*" in statement["Resource"]["Fn::Sub"]
    assert found == services


def lose_next(machine: dict[str, Any]) -> None:
    del machine["States"]["Plan"]["Next"]


def lead_nowhere(machine: dict[str, Any]) -> None:
    machine["States"]["Plan"]["Next"] = "Chunk"


def misspell_a_path(machine: dict[str, Any]) -> None:
    machine["States"]["Chunks"]["MaxConcurrencyPath"] = "concurrency"


DAMAGES = [lose_next, lead_nowhere, misspell_a_path]


def test_the_definition_is_valid() -> None:
    try:
        assert findings(whole_definition()) == ""
    except NoValidator as missing:
        pytest.skip(f"NOT VALIDATED: {missing}")


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_definition_is_noticed(damage: Callable[[dict[str, Any]], None]) -> None:
    machine = copy.deepcopy(whole_definition())
    damage(machine)
    try:
        assert findings(machine) != ""
    except NoValidator as missing:
        pytest.skip(f"NOT VALIDATED: {missing}")


def test_lint_notices_a_damaged_machine(tmp_path: Path) -> None:
    text = (ROOT / "infra" / "bulk" / "template.yaml").read_text()
    damaged = tmp_path / "template.yaml"
    damaged.write_text(text.replace("            Type: Map\n", "            Type: Mapp\n", 1))
    lint = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run([lint, damaged], capture_output=True, text=True, check=False)
    assert done.returncode != 0


def test_the_image_has_what_the_functions_import(tmp_path: Path) -> None:
    """The library as the Dockerfile copies it."""
    steps = (ROOT / "functions" / "bulk" / "Dockerfile").read_text()
    (leaving,) = [one for one in steps.splitlines() if "left-out.txt)" in one]
    shutil.copy(ROOT / "layers" / "core" / "left-out.txt", tmp_path)
    shutil.copytree(ROOT / "layers" / "core" / "imgvec", tmp_path / "task" / "imgvec")
    subprocess.run(["sh", "-c", leaving.removeprefix("RUN ")], cwd=tmp_path, check=True)
    assert not (tmp_path / "task" / "imgvec" / "cli").exists()
    code = "import imgvec.aws.function, imgvec.bulk.host; print(imgvec.bulk.host.__file__)"
    others = [one for one in sys.path if one and "layers/core" not in one]
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join([str(tmp_path / "task"), *others])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith(str(tmp_path)), done.stderr
