"""One cold start: imports, loads, answers a request, and prints the milliseconds of each phase.

PYTHON cold_process.py KEY REQUEST, a file with the body of a CoreViz request.
"""

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message


def started() -> float:
    """When this process began, on the clock of `time.time`; to a hundredth of a second."""
    ticks = int(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19])
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    return time.time() - uptime + ticks / 100


async def ask(app: "ASGIApp", path: str, headers: Mapping[str, str], content: bytes) -> int:
    """One POST without a server in between; gives its status."""
    body: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]
    status = 0

    async def receive() -> "Message":
        return body.pop() if body else {"type": "http.disconnect"}

    async def send(message: "Message") -> None:
        nonlocal status
        status = message.get("status", status)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    await app(scope, receive, send)
    return status


def main() -> None:
    body = Path(sys.argv[2]).read_bytes()
    marks = [started(), time.time()]
    from imgvec import coldstart
    from imgvec.api.application import close
    from imgvec.app import create_app

    marks.append(time.time())
    app = create_app()
    coldstart.over()
    marks.append(time.time())
    headers = {"x-api-key": sys.argv[1], "content-type": "application/json"}
    status = asyncio.run(ask(app, "/api/ai/embeddings", headers, body))
    marks.append(time.time())
    if status != 200:
        sys.exit(f"answered {status}")
    names = ("process", "imports", "load", "first vector")
    phases = {name: (marks[n + 1] - marks[n]) * 1000 for n, name in enumerate(names)}
    cpu = time.process_time() * 1000
    print(json.dumps({**phases, "wall": (marks[-1] - marks[0]) * 1000, "cpu": cpu}))
    close(app)


if __name__ == "__main__":
    main()
