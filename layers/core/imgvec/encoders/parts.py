"""What manifests and recipes are made of: exact fields, files, and what is said of a wrong one."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, PositiveInt, ValidationError

Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Sentence = Annotated[str, Field(min_length=1)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# No part is empty or begins with a dot, so a path cannot leave the folder of its manifest.
InnerPath = Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)*$")]
Positive = Annotated[FiniteFloat, Field(gt=0)]


class Part(BaseModel):
    """A part of a manifest: immutable, of exact types, without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class File(Part):
    """A file as it must be: its path, its size in bytes and its SHA-256."""

    path: InnerPath
    size: PositiveInt
    sha256: Digest


class GraphFile(File):
    """An ONNX graph. A large one keeps its weights beside it, where ONNX Runtime maps them.

    From within the graph they are copied twice, which takes twice the time and, until it is loaded,
    twice the memory.
    """

    weights: File | None = None
    """ONNX's external data; the graph names it by its last part."""

    @property
    def whole(self) -> int:
        """Bytes of the graph and its weights."""
        return self.size + (self.weights.size if self.weights is not None else 0)


class Files(Part):
    """What is served; paths are relative to the manifest's folder."""

    image: GraphFile
    text: GraphFile | None = None
    """None where the encoder embeds images only, as `tokenizer` is then."""
    tokenizer: File | None = None

    @property
    def every(self) -> tuple[File, ...]:
        """All of them, weights too."""
        return tuple(filter(None, (self.image, self.image.weights, *self.of_text)))

    @property
    def of_text(self) -> tuple[File, ...]:
        """The files of the text tower: graph, weights, tokenizer."""
        weights = None if self.text is None else self.text.weights
        return tuple(filter(None, (self.text, weights, self.tokenizer)))


def wrong_fields(problem: ValidationError) -> str:
    """Name each wrong field and what is wrong with it."""
    parts = []
    for error in problem.errors(include_url=False, include_context=False, include_input=False):
        field = ".".join(str(step) for step in error["loc"])
        message = error["msg"].removeprefix("Value error, ")
        parts.append(f"{field}: {message}" if field else message)
    return "; ".join(parts)
