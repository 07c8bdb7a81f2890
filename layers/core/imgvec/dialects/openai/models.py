"""Model names: the vendors', as aliases of dimensions, and the ids of the encoders served here."""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from imgvec.aliases import Alias, Off, find_alias
from imgvec.errors import UnknownModel

if TYPE_CHECKING:
    # Imports ONNX Runtime, which the function of the assets does not have.
    from imgvec.encoders.registry import Encoders

ALL: Final = (512, 768, 1024)


def _served(model: str, *dimensions: int) -> Alias:
    return Alias(model, dimensions)


def _without_default(model: str, *dimensions: int) -> Alias:
    """Of a model whose own default has no encoder here; a column of that width needs an error."""
    return Alias(model, dimensions, has_default=False)


ANY_DIMENSIONS: Final = _without_default("text-embedding-3-small", *ALL)
ALIASES: Final = (
    _served("jina-clip-v1", 768),
    _served("jina-clip-v2", 1024, 512, 768),
    _served("jina-embeddings-v3", 1024, 512, 768),
    _without_default("jina-embeddings-v4", *ALL),
    _served("voyage-multimodal-3", 1024),
    _served("voyage-multimodal-3.5", 1024, 512),
    _served("voyage-3", 1024),
    _served("voyage-3.5", 1024, 512),
    _served("voyage-3-large", 1024, 512),
    _served("voyage-4", 1024, 512),
    _served("embed-english-v3.0", 1024),
    _served("embed-multilingual-v3.0", 1024),
    _without_default("embed-v4.0", 512, 1024),
    ANY_DIMENSIONS,
    _without_default("text-embedding-3-large", *ALL),
)

ENCODERS: Final = {
    "clip": "clip-vit-b32",
    "openai/clip-vit-base-patch32": "clip-vit-b32",
    "openai/clip-vit-large-patch14": "clip-vit-l14",
}
"""Other names of encoders."""


def find_model(name: str, encoders: "Encoders", off: Off) -> tuple[Alias, str | None]:
    """The dimensions of a model, and the encoder's id where the name is that of an encoder.

    Raises:
        UnknownModel: there is none; the message lists the names that there are.
    """
    for alias, encoder in _encoders(encoders):
        if alias.model == name:
            return alias, encoder
    try:
        return find_alias(ALIASES, name), None
    except UnknownModel:
        any_of = ", ".join(map(str, ANY_DIMENSIONS.on(off)))
        hint = f". Give 'dimensions' with {ANY_DIMENSIONS.model}: {any_of}" if any_of else ""
        raise UnknownModel(
            f"Unknown model; known: {', '.join(model_names(encoders, off))}{hint}"
        ) from None


def model_names(encoders: "Encoders", off: Off) -> list[str]:
    """All names: encoders first, then the vendors' models that have any dimensions here."""
    return [
        *(alias.model for alias, _ in _encoders(encoders)),
        *(alias.model for alias in ALIASES if alias.on(off)),
    ]


def _encoders(encoders: "Encoders") -> list[tuple[Alias, str]]:
    """The encoders by each of their names, and the id of each."""
    found = []
    for alias in encoders.aliases():
        others = [name for name, meant in ENCODERS.items() if meant == alias.model]
        found += [(replace(alias, model=name), alias.model) for name in (alias.model, *others)]
    return found
