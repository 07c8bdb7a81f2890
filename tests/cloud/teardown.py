"""Deletes a stack from the emulator and sees that only the table and the bucket are left.

python teardown.py STACK. Not by `sam delete`: it takes no addresses of templates but AWS's own.
"""

import sys

import boto3


def main(stack: str) -> None:
    """Fails where a part is left that should not be, or gone that should be left."""
    cloudformation = boto3.client("cloudformation")
    found = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}
    cloudformation.delete_stack(StackName=stack)
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )
    assert outputs["TableName"] in boto3.client("dynamodb").list_tables()["TableNames"]
    boto3.client("s3").head_bucket(Bucket=outputs["BucketName"])
    assert not boto3.client("lambda").list_functions()["Functions"]
    assert not boto3.client("apigateway").get_rest_apis()["items"]


if __name__ == "__main__":
    main(*sys.argv[1:])
