"""Makes a table and a bucket in the emulator, for `sam local start-api` alone.

python local_stores.py FILE; FILE is what `--env-vars` takes, and what the tests need is printed.
"""

import json
import os
import sys
from pathlib import Path

import boto3

from tests.support.aws.dynamodb import Emulator

BUCKET = "imgvec-start-api"


def main(file: str) -> None:
    """Write the functions' variables, print the tests'."""
    table = Emulator(os.environ["AWS_ENDPOINT_URL"]).new_table()
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    variables = {"IMGVEC_TABLE": table, "IMGVEC_BUCKET": BUCKET}
    Path(file).write_text(json.dumps({"Parameters": variables}))
    print(f"export TEST_TABLE={table}")


if __name__ == "__main__":
    main(*sys.argv[1:])
