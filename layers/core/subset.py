"""Prints what one artifact installs of a lock: `python3 subset.py ARTIFACT LOCK`.

Lambda's size limits and cold starts are why an artifact has only what it imports: pip takes none of
what huggingface-hub, for one, would bring along. A test holds that nothing is missing.
"""

import re
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

_ALL: Final = """annotated-doc annotated-types anyio fastapi idna opentelemetry-api orjson
platformdirs pydantic pydantic-core starlette typing-extensions typing-inspection"""
_LAYER: Final = f"{_ALL} aws-lambda-powertools jmespath mangum pybase64 python-multipart"
_STORES: Final = "boto3 botocore jmespath python-dateutil s3transfer six urllib3"
_FUNCTION: Final = f"""{_LAYER} {_STORES} dnspython h11 httpcore2 numpy onnxruntime pillow
tokenizers truststore"""
_ENDPOINT: Final = f"{_ALL} click h11 httpcore2 numpy tokenizers truststore uvicorn"
ARTIFACTS: Final = {
    "layer": _LAYER,
    "function": _FUNCTION,
    "bulk": f"{_FUNCTION} pyarrow",
    "cpu": f"{_ENDPOINT} onnxruntime",
    "container": f"""{_ENDPOINT} {_STORES} dnspython onnxruntime pillow prometheus-client pybase64
        python-multipart uvloop""",
    "cuda": f"{_ENDPOINT} onnxruntime-gpu nvidia-*",
    "gpu": "onnxruntime-gpu nvidia-*",
    "runtime": "awslambdaric simplejson snapshot-restore-py",
}
"""Names of packages, by the artifact; `container` is the image for laptops, `cpu` and `cuda` serve
behind a SageMaker endpoint, and `gpu` goes before our environment for `make bench-gpu`."""


def subset(lock: str, artifact: str) -> str:
    """The lock's lines for the packages of an artifact, each of which must be there."""
    wanted = set(ARTIFACTS[artifact].split())
    kept, found = "", set()
    for block in re.split(r"\n(?=\S)", lock.strip()):
        patterns = {one for one in wanted if fnmatch(block.partition("==")[0], one)}
        if patterns:
            kept += f"{block}\n"
            found |= patterns
    if found != wanted:
        raise SystemExit(f"The lock is without {', '.join(sorted(wanted - found))}")
    return kept


if __name__ == "__main__":
    sys.stdout.write(subset(Path(sys.argv[2]).read_text(), sys.argv[1]))
