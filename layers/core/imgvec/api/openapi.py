"""Pieces of an OpenAPI operation.

Dialects check the key before the parameters, so they parse requests by hand and describe them by
hand too; a test compares both.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias

import orjson
from pydantic import BaseModel, ConfigDict
from pydantic.json_schema import models_json_schema

Schema: TypeAlias = dict[str, Any]

STRING: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
FILE: Schema = {"type": "string", "format": "binary"}
PICTURE: Final = (
    "data:image/webp;base64,UklGRvQAAABXRUJQVlA4IOgAAADwBwCdASooACgAPzmSulYvKyWjrjv4AeAnCUAXMwDwWr5h"
    "/215hOWiWwO54BSYrkF6u8FMiMr8WTtQSw178I/h35fsPI7deKAAyUGV8r7E7gybbrPlit5nvAfrk/S8dj23zRh+rjXj"
    "g4M4MOmGvin2mKiKVgchLADkcmJHjEPt3ElaX2XApj0rhZD2xQukG7TRdWs+ZOa7mYp71X1QDwb5nP9NPQHv5KMujfyC"
    "BYc32zVgceXElWEZxRAaptc9dV1gFJAUzyQO4CLNZD80NW+lMylrWrFTgb37r7zoRjs8MU/JpA17dAAA"
)
"""A photo of 40 x 40 pixels as a data URI, for examples."""

NONE: Final[Mapping[str, object]] = {}
REFERENCE: Final = "#/components/schemas/{model}"
_REFERENCE: Final = re.compile(r'"#/components/schemas/(\w+)"')


def fields(required: tuple[str, ...] = (), **properties: Schema) -> Schema:
    """An object with these properties."""
    return {"type": "object", "required": list(required), "properties": properties}


def one_of(*options: Schema) -> Schema:
    """Any of several objects, exactly one."""
    return {"oneOf": list(options)}


def any_of(*options: Schema) -> Schema:
    """Any of several objects; more than one may fit."""
    return {"anyOf": list(options)}


def choice(*values: object, kind: str = "string") -> Schema:
    """One of these values."""
    if len(values) == 1:
        return {"type": kind, "const": values[0]}
    return {"type": kind, "enum": list(values)}


def named(name: str, schema: Schema) -> Schema:
    """A schema with a name, which is that of its class in a generated client."""
    return {"title": name, **schema}


def parameter(name: str, place: str, about: str, schema: Schema = STRING, **more: str) -> Schema:
    """A query or header parameter; none is required. `more` may be an `example`."""
    described = {"name": name, "in": place, "required": False, "description": about}
    return {**described, "schema": schema, **more}


def key_place(name: str, place: str, about: str) -> Schema:
    """A place of the API key, a query or header parameter, as a security scheme."""
    return {"type": "apiKey", "name": name, "in": place, "description": about}


IDEMPOTENCY = parameter(
    "Idempotency-Key",
    "header",
    "A request that is sent again with the same key is answered again and counted once",
)

REVISION = parameter(
    "X-Embedding-Revision",
    "header",
    "The revision that the vectors must be of, as a response sends it (12 digits) or whole "
    "(64 digits); if another one is served, the answer is 412 and nothing is counted",
)
EMBEDDING_HEADERS: Final = (IDEMPOTENCY, REVISION)
"""Request headers of every route that embeds."""


def path_parameter(name: str) -> Schema:
    """A part of the path."""
    return {"name": name, "in": "path", "required": True, "schema": STRING}


def operation(
    *parameters: Schema, examples: Mapping[str, object] = NONE, **bodies: Schema
) -> Schema:
    """Parameters, and a body by media type: `json`, `multipart`, `form`.

    `examples` are values of the JSON body by their titles.
    """
    media = {
        "json": "application/json",
        "multipart": "multipart/form-data",
        "form": "application/x-www-form-urlencoded",
    }
    described: Schema = {"parameters": list(parameters)}
    if bodies:
        content = {media[name]: {"schema": schema} for name, schema in bodies.items()}
        if examples:
            named = {name: {"value": value} for name, value in examples.items()}
            content[media["json"]]["examples"] = named
        described["requestBody"] = {"required": True, "content": content}
    return described


VECTOR: Final = (0.5316, 0.0176, -0.013)
"""First values of a vector, for examples."""


class Shape(BaseModel):
    """Schema of a response, for OpenAPI only: responses are not validated.

    Schemas are built on demand: validators for each status of each route took 20 % of the start.
    """

    model_config = ConfigDict(defer_build=True)


def answers(
    success: type[Shape] | None, error: type[Shape], *statuses: int
) -> dict[int | str, dict[str, Any]]:
    """The response of a success, and the statuses that have the error envelope."""
    described: dict[int | str, dict[str, Any]] = {status: answer(error) for status in statuses}
    if success is not None:
        described[200] = answer(success)
    return described


def answer(shape: type[Shape]) -> Schema:
    """A response of this shape."""
    reference = {"$ref": REFERENCE.format(model=shape.__name__)}
    return {"content": {"application/json": {"schema": reference}}}


def shared(part: object, schemas: Schema) -> object:
    """Move each named schema of a part to `schemas`, and refer to it in its place.

    Raises:
        ValueError: two that differ have the same name.
    """
    if isinstance(part, list):
        return [shared(one, schemas) for one in part]
    if not isinstance(part, dict):
        return part
    moved = {name: shared(value, schemas) for name, value in part.items()}
    title = moved.get("title")
    # A property may be called so, too.
    if not isinstance(title, str):
        return moved
    if schemas.setdefault(title, moved) != moved:
        raise ValueError(f"Two schemas are called {title}")
    return {"$ref": REFERENCE.format(model=title)}


def shapes(described: object) -> Schema:
    """The schemas, by name, of the shapes that a description refers to, and of those in them."""
    # By name, because a module that is imported again leaves its old classes behind.
    newest = {shape.__name__: shape for shape in Shape.__subclasses__()}
    every: list[tuple[type[BaseModel], Literal["serialization"]]] = [
        (shape, "serialization") for shape in newest.values()
    ]
    _, known = models_json_schema(every, ref_template=REFERENCE)
    schemas: Schema = known["$defs"]
    found: Schema = {}
    names = _references(described)
    while names:
        found |= {name: schemas[name] for name in names}
        names = _references(found) - found.keys()
    return found


def _references(part: object) -> set[str]:
    return set(_REFERENCE.findall(orjson.dumps(part).decode()))
