"""Nova's multimodal embeddings: one image or one text, at once."""

from imgvec.api.fields import Fields
from imgvec.dialects.bedrock.parts import Asked, Reader, inside
from imgvec.embedding.types import EmbedRequest, EmbedResult
from imgvec.errors import BadParameter

TASK = "SINGLE_EMBEDDING"
PARAMETERS = "singleEmbeddingParams"
KINDS = ("text", "image", "audio", "video")


def parse(given: Fields, reader: Reader) -> Asked:
    """Read `singleEmbeddingParams`; an image comes with the request, never from S3."""
    if given.text("taskType") != TASK:
        raise BadParameter(f"'taskType' must be {TASK!r}")
    asked = inside(given, PARAMETERS)
    dimensions = reader.dimensions(asked, "embeddingDimension")
    kinds = [kind for kind in KINDS if asked.one(kind) is not None]
    if kinds not in (["text"], ["image"]):
        raise BadParameter(f"Give 'text' or 'image' in {PARAMETERS!r}, and nothing else to embed")
    (kind,) = kinds
    content = inside(asked, kind)
    if kind == "text":
        part = reader.parts.text(content.one("value"))
    else:
        part = reader.parts.image(inside(content, "source").one("bytes"))
    return Asked(EmbedRequest(((part,),), dimensions), {"embeddingType": kind.upper()})


def render(asked: Asked, result: EmbedResult) -> dict[str, object]:
    """The one vector, in a list."""
    return {"embeddings": [{**asked.rest, "embedding": result.embeddings[0].vector}]}
