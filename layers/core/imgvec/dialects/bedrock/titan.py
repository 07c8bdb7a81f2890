"""Titan's multimodal embeddings: an image, a text, or both as one input."""

from imgvec.api.fields import Fields
from imgvec.dialects.bedrock.parts import Asked, Reader, inside
from imgvec.embedding.types import EmbedRequest, EmbedResult
from imgvec.errors import BadParameter


def parse(given: Fields, reader: Reader) -> Asked:
    """Read `inputText` and `inputImage`; null and an empty string count as absent."""
    config = inside(given, "embeddingConfig")
    dimensions = reader.dimensions(config, "outputEmbeddingLength")
    text, image = given.text("inputText"), given.text("inputImage")
    parts = [
        *([] if text is None else [reader.parts.text(text)]),
        *([] if image is None else [reader.parts.image(image)]),
    ]
    if not parts:
        raise BadParameter("Give 'inputText', 'inputImage' or both")
    return Asked(EmbedRequest((tuple(parts),), dimensions), {"message": None})


def render(asked: Asked, result: EmbedResult) -> dict[str, object]:
    """The one vector."""
    vector = result.embeddings[0].vector
    return {"embedding": vector, "inputTextTokenCount": result.text_tokens, **asked.rest}
