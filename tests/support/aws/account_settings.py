"""The one call of Lambda that a deployment makes and no emulator answers: GetAccountSettings."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.support.http.scripted_listener import QuietHandler, answering

PATH: Final = "/2016-08-19/account-settings"


@contextmanager
def imitated_account_settings(concurrency: int | None) -> Iterator[str]:
    """Gives an address for AWS_ENDPOINT_URL_LAMBDA; without a concurrency every call is denied."""

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            if concurrency is None or self.path.rstrip("/") != PATH:
                self._answer(403, {"Message": "You may not do this"})
                return
            limits = {
                "ConcurrentExecutions": concurrency + 90,
                "UnreservedConcurrentExecutions": concurrency,
            }
            self._answer(200, {"AccountLimit": limits})

        def _answer(self, status: int, body: dict[str, object]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            if status != 200:
                self.send_header("x-amzn-ErrorType", "AccessDeniedException")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    with answering(Handler) as address:
        yield address
