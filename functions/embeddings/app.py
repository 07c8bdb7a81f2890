"""The embeddings function: the application behind API Gateway."""

from imgvec import coldstart
from imgvec.app import create_app
from imgvec.aws.function import adapt, add_local_key, observe
from imgvec.settings import load_settings

# Everything here happens once for each execution environment, and is billed.
settings = load_settings()
add_local_key(settings)
# Before the application: it logs which models it does not serve.
logger = observe("embeddings", settings.log_level)
handler = adapt(create_app(settings), logger)
coldstart.over()
