"""The embeddings function: the application behind API Gateway."""

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers
from mangum import Mangum

from imgvec.app import create_app

copy_config_to_registered_loggers(Logger(service="imgvec"), include={"imgvec"})
app = create_app()
handler = Mangum(app, lifespan="off")
