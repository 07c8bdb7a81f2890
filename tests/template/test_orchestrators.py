"""The files for Kubernetes and ECS: their image, their settings, the calls that they allow.

tests/packages holds the manifest to Kubernetes' own schemas.
"""

import json
import re
from fnmatch import fnmatchcase
from typing import Any, Final

import boto3
import pytest
from botocore.validate import ParamValidator
from samtranslator.yaml_helper import yaml_parse

from imgvec.server import DRAIN_SECONDS, GRACE_SECONDS
from imgvec.services import REACH_SECONDS
from imgvec.settings import PREFIX, load_settings
from tests.support.aws.recorded_calls import (
    Account,
    Granted,
    calls_of_assets,
    calls_of_embeddings,
)
from tests.support.server.places import ROOT

DOCKERFILE: Final = (ROOT / "Dockerfile").read_text()
TASK: Final[dict[str, Any]] = json.loads((ROOT / "infra/ecs/task-definition.json").read_text())
POLICY: Final[dict[str, Any]] = json.loads((ROOT / "infra/container/policy.json").read_text())
MANIFEST: Final[dict[str, Any]] = {
    one["kind"]: one
    for one in map(yaml_parse, (ROOT / "infra/kubernetes/imgvec.yaml").read_text().split("\n---\n"))
}
POD: Final = MANIFEST["Deployment"]["spec"]["template"]
ENVIRONMENTS: Final[dict[str, dict[str, str]]] = {
    "kubernetes": MANIFEST["ConfigMap"]["data"],
    "ecs": {one["name"]: one["value"] for one in TASK["containerDefinitions"][0]["environment"]},
}
MEMORY: Final = {"kubernetes": 2 << 30, "ecs": int(TASK["memory"]) << 20}


def of_the_image(instruction: str) -> str:
    """The last value of an instruction in the Dockerfile."""
    found = re.findall(rf"^{instruction} (.+)$", DOCKERFILE, re.MULTILINE)
    return str(found[-1])


@pytest.mark.parametrize("platform", ENVIRONMENTS)
def test_the_environment_is_of_settings_that_start_a_server(platform: str) -> None:
    environment = ENVIRONMENTS[platform]
    own = {name: value for name, value in environment.items() if name.startswith(PREFIX)}
    settings = load_settings(own)
    assert settings.table and settings.bucket and settings.public_url
    assert environment["AWS_DEFAULT_REGION"]
    # docs/how-to/deploy.md: 300 MB, and 10 bytes times the pixels for each worker; then the bodies.
    assert settings.workers is not None
    wanted = 300_000_000 + 10 * settings.max_pixels * settings.workers + settings.max_bodies
    assert wanted < MEMORY[platform]


def test_both_have_the_same_environment() -> None:
    ecs = dict(ENVIRONMENTS["ecs"])
    # A volume of Fargate takes the owner of the image's folder, and the image has no other one.
    assert ecs.pop("TMPDIR") == of_the_image("VOLUME") == "/data"
    assert ecs == ENVIRONMENTS["kubernetes"]


def test_ports_user_and_volumes_are_the_images() -> None:
    port, metrics = int(of_the_image("EXPOSE")), int(ENVIRONMENTS["ecs"]["IMGVEC_METRICS_PORT"])
    (pod,), (task,) = POD["spec"]["containers"], TASK["containerDefinitions"]
    assert [one["containerPort"] for one in pod["ports"]] == [port, metrics]
    assert [one["containerPort"] for one in task["portMappings"]] == [port, metrics]
    assert POD["metadata"]["annotations"]["prometheus.io/port"] == str(metrics)
    (published,) = MANIFEST["Service"]["spec"]["ports"]
    assert published["targetPort"] == pod["ports"][0]["name"]
    context = POD["spec"]["securityContext"]
    assert f"{context['runAsUser']}:{context['runAsGroup']}" == of_the_image("USER") == task["user"]
    assert context["runAsNonRoot"]
    assert pod["securityContext"]["readOnlyRootFilesystem"] and task["readonlyRootFilesystem"]
    assert pod["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert task["linuxParameters"]["capabilities"] == {"drop": ["ALL"]}
    mounts = {one["mountPath"] for one in pod["volumeMounts"]}
    assert mounts == {of_the_image("VOLUME"), "/tmp"}
    assert {one["name"] for one in POD["spec"]["volumes"]} == {
        one["name"] for one in pod["volumeMounts"]
    }
    assert [one["containerPath"] for one in task["mountPoints"]] == [of_the_image("VOLUME")]


def test_probes_leave_a_store_its_time_and_a_stop_its_drain() -> None:
    (pod,), (task,) = POD["spec"]["containers"], TASK["containerDefinitions"]
    ready = (pod["startupProbe"], pod["readinessProbe"])
    assert {probe["httpGet"]["path"] for probe in ready} == {"/ready"}
    assert all(probe["timeoutSeconds"] > REACH_SECONDS for probe in ready)
    # A store that fails must not restart the servers.
    assert pod["livenessProbe"]["httpGet"]["path"] == "/health"
    assert "'GET', '/health'" in task["healthCheck"]["command"][-1]
    *_, pause = pod["lifecycle"]["preStop"]["exec"]["command"]
    drain = DRAIN_SECONDS + GRACE_SECONDS
    assert POD["spec"]["terminationGracePeriodSeconds"] > int(pause) + drain
    assert task["stopTimeout"] > drain


def test_names_in_the_manifest_are_of_parts_that_are_there() -> None:
    labels = POD["metadata"]["labels"]
    spread = POD["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"]
    assert MANIFEST["Deployment"]["spec"]["selector"]["matchLabels"] == labels == spread
    assert MANIFEST["Service"]["spec"]["selector"] == labels
    budget = MANIFEST["PodDisruptionBudget"]["spec"]
    assert budget["selector"]["matchLabels"] == labels
    assert budget["minAvailable"] < MANIFEST["Deployment"]["spec"]["replicas"]
    assert POD["spec"]["serviceAccountName"] == MANIFEST["ServiceAccount"]["metadata"]["name"]
    (source,) = POD["spec"]["containers"][0]["envFrom"]
    assert source["configMapRef"]["name"] == MANIFEST["ConfigMap"]["metadata"]["name"]


def test_ecs_takes_the_task_definition() -> None:
    client = boto3.client("ecs", region_name="us-east-1")
    shape = client.meta.service_model.operation_model("RegisterTaskDefinition").input_shape
    report = ParamValidator().validate(TASK, shape)
    assert not report.has_errors(), report.generate_report()
    assert ParamValidator().validate({**TASK, "cpu": 2048}, shape).has_errors(), "control"


def test_a_server_may_do_what_its_code_does_and_no_more(account: Account) -> None:
    table, bucket = (ENVIRONMENTS["ecs"][f"{PREFIX}{name}"] for name in ("TABLE", "BUCKET"))
    places = {
        f"arn:aws:dynamodb:us-east-1:123456789012:table/{table}": "${Table.Arn}",
        f"arn:aws:s3:::{bucket}/*": "${Bucket.Arn}/*",
        f"arn:aws:s3:::{bucket}": "${Bucket.Arn}",
    }
    rights = {
        Granted(action, places[statement["Resource"]])
        for statement in POLICY["Statement"]
        for action in statement["Action"]
    }
    account.environment = {"IMGVEC_TABLE": account.table, "IMGVEC_BUCKET": account.bucket}
    needed = calls_of_embeddings(account) | calls_of_assets(account)

    def covers(right: Granted, need: Granted) -> bool:
        return right.action == need.action and fnmatchcase(need.resource, right.resource)

    assert not {need for need in needed if not any(covers(right, need) for right in rights)}
    assert not {right for right in rights if not any(covers(right, need) for need in needed)}
