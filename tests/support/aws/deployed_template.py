"""The whole template, deployed to an emulator of CloudFormation: functions are made and not run."""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import boto3

from tests.support.aws.translated_template import PACKAGED, nested, translation_with, written

BUCKET: Final = "imgvec-artefacts"


@dataclass
class Deployed:
    """A stack of this name, in an account with a bucket for what is deployed."""

    name: str
    endpoint: str

    def __post_init__(self) -> None:
        """Upload the code of the functions and the nested templates."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as content:
            content.writestr("app.py", "handler = print")
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        for name in ("code", "layer"):
            s3.put_object(Bucket=BUCKET, Key=name, Body=archive.getvalue())
        for one in written()["Resources"].values():
            if one["Type"] == "AWS::Serverless::Application":
                folder = one["Properties"]["Location"].split("/")[1]
                s3.put_object(Bucket=BUCKET, Key=folder, Body=json.dumps(nested(folder)))

    def deploy(self, variables: Mapping[str, str], **parameters: str) -> dict[str, str]:
        """Create or update it, with more variables for the functions; gives its outputs."""
        self._upload(variables, parameters)
        client = boto3.client("cloudformation")
        request: Any = {
            "StackName": self.name,
            "TemplateURL": f"{self.endpoint}/{BUCKET}/root",
            "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            "Parameters": [
                {"ParameterKey": name, "ParameterValue": value}
                for name, value in parameters.items()
            ],
        }
        waiter: Any
        if any(one["StackName"] == self.name for one in client.describe_stacks()["Stacks"]):
            client.update_stack(**request)
            waiter = client.get_waiter("stack_update_complete")
        else:
            client.create_stack(**request)
            waiter = client.get_waiter("stack_create_complete")
        waiter.wait(StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})
        (stack,) = client.describe_stacks(StackName=self.name)["Stacks"]
        return {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]}

    def delete(self) -> None:
        """Delete it, as `make destroy` does."""
        client = boto3.client("cloudformation")
        client.delete_stack(StackName=self.name)
        waiter = client.get_waiter("stack_delete_complete")
        waiter.wait(StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 60})

    def _upload(self, variables: Mapping[str, str], parameters: Mapping[str, str]) -> None:
        template = translation_with(variables, **parameters)
        for name, one in template["Resources"].items():
            if one["Type"] == "AWS::CloudFormation::Stack":
                folder = written()["Resources"][name]["Properties"]["Location"].split("/")[1]
                one["Properties"]["TemplateURL"] = f"{self.endpoint}/{BUCKET}/{folder}"
        (packaged,) = {PACKAGED[name].split("/")[2] for name in ("CodeUri", "ContentUri")}
        body = json.dumps(template).replace(f'"S3Bucket": "{packaged}"', f'"S3Bucket": "{BUCKET}"')
        boto3.client("s3").put_object(Bucket=BUCKET, Key="root", Body=body)
