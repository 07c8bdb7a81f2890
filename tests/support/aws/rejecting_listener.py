"""A listener that answers every request as AWS does when it refuses."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from botocore.retries.standard import ExponentialBackoff

from tests.support.http.scripted_listener import QuietHandler, answering

S3 = '<?xml version="1.0"?><Error><Code>{code}</Code><Message>secret words</Message></Error>'
DYNAMODB = '{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"secret words"}}'


@contextmanager
def refusing(status: int, code: str, form: str = S3) -> Iterator[str]:
    """The address of one that answers with this status and code; nobody waits between tries."""

    class Handler(QuietHandler):
        # In an older version a client waits a second for "100 Continue".
        protocol_version = "HTTP/1.1"

        def _refuse(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            body = form.format(code=code).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _refuse

    with answering(Handler) as address, pytest.MonkeyPatch.context() as patch:
        patch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.0)
        yield address
