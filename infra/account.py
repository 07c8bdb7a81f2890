"""The account to deploy to, and a stack in it, as AWS tells of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import boto3
from botocore.exceptions import ClientError

from imgvec.aws.gateway_keys.usage_plans import patient, reported
from imgvec.errors import StackError
from infra.configuration import Configuration, Parameters

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef
    from mypy_boto3_lambda import LambdaClient


LIVE: Final = "live"
"""The alias that callers get."""


@dataclass(frozen=True, slots=True)
class PublishedFunction:
    """A function of the stack with its versions."""

    name: str
    """As the template has it."""
    physical: str
    live: str
    shifts: bool
    """Whether a part of the requests goes to another version now."""
    versions: dict[str, datetime]
    """When each was made."""


class Account:
    """The account and region that a configuration deploys to."""

    def __init__(self, configuration: Configuration) -> None:
        """Take the credentials of the environment, or of the configuration's profile.

        Raises:
            StackError: there is no such profile.
        """
        self._stack = configuration.stack
        with reported("AWS"):
            self._session = boto3.Session(
                profile_name=configuration.profile, region_name=configuration.region
            )

    def concurrency(self) -> int:
        """How many functions may run at once, less what others have reserved for theirs.

        Raises:
            StackError: AWS refuses, or cannot be asked.
        """
        with reported("Lambda (GetAccountSettings)"):
            settings = self._lambda().get_account_settings()
        return settings["AccountLimit"]["UnreservedConcurrentExecutions"]

    def deployed(self) -> Parameters:
        """The parameters that the stack has now; none if there is no stack.

        Raises:
            StackError: AWS refuses, or cannot be asked.
        """
        return {
            one["ParameterKey"]: one["ParameterValue"]
            for stack in self._stacks()
            for one in stack.get("Parameters", ())
        }

    def output(self, name: str) -> str:
        """An output of the stack; empty if it has none of this name.

        Raises:
            StackError: AWS refuses, or cannot be asked.
        """
        outputs = [one for stack in self._stacks() for one in stack.get("Outputs", ())]
        return next((one["OutputValue"] for one in outputs if one["OutputKey"] == name), "")

    def functions(self) -> list[PublishedFunction]:
        """The functions of the stack that have a live version.

        Raises:
            StackError: AWS refuses, or cannot be asked.
        """
        with reported("CloudFormation (DescribeStackResources)"):
            client = self._session.client("cloudformation", config=patient())
            resources = client.describe_stack_resources(StackName=self._stack)["StackResources"]
        with reported("Lambda"):
            return [
                self._published(one["LogicalResourceId"], one["PhysicalResourceId"])
                for one in resources
                if one["ResourceType"] == "AWS::Lambda::Function"
            ]

    def last_deployment(self) -> datetime:
        """When the last deployment of the stack began.

        Raises:
            StackError: there is no stack, AWS refuses, or cannot be asked.
        """
        for stack in self._stacks():
            return stack.get("LastUpdatedTime", stack["CreationTime"])
        raise StackError(f"There is no stack {self._stack}")

    def point(self, function: PublishedFunction, version: str) -> None:
        """Let callers get this version.

        Raises:
            StackError: AWS refuses, or cannot be asked.
        """
        with reported("Lambda (UpdateAlias)"):
            self._lambda().update_alias(
                FunctionName=function.physical, Name=LIVE, FunctionVersion=version
            )

    def code_of(self, function: PublishedFunction, version: str) -> str:
        """The image of a version, or the digest of its archive.

        Raises:
            StackError: AWS refuses, or cannot be asked.
        """
        with reported("Lambda (GetFunction)"):
            found = self._lambda().get_function(FunctionName=function.physical, Qualifier=version)
        image = found["Code"].get("ImageUri")
        return f"image {image}" if image else f"code {found['Configuration']['CodeSha256']}"

    def _published(self, name: str, physical: str) -> PublishedFunction:
        alias = self._lambda().get_alias(FunctionName=physical, Name=LIVE)
        pages = self._lambda().get_paginator("list_versions_by_function")
        made = {
            one["Version"]: datetime.fromisoformat(one["LastModified"])
            for page in pages.paginate(FunctionName=physical)
            for one in page["Versions"]
            if one["Version"] != "$LATEST"
        }
        weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights")
        return PublishedFunction(name, physical, alias["FunctionVersion"], bool(weights), made)

    def _lambda(self) -> "LambdaClient":
        return self._session.client("lambda", config=patient())

    def _stacks(self) -> "list[StackTypeDef]":
        """The stack; none before the first deployment."""
        with reported("CloudFormation (DescribeStacks)"):
            client = self._session.client("cloudformation", config=patient())
            try:
                return client.describe_stacks(StackName=self._stack)["Stacks"]
            except ClientError as problem:
                # CloudFormation says this where there is no stack of the name.
                if problem.response["Error"]["Code"] != "ValidationError":
                    raise
                return []
