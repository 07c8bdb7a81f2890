"""The account to deploy to, and a stack in it, as AWS tells of them."""

from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import ClientError

from imgvec.aws.gateway_keys.usage_plans import patient, reported
from infra.configuration import Configuration, Parameters

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef


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
            settings = self._session.client("lambda", config=patient()).get_account_settings()
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
