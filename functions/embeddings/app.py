"""The embeddings function: the application behind API Gateway."""

from aws_lambda_powertools import Logger
from mangum import Mangum
from mangum.types import LambdaContext

from functions.embeddings.desk import add_desk_key, on_a_desk
from functions.embeddings.gateway import Gateway
from functions.embeddings.telemetry import SERVICE, observe
from imgvec.app import create_app
from imgvec.settings import load_settings

# Everything here happens once for each execution environment, and is billed.
settings = load_settings()
logger = Logger(service=SERVICE, level=settings.log_level.upper(), location=None)
observe(logger)
if on_a_desk():
    add_desk_key(settings.data)
adapter = Mangum(Gateway(create_app(settings)), lifespan="off")


def handler(event: dict[str, object], context: LambdaContext) -> dict[str, object]:
    """Answer one event of a REST API."""
    logger.set_correlation_id(context.aws_request_id)
    return adapter(event, context)
