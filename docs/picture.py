"""The architecture as `template.yaml` says it, drawn as a Mermaid flowchart."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

Resource: TypeAlias = Mapping[str, Any]
SERVICES: Final = {"dynamodb": "Table", "s3": "Bucket"}
"""Whose permissions are arrows, and to what."""

VERBS: Final = {"reads": ("Get", "Query"), "writes": ("Put", "Update"), "removes": ("Delete",)}

PLACES: Final = {
    "Api": ("{{", "API Gateway: REST API, usage plans", "}}"),
    "Table": ("[(", "DynamoDB: keys, plans, usage, metadata", ")]"),
    "Bucket": ("[(", "S3: bytes of assets, versioned", ")]"),
    "DeadLetters": ("[(", "SQS: events that were given up", ")]"),
}


def picture(template: Resource) -> str:
    """The whole flowchart; what the template does not have is not in it."""
    resources: dict[str, Resource] = dict(template["Resources"])
    names = [name for name in PLACES if name in resources]
    lines = ["flowchart LR", "  caller([caller])"]
    lines += [f"  {name}{_box(*PLACES[name])}" for name in names]
    lines += [f"  {name}{_function(found)}" for name, found in _functions(resources).items()]
    lines += [f"  {line}" for line in _arrows(resources)]
    return "\n".join(lines)


def _functions(resources: Mapping[str, Resource]) -> dict[str, Resource]:
    kind = "AWS::Serverless::Function"
    return {name: found for name, found in resources.items() if found["Type"] == kind}


def _function(found: Resource) -> str:
    properties = found["Properties"]
    carrier = "container image" if properties.get("PackageType") == "Image" else "zip and layer"
    return _box("[", f"{properties['Description']} ({carrier})", "]")


def _box(left: str, text: str, right: str) -> str:
    return f'{left}"{text}"{right}'


def _arrows(resources: Mapping[str, Resource]) -> Iterator[str]:
    yield "caller --> Api"
    if "EdgeStack" in resources:
        yield 'caller -. "Edge=on: CloudFront" .-> Api'
    yield from _routes(resources["Api"]["Properties"]["DefinitionBody"])
    for name, function in _functions(resources).items():
        yield from _permissions(name, resources[function["Properties"]["Role"]["Fn::GetAtt"][0]])
        yield from _events(name, function)


def _routes(api: Resource) -> Iterator[str]:
    """From the gateway to the function of each path, and to the authorizer before."""
    authorizer = api["securityDefinitions"]["consumer"]["x-amazon-apigateway-authorizer"]
    yield f'Api -- "first: which consumer?" --> {_named(authorizer["authorizerUri"])}'
    paths: dict[str, list[str]] = {}
    for path, methods in api["paths"].items():
        integration = methods["x-amazon-apigateway-any-method"]["x-amazon-apigateway-integration"]
        paths.setdefault(_named(integration["uri"]), []).append(path)
    for function, its in paths.items():
        whole = [path for path in its if not path.endswith("/{proxy+}")]
        shown = "all other paths" if "/{proxy+}" in its else "<br>".join(whole)
        yield f'Api -- "{shown}" --> {function}'


def _named(uri: object) -> str:
    """The function that an address of the gateway's names."""
    (name,) = re.findall(r"\$\{(\w+)\.Arn\}", json.dumps(uri))
    return str(name)


def _permissions(name: str, role: Resource) -> Iterator[str]:
    """Rights of the function by its role."""
    statements = [
        one
        for policy in role["Properties"]["Policies"]
        for one in policy["PolicyDocument"]["Statement"]
    ]
    actions = {action for one in statements for action in _listed(one["Action"])}
    for service, place in SERVICES.items():
        words = [
            word
            for word, verbs in VERBS.items()
            if any(action.startswith(f"{service}:{verb}") for action in actions for verb in verbs)
        ]
        if words:
            yield f'{name} -- "{", ".join(words)}" --> {place}'


def _listed(value: str | list[str]) -> list[str]:
    """A value that may stand alone."""
    return [value] if isinstance(value, str) else value


def _events(name: str, function: Resource) -> Iterator[str]:
    for label, event in function["Properties"].get("Events", {}).items():
        bucket = event["Type"] == "EventBridgeRule"
        text = "an upload has arrived" if bucket else event["Properties"]["ScheduleExpression"]
        yield f'{"Bucket" if bucket else label} -. "{text}" .-> {name}'
        letters = event["Properties"].get("DeadLetterConfig")
        if letters:
            yield f'{name} -. "given up" .-> DeadLetters'
