"""Pieces of an OpenAPI operation. Dialects read their requests by hand (the key is judged before
the parameters), so they also describe them by hand; a test holds both together."""

from typing import Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict
from pydantic.json_schema import models_json_schema

Schema: TypeAlias = dict[str, Any]

STRING: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
FILE: Schema = {"type": "string", "format": "binary"}

REFERENCE: Final = "#/components/schemas/{model}"


def fields(required: tuple[str, ...] = (), **properties: Schema) -> Schema:
    """An object with these properties."""
    return {"type": "object", "required": list(required), "properties": properties}


def one_of(*options: Schema) -> Schema:
    """Any of several objects, exactly one."""
    return {"oneOf": list(options)}


def choice(*values: object, kind: str = "string") -> Schema:
    """One of these values."""
    return {"type": kind, "enum": list(values)}


def parameter(name: str, place: str, about: str, schema: Schema = STRING) -> Schema:
    """A query or header parameter; keys may stand elsewhere, so none is required."""
    return {"name": name, "in": place, "required": False, "description": about, "schema": schema}


IDEMPOTENCY = parameter(
    "Idempotency-Key",
    "header",
    "A request that is sent again with the same key is answered again and counted once",
)


def path_parameter(name: str) -> Schema:
    """A part of the path."""
    return {"name": name, "in": "path", "required": True, "schema": STRING}


def operation(*parameters: Schema, **bodies: Schema) -> Schema:
    """Parameters, and a body by media type: `json`, `multipart`, `form`."""
    media = {
        "json": "application/json",
        "multipart": "multipart/form-data",
        "form": "application/x-www-form-urlencoded",
    }
    described: Schema = {"parameters": list(parameters)}
    if bodies:
        described["requestBody"] = {
            "required": True,
            "content": {media[name]: {"schema": schema} for name, schema in bodies.items()},
        }
    return described


class Shape(BaseModel):
    """The shape of an answer. Answers are prebuilt and pass through none, so shapes are made when
    the description is asked for: a validator for each status of each route was a fifth of a start.
    """

    model_config = ConfigDict(defer_build=True)


def answers(
    success: type[Shape] | None, error: type[Shape], *statuses: int
) -> dict[int | str, dict[str, Any]]:
    """The answer of a success and the statuses that carry the error envelope."""
    described: dict[int | str, dict[str, Any]] = {status: answer(error) for status in statuses}
    if success is not None:
        described[200] = answer(success)
    return described


def answer(shape: type[Shape]) -> Schema:
    """One answer, of this shape."""
    reference = {"$ref": REFERENCE.format(model=shape.__name__)}
    return {"content": {"application/json": {"schema": reference}}}


def shapes() -> Schema:
    """The schemas of all shapes, by name."""
    every: list[tuple[type[BaseModel], Literal["serialization"]]] = [
        (shape, "serialization") for shape in Shape.__subclasses__()
    ]
    _, described = models_json_schema(every, ref_template=REFERENCE)
    schemas: Schema = described["$defs"]
    return schemas
