"""Events of a REST API's REQUEST authorizer, and the answer that lets every request pass."""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from imgvec.aws.gateway import HANDED_ON
from imgvec.aws.gateway_keys.names import Shown

Event: TypeAlias = dict[str, Any]
DROPPED: Final = ("www-authenticate", "x-imgvec-key")
"""What a REST API drops, and the name that the edge gives it."""


def shown_in(event: Mapping[str, Any]) -> Shown:
    """What a request shows to the authorizer."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    return Shown(headers, event.get("queryStringParameters") or {})


def allow(event: Mapping[str, Any], shown: Shown, name: str) -> Event:
    """Let the request pass, throttled as `name`.

    The whole stage is allowed, not the one method: a cached answer would hold for all. A header
    that the gateway drops is handed on as it is, so that the application judges it like any other.
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
