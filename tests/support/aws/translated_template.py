"""`template.yaml` as CloudFormation gets it: after SAM's own translator."""

from functools import cache
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


@cache
def written() -> Resource:
    """The template as it is written."""
    content: Resource = yaml_parse((ROOT / "template.yaml").read_text())
    return content


def translation(**parameters: str) -> Resource:
    """The template after SAM's translator, deployed with these parameters."""
    template = yaml_parse((ROOT / "template.yaml").read_text())
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
