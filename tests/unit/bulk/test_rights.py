"""The roles of the bulk functions have the rights that their code needs, and no more."""

from collections import defaultdict
from fnmatch import fnmatchcase
from typing import Any

import boto3
import pytest
from botocore.model import OperationModel

from imgvec.types import Quota
from imgvec_models.calibration.feeds import PHOTOS
from tests.support.aws.dynamodb import Emulator
from tests.support.aws.translated_template import nested
from tests.support.bulk.chunk_bench import Bench, new_bucket, opened

PHOTO = next(PHOTOS.glob("*.jpg")).read_bytes()
Right = tuple[str, str]
"""An action, and the object, the bucket or the table."""


class Recorder:
    """The rights that calls needed, by the step that made them."""

    def __init__(self) -> None:
        self.step = ""
        self.seen: defaultdict[str, set[Right]] = defaultdict(set)

    def note(self, params: dict[str, Any], model: OperationModel, **_: object) -> None:
        """Before a call is sent."""
        if model.service_model.service_name == "dynamodb":
            self.seen[self.step].add((f"dynamodb:{model.name}", "table"))
        elif model.name == "ListObjectsV2":
            self.seen[self.step].add(("s3:ListBucket", params["Bucket"]))
        elif "Key" in params:
            name = model.name.replace("Head", "Get")
            self.seen[self.step].add((f"s3:{name}", f"{params['Bucket']}/{params['Key']}"))


def rights(role: str, bucket: str, source: str) -> set[Right]:
    """The actions that a role may take, with a source."""
    resources = nested("bulk")["Resources"]
    (policy,) = resources[role]["Properties"]["Policies"]
    statements = list(policy["PolicyDocument"]["Statement"])
    read = resources["ReadSource"]["Properties"]
    if {"Ref": role} in read["Roles"]:
        statements += read["PolicyDocument"]["Statement"]
    found = set()
    for statement in statements:
        if statement["Sid"] == "WriteLogs":
            continue
        place = statement["Resource"]["Fn::Sub"].rpartition(":")[2]
        place = place.replace("${Bucket}", bucket).replace("${Source}", source)
        place = "table" if place.startswith("table/") else place
        actions = statement["Action"]
        found |= {(one, place) for one in (actions if isinstance(actions, list) else [actions])}
    return found


def covers(right: Right, need: Right) -> bool:
    """Whether a right is enough."""
    return right[0] == need[0] and fnmatchcase(need[1], right[1])


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch, aws: dict[str, str]) -> Recorder:
    """Clients that are made from now on are noted."""
    recorder, session = Recorder(), boto3.Session()
    session.events.register("provide-client-params.*.*", recorder.note)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    return recorder


def run(bench: Bench, recorder: Recorder, source: str, quota: Quota) -> None:
    """All steps of a job."""
    recorder.step = "prepare"
    job = bench.job(source, quota, planned=False)
    recorder.step = "PlanRole"
    bench.host.plan(job.name)
    recorder.step = "prepare"
    rows = list(job.rows())
    recorder.step = "EmbedRole"
    for row in rows:
        bench.embed(job, row)
        bench.embed(job, row)
    recorder.step = "FinishRole"
    bench.host.finish(job.name)


def test_the_roles_may_do_what_the_code_does_and_no_more(
    recorder: Recorder, dynamodb: Emulator
) -> None:
    with opened(dynamodb.new_table(), 4) as bench:
        recorder.step = "prepare"
        source = new_bucket()
        there = bench.host.objects.beside(source)
        there.write("photos/a.jpg", PHOTO)
        there.write("photos/b.jpg", PHOTO)
        there.write("list.txt", b"photos/a.jpg\nphotos/b.jpg\nphotos/gone.jpg\n")
        run(bench, recorder, f"s3://{source}/photos/", Quota())
        # One is left of the quota, and the chunk has two.
        run(bench, recorder, f"s3://{source}/list.txt", Quota(daily=3))
        for role in ("PlanRole", "EmbedRole", "FinishRole"):
            needed, may = recorder.seen[role], rights(role, bench.bucket, source)
            assert not {need for need in needed if not any(covers(one, need) for one in may)}
            # S3 says forbidden in the place of absent; days are added up but on a month's first.
            idle = {one for one in may if not any(covers(one, need) for need in needed)}
            assert {action for action, _ in idle} <= {"s3:ListBucket", "dynamodb:Query"}, role
