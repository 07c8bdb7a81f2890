"""The machine of infra/bulk on the emulator, over the real functions, which can be made to die.

The emulator runs functions as processes of this machine, so their code is a few lines that lead to
this tree. It knows no MaxConcurrencyPath, and waits of seconds are enough here.
"""

import io
import json
import sys
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import boto3

from imgvec.accounts.idempotency import IdempotentMeter
from imgvec.accounts.registry import Registry
from imgvec.aws.gateway_keys.usage_plans import find_stack
from imgvec.bulk.bucket import BucketJob
from imgvec.stores.dynamodb import DynamoStore
from imgvec.stores.objects import Objects
from imgvec.types import Plan, Quota
from tests.support.aws.translated_template import nested, written
from tests.support.server.places import ROOT, imgvec

SERVICES: Final = "s3,dynamodb,cloudformation,lambda,states,iam,logs"
CONSUMER: Final = "acme"
STEPS: Final = ("plan", "embed", "finish")
POINTS: Final = ("reserve", "encode", "put", "record", "settle")

APP: Final = '''
import os, sys
sys.path[:0] = {path!r}
from functions.bulk import app
from imgvec.accounts.chunks import ChunkMeter
from imgvec.bulk.mapped import Worker
from imgvec.stores.dynamodb import DynamoStore
from imgvec.stores.objects import Objects

plan, embed, finish = app.plan, app.embed, app.finish
chunk = ""

def remember(embed_chunk):
    def call(self, job, row):
        global chunk
        chunk = row.chunk
        return embed_chunk(self, job, row)
    return call

def dying(method, point):
    """Ends the process behind the call, once, where a file asks for it."""
    def call(*arguments, **named):
        result = method(*arguments, **named)
        wanted = os.path.join({deaths!r}, point + "-" + chunk)
        if os.path.exists(wanted):
            os.remove(wanted)
            os._exit(1)
        return result
    return call

Worker.embed = remember(Worker.embed)
ChunkMeter.begin = dying(ChunkMeter.begin, "reserve")
Worker._encoded = dying(Worker._encoded, "encode")
Objects.write_new = dying(Objects.write_new, "put")
DynamoStore.replace_record = dying(DynamoStore.replace_record, "record")
DynamoStore.settle = dying(DynamoStore.settle, "settle")
'''


@dataclass
class BulkStack:
    """A stack with bulk jobs."""

    name: str
    deaths: Path
    environment: dict[str, str]

    @property
    def objects(self) -> Objects:
        """Its bucket."""
        bucket = find_stack(self.name).bucket
        assert bucket is not None
        return Objects(bucket)

    def job(self, name: str) -> BucketJob:
        """A job."""
        return BucketJob(self.objects, name)

    def run(self, *arguments: str) -> str:
        """`imgvec bulk`; gives its standard output."""
        done = imgvec("bulk", *arguments, "--stack", self.name, environment=self.environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def start(self, source: str) -> str:
        """Start a job; gives its name."""
        return self.run("start", source, "--consumer", CONSUMER, "--dimensions", "512")

    def give(self, quota: Quota) -> None:
        """A plan for the consumer, whose rate is next to nothing."""
        with closing(self._store()) as store:
            registry = Registry(store, "test")
            registry.put_plan(Plan("plan", rate=0.001, quota=quota))
            registry.assign_plan(CONSUMER, "plan")

    def die(self, point: str, chunk: str) -> None:
        """Let the function that works on this chunk die, once."""
        (self.deaths / f"{point}-{chunk}").touch()

    def counted(self) -> int:
        """Images that the consumer pays for."""
        with closing(self._store()) as store:
            rows = IdempotentMeter(store, window=3600).usage(CONSUMER, date.min, date.max)
            return sum(row.images for row in rows)

    def _store(self) -> DynamoStore:
        return DynamoStore(find_stack(self.name).table)


@contextmanager
def bulk_stack(name: str, folder: Path, environment: dict[str, str]) -> Iterator[BulkStack]:
    """Deploy it; the emulator's variables are in the environment of this process too."""
    stack = BulkStack(name, folder / "deaths", environment)
    stack.deaths.mkdir()
    template: dict[str, Any] = {
        "Resources": {
            "Table": written()["Resources"]["Table"],
            "Bucket": {"Type": "AWS::S3::Bucket"},
        },
        "Outputs": {
            "TableName": {"Value": {"Ref": "Table"}},
            "BucketName": {"Value": {"Ref": "Bucket"}},
            "GatewayUrl": {"Value": "http://127.0.0.1:9"},
            "BulkMachine": {"Value": _arn("states", "stateMachine", f"{name}-bulk")},
        },
    }
    client = boto3.client("cloudformation")
    client.create_stack(StackName=name, TemplateBody=json.dumps(template))
    client.get_waiter("stack_create_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    found = find_stack(name)
    assert found.bucket is not None
    for step in STEPS:
        _create_function(f"{name}-{step}", step, stack.deaths, found.table, found.bucket)
    machine: Any = boto3.client("stepfunctions")
    machine.create_state_machine(
        name=f"{name}-bulk",
        definition=_definition(name, found.bucket),
        roleArn="arn:aws:iam::000000000000:role/bulk",
    )
    yield stack


def _create_function(name: str, step: str, deaths: Path, table: str, bucket: str) -> None:
    code = io.BytesIO()
    path = [str(ROOT / "layers" / "core"), str(ROOT / "models"), str(ROOT)]
    path += [one for one in sys.path if one and one not in path]
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", APP.format(path=path, deaths=str(deaths)))
    client: Any = boto3.client("lambda")
    client.create_function(
        FunctionName=name,
        Runtime=f"python3.{sys.version_info.minor}",
        Handler=f"app.{step}",
        Role="arn:aws:iam::000000000000:role/bulk",
        Code={"ZipFile": code.getvalue()},
        Timeout=300,
        Environment={
            "Variables": {
                "IMGVEC_TABLE": table,
                "IMGVEC_WORKERS": "1",
                "IMGVEC_THREADS": "1",
                "BULK_BUCKET": bucket,
                "BULK_ROWS": "20",
            }
        },
    )


def definition() -> dict[str, Any]:
    """The machine as the template has it."""
    content: dict[str, Any] = nested("bulk")["Resources"]["Machine"]["Properties"]["Definition"]
    return content


def _definition(name: str, bucket: str) -> str:
    content = json.loads(json.dumps(definition()))
    states = content["States"]
    del states["Chunks"]["MaxConcurrencyPath"]
    states["Chunks"]["MaxConcurrency"] = 2
    embed = states["Chunks"]["ItemProcessor"]["States"]["Embed"]
    for state in (states["Plan"], embed, states["Finish"]):
        for retry in state["Retry"]:
            if "IntervalSeconds" in retry:
                retry["IntervalSeconds"] = 1
    text = json.dumps(content)
    functions = {step: _arn("lambda", "function", f"{name}-{step}") for step in STEPS}
    given = {
        "Invoke": "arn:aws:states:::lambda:invoke",
        "GetObject": "arn:aws:states:::s3:getObject",
        "Bucket": bucket,
        **{f"{step.title()}Function": arn for step, arn in functions.items()},
    }
    for key, value in given.items():
        text = text.replace(f"${{{key}}}", value)
    return text


def _arn(service: str, kind: str, name: str) -> str:
    return f"arn:aws:{service}:us-east-1:000000000000:{kind}:{name}"
