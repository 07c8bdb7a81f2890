"""The assets function: uploads, signed addresses, metadata, download, delete.

It also takes the bucket's word that a signed upload has arrived.
"""

from mangum.types import LambdaContext

from imgvec import coldstart
from imgvec.aws.assets import create_assets_app, take_arrival
from imgvec.aws.function import Event, adapt, add_local_key, observe
from imgvec.settings import load_settings

settings = load_settings()
add_local_key(settings)
app = create_assets_app(settings)
logger = observe("assets", settings.log_level)
answer = adapt(app, logger)
coldstart.over()


def handler(event: Event, context: LambdaContext) -> Event:
    """Answer a REST API's event, or take an upload that the bucket tells of."""
    if event.get("detail-type") == "Object Created":
        logger.set_correlation_id(context.aws_request_id)
        take_arrival(event, app.state.services.assets)
        return {}
    return answer(event, context)
