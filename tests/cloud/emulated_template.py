"""The built template as an emulator takes it: a local image, no ANY methods, plain media types.

python emulated_template.py BUILT IMAGE > EMULATED
"""

import json
import sys
from pathlib import Path

from samtranslator.yaml_helper import yaml_parse

ANY = "x-amazon-apigateway-any-method"
METHODS = ("delete", "get", "head", "patch", "post", "put")


def emulated(built: Path, image: str) -> str:
    """The template as JSON."""
    template = yaml_parse(built.read_text())
    resources = template["Resources"]
    resources["EmbeddingsFunction"]["Properties"]["ImageUri"] = image
    api = resources["Api"]["Properties"]
    api["BinaryMediaTypes"] = [kind.replace("~1", "/") for kind in api["BinaryMediaTypes"]]
    for methods in api["DefinitionBody"]["paths"].values():
        methods.update(dict.fromkeys(METHODS, methods.pop(ANY)))
    return json.dumps(template)


if __name__ == "__main__":
    print(emulated(Path(sys.argv[1]), sys.argv[2]))
