"""Prints what the tests need of a deployed stack: its address, table, throttle, `llm.` name.

python outputs.py STACK [EMULATOR]
"""

import sys

import boto3


def main(stack: str, emulator: str | None = None) -> None:
    """Print assignments for a shell; an emulator has the stack below its own address."""
    found = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    parameters = {one["ParameterKey"]: one["ParameterValue"] for one in found["Parameters"]}
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}
    url = outputs["Url"]
    if emulator is not None:
        api = url.removeprefix("https://").partition(".")[0]
        url = f"{emulator}/restapis/{api}/v1/_user_request_"
        print(f"export TEST_EMULATOR={emulator}")
    print(f"export TEST_URL={url} TEST_TABLE={outputs['TableName']} TEST_STACK={stack}")
    print(f"export TEST_THROTTLE={parameters['ThrottleRate']}")
    if parameters["LlmDomainName"]:
        print(f"export TEST_LLM_HOST={parameters['LlmDomainName']}")


if __name__ == "__main__":
    main(*sys.argv[1:])
