"""The functions of bulk jobs: plan, embed a chunk, finish. A state machine calls them."""

import os
from typing import Any

from mangum.types import LambdaContext

from imgvec.aws.function import Event, observe
from imgvec.bulk.host import Host
from imgvec.settings import load_settings

settings = load_settings()
logger = observe("bulk", settings.log_level)
host = Host(settings, os.environ["BULK_BUCKET"], int(os.environ["BULK_ROWS"]))


def plan(event: Event, context: LambdaContext) -> dict[str, str]:
    """Plan a job; its manifest has a line for each chunk."""
    logger.set_correlation_id(context.aws_request_id)
    return host.plan(event["job"])


def embed(event: Event, context: LambdaContext) -> dict[str, Any]:
    """Embed a chunk; `done` is 1 where its part is there."""
    logger.set_correlation_id(context.aws_request_id)
    outcome = host.embed(event["job"], event["row"])
    logger.info("chunk", extra={"job": event["job"], **outcome})
    return {**outcome, "done": int(outcome["outcome"] == "done")}


def finish(event: Event, context: LambdaContext) -> dict[str, Any]:
    """Compare the parts with the plan."""
    logger.set_correlation_id(context.aws_request_id)
    return host.finish(event["job"])
