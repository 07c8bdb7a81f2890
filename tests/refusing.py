"""A listener that answers every request as AWS does when it refuses."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

S3 = '<?xml version="1.0"?><Error><Code>{code}</Code><Message>secret words</Message></Error>'
DYNAMODB = '{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"secret words"}}'


@contextmanager
def refusing(status: int, code: str, form: str = S3) -> Iterator[str]:
    """The address of one that answers with this status and code."""

    class Handler(BaseHTTPRequestHandler):
        def _refuse(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            body = form.format(code=code).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _refuse

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()
