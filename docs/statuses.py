"""The table of docs/reference/errors.md: the status of each error in each dialect."""

from typing import Final

from starlette.types import Scope

from imgvec import errors
from imgvec.api.mounts import Dialect
from imgvec.dialects import all_dialects

COLUMNS: Final = {
    "OpenAI": "/openai/v1/embeddings",
    "Jina": "/jina/v1/embeddings",
    "Voyage": "/voyage/v1/embeddings",
    "Cohere": "/v2/embed",
    "Bedrock": "/bedrock/model/x/invoke",
    "Weaviate": "/weaviate/512/vectorize",
    "CoreViz": "/api/ai/embeddings",
    "PixLab": "/imgembed",
    "memories.ai": "/serve/api/v2/embeddings/image",
}
ROWS: Final[dict[type[errors.RequestError], str]] = {
    errors.BadParameter: "a field is missing, malformed or out of range",
    errors.UnknownModel: "no model of this name is served",
    errors.AddressRefused: "the image URL may not be fetched",
    errors.AssetNotFound: "the stored file is unknown or unfinished",
    errors.KeyInvalid: "the key is missing, wrong, expired or revoked",
    errors.KeyDisabled: "the key is disabled",
    errors.SpaceForbidden: "the plan does not include these dimensions",
    errors.QuotaExhausted: "the quota is used up",
    errors.NotFound: "the path is unknown",
    errors.MethodNotAllowed: "the path does not support this method",
    errors.FetchFailed: "the image could not be downloaded",
    errors.NotAnImage: "the bytes are not an image that is read",
    errors.OtherRevision: "another revision is served than the request asks for",
    errors.TooLarge: "too many bytes, pixels or frames",
    errors.WrongContentType: "the content type is not read",
    errors.TooFast: "too fast, or the server is busy",
    errors.InternalFault: "a fault of the server",
    errors.NotReady: "the server starts or stops",
}


def table() -> list[list[str]]:
    """A heading, and a row for each error."""
    dialects = [_owner(path) for path in COLUMNS.values()]
    rows = [["error", *COLUMNS]]
    for kind, sentence in ROWS.items():
        statuses = [
            str(dialect.error_response(kind(), _scope(path)).status_code)
            for dialect, path in zip(dialects, COLUMNS.values(), strict=True)
        ]
        rows.append([sentence, *statuses])
    return rows


def _owner(path: str) -> Dialect:
    return next(dialect for dialect in all_dialects() if dialect.head.owns(path))


def _scope(path: str) -> Scope:
    return {"type": "http", "path": path, "headers": []}
