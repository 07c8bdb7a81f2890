"""`template.yaml` as CloudFormation gets it: after SAM's own translator.

python translated_template.py FOLDER writes it there, with the stacks below `infra/`, as JSON.
"""

import json
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from tests.support.server.places import ROOT

Resource = dict[str, Any]
# What `sam package` puts in the place of local folders.
PACKAGED = {
    "ImageUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/imgvec:1",
    "CodeUri": "s3://bucket/code",
    "ContentUri": "s3://bucket/layer",
    "Location": "https://bucket.s3.amazonaws.com/template",
}

NESTED = "infra/*/template.yaml"


@cache
def written() -> Resource:
    """The template as it is written."""
    content: Resource = yaml_parse((ROOT / "template.yaml").read_text())
    return content


def translation(**parameters: str) -> Resource:
    """The template after SAM's translator, deployed with these parameters."""
    return translation_with({}, **parameters)


def translation_with(variables: Mapping[str, str], **parameters: str) -> Resource:
    """The same, with more variables of all functions in the template's text."""
    template = yaml_parse((ROOT / "template.yaml").read_text())
    template["Globals"]["Function"]["Environment"]["Variables"] |= variables
    for resource in template["Resources"].values():
        properties = resource["Properties"]
        if properties.get("PackageType") == "Image":
            properties["ImageUri"] = PACKAGED["ImageUri"]
        for name in properties.keys() & PACKAGED.keys():
            properties[name] = PACKAGED[name]
    translator = Translator(
        managed_policy_map={},
        sam_parser=Parser(),
        boto_session=boto3.Session(region_name="us-east-1"),
    )
    content: Resource = translator.translate(template, parameters)
    return content


@cache
def translated() -> dict[str, Resource]:
    """Every resource that CloudFormation is asked for."""
    resources: dict[str, Resource] = translation()["Resources"]
    return resources


def of_type(kind: str) -> dict[str, Resource]:
    """The properties of all resources of a type, by name."""
    return {
        name: resource["Properties"]
        for name, resource in translated().items()
        if resource["Type"] == kind
    }


def nested(folder: str) -> Resource:
    """A template below `infra/`."""
    content: Resource = yaml_parse((ROOT / "infra" / folder / "template.yaml").read_text())
    return content


def write_all(folder: Path) -> None:
    """Every template, for checkers that do not know SAM."""
    templates = {path.parent.name: nested(path.parent.name) for path in ROOT.glob(NESTED)}
    for name, content in {"root": translation(), **templates}.items():
        (folder / f"{name}.json").write_text(json.dumps(content, indent=1))


if __name__ == "__main__":
    write_all(Path(sys.argv[1]))
