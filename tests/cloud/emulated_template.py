"""The built template as an emulator takes it: a local image, no ANY methods, plain media types.

python emulated_template.py BUILT IMAGE > EMULATED
"""

import json
import sys
import uuid
from pathlib import Path

from samtranslator.yaml_helper import yaml_parse

BY_HAND = "by-hand"
ANY = "x-amazon-apigateway-any-method"
METHODS = ("delete", "get", "head", "patch", "post", "put")


def emulated(built: Path, image: str) -> str:
    """The template as JSON."""
    template = yaml_parse(built.read_text())
    resources = template["Resources"]
    resources["EmbeddingsFunction"]["Properties"]["ImageUri"] = image
    variables = template["Globals"]["Function"]["Environment"]["Variables"]
    if variables["RELEASE"] == BY_HAND:
        # Each deployment publishes versions, as with make deploy: `make rollback` needs one before.
        variables["RELEASE"] = uuid.uuid4().hex
    api = resources["Api"]["Properties"]
    api["BinaryMediaTypes"] = [kind.replace("~1", "/") for kind in api["BinaryMediaTypes"]]
    for methods in api["DefinitionBody"]["paths"].values():
        methods.update(dict.fromkeys(METHODS, methods.pop(ANY)))
    return json.dumps(template)


if __name__ == "__main__":
    print(emulated(Path(sys.argv[1]), sys.argv[2]))
