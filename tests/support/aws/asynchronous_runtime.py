"""SageMaker's asynchronous inference as boto3 and a container see it: objects in, objects out.

Its path, its headers and its places for results are AWS's. A call is answered once its object has
been dealt with, where AWS queues it.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import uuid4

import boto3
import httpx2

from imgvec.encoders.sagemaker.client import HEADER
from tests.support.http.scripted_listener import QuietHandler, answering

NAME: Final = "imgvec-test"
FIELD: Final = "X-Amzn-SageMaker-"
Objects = dict[str, bytes]
"""A bucket: objects by their `s3://` address."""


@contextmanager
def asynchronous(container: str, objects: Objects, results: str) -> Iterator[str]:
    """Its address, before the container at another; writes below `results` and `results`-failed."""
    client = httpx2.Client(base_url=container, timeout=60, trust_env=False)

    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            assert self.path == f"/endpoints/{NAME}/async-invocations"
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            told = client.post(
                "/invocations",
                content=objects[self.headers[f"{FIELD}InputLocation"]],
                headers={
                    "Content-Type": self.headers[f"{FIELD}Content-Type"],
                    HEADER: self.headers[HEADER],
                },
            )
            number = uuid4().hex
            output, failure = f"{results}/{number}.out", f"{results}-failed/{number}-error.out"
            objects[output if told.status_code == 200 else failure] = told.content
            body = json.dumps({"InferenceId": number}).encode()
            self.send_response(202)
            self.send_header(f"{FIELD}OutputLocation", output)
            self.send_header(f"{FIELD}FailureLocation", failure)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with answering(Handler) as address:
        yield address
    client.close()


def call(runtime: str, location: str, media_type: str, asked: str) -> tuple[str, str]:
    """Ask for an object by boto3; gives where the result would be, and where the failure would."""
    client = boto3.client(
        "sagemaker-runtime",
        endpoint_url=runtime,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    told = client.invoke_endpoint_async(
        EndpointName=NAME,
        InputLocation=location,
        ContentType=media_type,
        CustomAttributes=asked,
    )
    return told["OutputLocation"], told["FailureLocation"]
