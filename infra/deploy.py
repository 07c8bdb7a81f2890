"""`make deploy`: from a checkout to a stack that answers, in one go.

    python -m infra.deploy prod --sam sam [ThrottleRate=50 ...]

It asks the account and Docker first: they can fail at once. Then it brings the encoders into
the image's build context, builds the image, compares it with the encoders that the stack will ask
for, and deploys.
"""

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from imgvec.cli.options import say
from imgvec.encoders.integrity import SHIPPED, SHIPPED_TERMS
from imgvec.encoders.manifest import Manifest
from imgvec.errors import ImgvecError, ModelError, StackError
from infra.account import Account
from infra.configuration import Parameters, read_configuration, split_parameters
from infra.encoders import check_image, docker, place_encoder
from infra.throttles import choose_throttles

ROOT: Final = Path(__file__).resolve().parents[1]
CONTEXT: Final = ROOT / "models"
BUILT: Final = ROOT / ".aws-sam" / "build" / "template.yaml"
IN_THE_IMAGE: Final[Mapping[str, str]] = {
    "Encoder": SHIPPED,
    "Endpoint": "off",
    "Architecture": "x86_64",
    "BaseImage": "public.ecr.aws/lambda/python:3.13",
}
"""Parameters that decide what is built, with the template's defaults."""
RATE: Final = "ThrottleRate"
BURST: Final = "ThrottleBurst"


def deploy(environment: str, sam: str, given: Parameters) -> None:
    """Build and deploy one environment of `samconfig.toml`.

    Raises:
        ImgvecError: a step cannot be done; the sentence has the fix.
    """
    configuration = read_configuration(ROOT / "samconfig.toml", environment)
    account = Account(configuration)
    parameters = {
        **whole(configuration.parameters | given, account.deployed()),
        **throttles(configuration.parameters | given, account),
    }
    docker("version")
    endpoint = parameters["Endpoint"] != "off"
    encoders = [
        place_encoder(name, CONTEXT, endpoint=endpoint) for name in parameters["Encoder"].split(",")
    ]
    if SHIPPED in parameters["Encoder"].split(","):
        say(f"{SHIPPED_TERMS}: docs/how-to/models.md")
    overrides = [f'{name}="{value}"' for name, value in sorted(parameters.items())]
    say(f"Building with {' '.join(overrides)}")
    # SAM does not tell the layer's build for which architecture it is.
    variables = {"ARCHITECTURE": parameters["Architecture"]}
    run([sam, "build", "--config-env", environment, "--parameter-overrides", *overrides], variables)
    image = built_image(BUILT)
    check_image(image, encoders, endpoint=endpoint)
    say(f"The image {image} has {parameters['Encoder']}. Deploying {configuration.stack}")
    run(
        [
            *(sam, "deploy", "--config-env", environment, "--stack-name", configuration.stack),
            *("--no-fail-on-empty-changeset", "--parameter-overrides", *overrides),
        ]
    )
    url = account.output("Url")
    if not url:
        raise StackError(f"The stack {configuration.stack} was not deployed: answer y next time")
    say(f"Deployed: {url}")
    say(f"A key: .venv/bin/imgvec keys create my-team --stack {configuration.stack}")
    say(f"A vector: {first_request(url, encoders)}")


def first_request(url: str, encoders: Sequence[Manifest]) -> str:
    """A command that gets a vector of one of the encoders."""
    served = {space.dimensions for one in encoders for space in one.spaces}
    dimension = next((one for one in (1024, 512) if one in served), None)
    if dimension is not None:
        return f"curl {url}/imgembed -F key=KEY -F dimension={dimension} -F file=@examples/cat.jpg"
    # PixLab has no other dimensions; the id of an encoder is a model in all of its own.
    body = f'{{"model": "{encoders[0].name}", "input": [{{"image": "URL-OF-A-PHOTO"}}]}}'
    json = "-H 'Content-Type: application/json'"
    return f"curl {url}/v1/embeddings -H 'Authorization: Bearer KEY' {json} -d '{body}'"


def whole(wanted: Parameters, deployed: Parameters) -> Parameters:
    """`wanted`, and what decides the image besides.

    A parameter that nobody names keeps the value that the stack has, and `sam build` does not know
    that value: so it is named.
    """
    kept = {name: deployed.get(name, default) for name, default in IN_THE_IMAGE.items()}
    return kept | wanted


def throttles(wanted: Parameters, account: Account) -> Parameters:
    """The stage's throttles: what the operator fixes, and the rest by the account's concurrency.

    Raises:
        StackError: one that is fixed is no whole number, or AWS does not tell the concurrency.
    """
    rate, burst = (_whole_number(name, wanted) for name in (RATE, BURST))
    if rate is not None and burst is not None:
        return {}
    try:
        concurrency = account.concurrency()
    except StackError as refusal:
        raise StackError(
            f'{refusal} Or fix both yourself: PARAMETERS="{RATE}=1 {BURST}=3"'
        ) from None
    chosen = choose_throttles(concurrency, rate, burst)
    say(
        f"This account may run {concurrency} functions at once here: each method lets "
        f"{chosen.burst} requests pass at once and {chosen.rate} a second, the rest get 429 "
        "(docs/how-to/deploy.md, A burst). AWS raises it on request: Service Quotas, Lambda, "
        "Concurrent executions."
    )
    if chosen.in_flight > concurrency:
        say(f"Of up to {chosen.in_flight} requests in flight those beyond {concurrency} get 500.")
    return {RATE: str(chosen.rate), BURST: str(chosen.burst)}


def _whole_number(name: str, wanted: Parameters) -> int | None:
    value = wanted.get(name)
    if value is None:
        return None
    if not value.isdecimal() or int(value) < 1:
        raise StackError(f"{name}={value} is no whole number of 1 or more")
    return int(value)


def built_image(template: Path) -> str:
    """The local name of the one image that `sam build` made, from the template that it wrote.

    Raises:
        ModelError: no image is named there.
    """
    found = re.search(r"^\s*ImageUri: (\S+)$", template.read_text(), re.MULTILINE)
    if found is None:
        raise ModelError(f"{template} names no image: remove .aws-sam, and deploy again")
    return found[1]


def run(command: list[str], variables: Mapping[str, str] | None = None) -> None:
    """Run a step that says by itself what it does and what is wrong.

    Raises:
        StackError: it failed.
    """
    environment = {**os.environ, **(variables or {})}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=False)
    if done.returncode != 0:
        raise StackError(
            f"`sam {command[1]}` failed: mend what it says above, and deploy again; "
            "what was done by then is taken again"
        )


def main() -> None:
    """Deploy what the command line says; a failure is one sentence."""
    parser = argparse.ArgumentParser(prog="make deploy", allow_abbrev=False)
    parser.add_argument("environment", help="of samconfig.toml: default, dev or prod")
    parser.add_argument("--sam", default="sam", help="the SAM CLI")
    parser.add_argument("parameters", nargs="*", metavar="Name=value", help="of template.yaml")
    arguments = parser.parse_intermixed_args()
    try:
        deploy(arguments.environment, arguments.sam, split_parameters(arguments.parameters))
    except (ImgvecError, OSError) as problem:
        sys.exit(f"make deploy: {problem}")
    except KeyboardInterrupt:
        sys.exit("make deploy: interrupted; run it again, it goes on where it stopped")


if __name__ == "__main__":
    main()
