"""Completes `/openapi.json`: response schemas, security schemes, examples of errors."""

from typing import Any

import orjson
from fastapi import FastAPI

from imgvec.api.mounts import Dialect, Mounts
from imgvec.api.openapi import shapes
from imgvec.errors import RequestError


class DescribedApi(FastAPI):
    """An application whose OpenAPI description is built on the first request for it."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI description."""
        if self.openapi_schema is None:
            described = super().openapi()
            components = described.setdefault("components", {})
            components.setdefault("schemas", {}).update(shapes())
            schemes = components.setdefault("securitySchemes", {})
            mounts: Mounts = self.state.mounts
            for dialect in mounts.dialects:
                schemes.update(dialect.key_places)
                examples = _examples_of(dialect)
                for path, operations in described["paths"].items():
                    if dialect.owns(path):
                        for operation in operations.values():
                            _complete(operation, dialect, examples)
        return super().openapi()


def _complete(operation: dict[str, Any], dialect: Dialect, examples: dict[str, Any]) -> None:
    # FastAPI would make the summary of the function's name.
    operation["summary"] = operation.pop("description", operation["summary"])
    # Alternatives: a key in any one of its places is enough.
    operation.setdefault("security", [{name: []} for name in dialect.key_places])
    for status, answer in operation.get("responses", {}).items():
        if status in examples:
            content = answer.setdefault("content", {}).setdefault("application/json", {})
            content["example"] = examples[status]


def _examples_of(dialect: Dialect) -> dict[str, Any]:
    """For each status, the dialect's response to the first error that has it."""
    examples: dict[str, Any] = {}
    for kind in _kinds(RequestError):
        answer = dialect.error_response(kind())
        examples.setdefault(str(answer.status_code), orjson.loads(bytes(answer.body)))
    return examples


def _kinds(kind: type[RequestError]) -> list[type[RequestError]]:
    """All subclasses of an error, the general ones first."""
    direct = kind.__subclasses__()
    return [*direct, *(below for one in direct for below in _kinds(one))]
