"""From an ASGI application to a Lambda function."""

from collections.abc import Callable
from typing import Any, TypeAlias

from aws_lambda_powertools import Logger
from mangum import Mangum
from mangum.types import LambdaContext
from starlette.types import ASGIApp

from imgvec.aws.gateway import Gateway

Event: TypeAlias = dict[str, Any]
Handler: TypeAlias = Callable[[Event, LambdaContext], Event]


def adapt(app: ASGIApp, logger: Logger) -> Handler:
    """The function that answers events of a REST API with this application.

    What the application opens stays open for the life of the process; Mangum would otherwise close
    it after every call.
    """
    adapter = Mangum(Gateway(app), lifespan="off")

    def handler(event: Event, context: LambdaContext) -> Event:
        logger.set_correlation_id(context.aws_request_id)
        return adapter(event, context)

    return handler
