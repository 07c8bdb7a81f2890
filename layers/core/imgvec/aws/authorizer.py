"""Reads events of a REST API's REQUEST authorizer, and builds its allow policy."""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from imgvec.aws.gateway import HANDED_ON
from imgvec.aws.gateway_keys.names import Shown

Event: TypeAlias = dict[str, Any]
DROPPED: Final = ("www-authenticate", "x-imgvec-key")
"""The header that a REST API drops, and the name under which CloudFront passes it on."""


def shown_in(event: Mapping[str, Any]) -> Shown:
    """The headers and query of a request, as the authorizer sees them."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    return Shown(headers, event.get("queryStringParameters") or {})


def allow(event: Mapping[str, Any], shown: Shown, name: str) -> Event:
    """Let the request pass, throttled as `name`.

    The policy allows the whole stage, because the gateway may cache it for all methods. The header
    that the gateway drops is passed on unchanged, so that the application checks the key.
    """
    stage = "/".join(str(event["methodArn"]).split("/")[:2])
    handed_on = next((shown.headers[name] for name in DROPPED if shown.headers.get(name)), None)
    return {
        "principalId": name,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": f"{stage}/*"}
            ],
        },
        "context": {} if handed_on is None else {HANDED_ON: handed_on},
        "usageIdentifierKey": name,
    }
