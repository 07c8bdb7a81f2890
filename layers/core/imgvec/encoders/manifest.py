"""An encoder's manifest: its sources, files, digests and preprocessing, and its properties."""

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from imgvec.encoders import TextLimit
from imgvec.encoders.cleaning import Cleaning
from imgvec.errors import BadParameter
from imgvec.types import Geometry

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

    From within the graph they are copied twice: twice the time, and twice the memory at the start.
    """

    weights: File | None = None
    """ONNX's external data; the graph names it by its last part."""

    @property
    def whole(self) -> int:
        """Bytes of the graph and its weights."""
        return self.size + (self.weights.size if self.weights is not None else 0)


class Files(Part):
    """The files that are served; paths are relative to the manifest's folder."""

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


class Source(Part):
    """The origin of the encoder: files of one revision (a commit or a release)."""

    repository: Sentence
    revision: Sentence
    licence: Sentence
    files: Annotated[tuple[File, ...], Field(min_length=1)]


class Preprocessing(Part):
    """From upright sRGB to the image tower's input.

    The numbers are named as in Hugging Face's image processors: a value x of 0..255 becomes
    (x * rescale_factor - image_mean) / image_std, each channel with its own mean and deviation.
    """

    version: Literal[2]
    """Version of the image contract; a change in how images are decoded makes a new one."""
    size: PositiveInt
    """Height and width of the input in pixels."""
    resize: Literal["bicubic", "bilinear", "lanczos"]
    crop: Literal["centre", "none"]
    """`centre`: the short side is resized, the long side cropped; `none`: both are squashed."""
    rescale_factor: Positive
    image_mean: tuple[FiniteFloat, FiniteFloat, FiniteFloat]
    image_std: tuple[Positive, Positive, Positive]

    @property
    def geometry(self) -> Geometry:
        """How a picture becomes the input's square."""
        return Geometry(crop=self.crop, resize=self.resize)


class ImageInput(Part):
    """The image graph's input, `float32 [n, 3, size, size]`, and its own sequence length."""

    input: Sentence
    tokens: PositiveInt


class TextInput(Part):
    """The text graph's inputs, `int32` or `int64 [n, t]`, and how much of a text is read."""

    ids: Sentence
    mask: Sentence | None = None
    """None where the graph takes no attention mask."""
    pad_token: Sentence | None = None
    """Pads every text to `max_tokens`; None where the graph takes a text of any length."""
    clean: Cleaning | None = None
    """How a text is cleaned before it is split into tokens; None leaves it as it is."""
    max_tokens: Annotated[int, Field(ge=2)]
    max_characters: PositiveInt
    """A longer text is cut to this before it is split into tokens, which bounds the time."""


class Space(Part):
    """Vectors of one width: that many values from the start of a graph output."""

    dimensions: PositiveInt
    output: Sentence
    scale: Positive | None = None
    """The factor from floats to 8-bit integers, which brings the 99.99th percentile of the
    calibration's absolute values to 127; no part of the revision, for the floats stay."""


class Manifest(Part):
    """Everything that is known of an encoder."""

    format: Literal[1]
    name: Name
    """The encoder's id, which is also the name of its folder."""
    title: Sentence
    licence: Sentence
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    files: Files
    preprocessing: Preprocessing
    image: ImageInput
    text: TextInput | None = None
    """None where the encoder embeds images only."""
    outputs: dict[str, PositiveInt]
    """Native outputs, which both graphs have under the same names, and their dimensions."""
    nested: bool
    """Whether it was trained so that a prefix of an output is an embedding too."""
    spaces: Annotated[tuple[Space, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _check_text(self) -> Self:
        parts = (self.text, self.files.text, self.files.tokenizer)
        if any(parts) and not all(parts):
            raise ValueError("text, files.text and files.tokenizer stand together or not at all")
        return self

    @model_validator(mode="after")
    def _check_spaces(self) -> Self:
        widths = [space.dimensions for space in self.spaces]
        if len(set(widths)) < len(widths):
            raise ValueError("two spaces have the same dimensions")
        for space in self.spaces:
            native = self.outputs.get(space.output)
            if native is None:
                raise ValueError(f"the space of {space.dimensions} names no output")
            if space.dimensions > native:
                raise ValueError(f"the space of {space.dimensions} is wider than its output")
            if space.dimensions < native and not self.nested:
                raise ValueError(f"the space of {space.dimensions} is a prefix, and not nested")
        return self

    @property
    def revision(self) -> str:
        """SHA-256 over all that decides a vector, 64 hex digits.

        Its input is canonical JSON (keys sorted, no spaces, UTF-8): the digests of the files by
        role, of weights where there are any, and `preprocessing`, `text`, `outputs`, `nested` and
        `spaces` as they stand here.
        """
        decisive = self.model_dump(
            include={
                "files": {
                    "image": {"sha256": True, "weights": {"sha256"}},
                    "text": {"sha256": True, "weights": {"sha256"}},
                    "tokenizer": {"sha256"},
                },
                "preprocessing": True,
                "text": True,
                "outputs": True,
                "nested": True,
                "spaces": {"__all__": {"dimensions", "output"}},
            },
            exclude_none=True,
        )
        canonical = json.dumps(decisive, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


class ManifestEncoder:
    """The properties of an `Encoder`; rejects dimensions that it does not have."""

    def __init__(self, manifest: Manifest) -> None:
        """Read once what every request asks for."""
        self._manifest = manifest
        self.name = manifest.name
        self.revision = manifest.revision
        self.image_size = manifest.preprocessing.size
        self.geometry = manifest.preprocessing.geometry
        self.image_tokens = manifest.image.tokens
        self.dimensions = frozenset(space.dimensions for space in manifest.spaces)
        self.preferred = manifest.spaces[0].dimensions
        # The least is the joint embedding; wider ones are composed of it and of features.
        wider = self.dimensions - {min(self.dimensions)}
        self.composed = frozenset() if manifest.nested else wider
        self.scales: Mapping[int, float] = {
            space.dimensions: space.scale for space in manifest.spaces if space.scale is not None
        }
        text = manifest.text
        self.embeds_text = text is not None
        self.text_limit = TextLimit(text.max_tokens, text.max_characters) if text else TextLimit()

    def _require(self, dimensions: int) -> None:
        if dimensions not in self.dimensions:
            raise BadParameter(f"{self.name} gives no {dimensions} dimensions")
