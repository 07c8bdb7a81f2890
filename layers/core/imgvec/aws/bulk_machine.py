"""The state machine of bulk jobs: its executions, started, stopped and described."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from imgvec.aws.gateway_keys.usage_plans import patient, reported
from imgvec.ids import base62

SERVICE = "Step Functions"
RUNNING = "RUNNING"


@dataclass(frozen=True, slots=True)
class Run:
    """An execution for a job."""

    arn: str
    status: str


class Machine:
    """The executions of a stack's machine, by job. Every method may raise `StackError`."""

    def __init__(self, arn: str) -> None:
        """Make the client; nothing is asked yet."""
        import boto3

        self._arn = arn
        with reported(SERVICE):
            self._client: Any = boto3.client("stepfunctions", config=patient())

    def start(self, job: str, concurrency: int) -> None:
        """Start an execution; a job may have several, one after the other or at once."""
        content = orjson.dumps({"job": job, "concurrency": concurrency}).decode()
        with reported(SERVICE):
            self._client.start_execution(
                stateMachineArn=self._arn, name=f"{job}-{base62(6)}", input=content
            )

    def runs(self, job: str) -> list[Run]:
        """The executions of a job, newest first."""
        return list(self._runs(job))

    def stop(self, job: str) -> int:
        """Stop the executions of a job; gives how many were running."""
        running = [run for run in self._runs(job) if run.status == RUNNING]
        for run in running:
            with reported(SERVICE):
                self._client.stop_execution(executionArn=run.arn)
        return len(running)

    def chunks(self, run: Run) -> dict[str, int]:
        """Chunks of an execution by their state; empty before the map has begun."""
        with reported(SERVICE):
            maps = self._client.list_map_runs(executionArn=run.arn)["mapRuns"]
            if not maps:
                return {}
            found = self._client.describe_map_run(mapRunArn=maps[0]["mapRunArn"])
        counts: dict[str, int] = found["itemCounts"]
        return counts

    def failure(self, run: Run) -> str:
        """The sentence of an error that ended an execution; empty where there is none."""
        with reported(SERVICE):
            found = self._client.describe_execution(executionArn=run.arn)
        try:
            return str(orjson.loads(found.get("cause") or "")["errorMessage"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return ""

    def _runs(self, job: str) -> Iterator[Run]:
        pages = self._client.get_paginator("list_executions").paginate(stateMachineArn=self._arn)
        with reported(SERVICE):
            for page in pages:
                for one in page["executions"]:
                    if one["name"].startswith(f"{job}-"):
                        yield Run(one["executionArn"], one["status"])
