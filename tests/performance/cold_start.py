"""Prints the phases of two cold starts of the embeddings function, under the real Lambda runtime.

make test-runtime
"""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.support.aws.lambda_runtime import HANDLER, LambdaRuntime
from tests.support.aws.sample_events import SAM_LOCAL, make
from tests.support.server.places import ROOT

WARM = 20
STAGES = ("Admit", "Read", "Decode", "Reserve", "Encode", "Settle")
PACKAGES = 8


def main() -> None:
    """Start the function twice, one after the other."""
    event = make("pixlab-multipart")
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "IMGVEC_DATA": folder, **SAM_LOCAL}
        for number in (1, 2):
            runtime = LambdaRuntime(environment, Path(folder) / f"log-{number}.txt")
            started = time.perf_counter()
            runtime.invoke(event)
            whole = (time.perf_counter() - started) * 1000
            for _ in range(WARM):
                runtime.invoke(event)
            time.sleep(0.2)
            first, *warm = runtime.invoke_milliseconds
            print(
                f"cold start {number}: init {runtime.init_milliseconds:.0f} ms, first answer "
                f"{first:.0f} ms, both as the caller sees it {whole:.0f} ms; "
                f"warm {statistics.median(warm):.1f} ms (median of {WARM})"
            )
            print(f"  first answer by stage: {stages_of(runtime.lines[0])}")
            runtime.stop()
        print(f"  init by package, seen one by one: {imports_of(environment)}")


def stages_of(line: str) -> str:
    """The milliseconds of each stage in a request's log line."""
    content = json.loads(line)
    return ", ".join(f"{name.lower()} {content[name][0]:.1f}" for name in STAGES if name in content)


def imports_of(environment: dict[str, str]) -> str:
    """Milliseconds of the function's own start by top-level package, the most expensive first.

    What a package's import does belongs to it, so `functions` is the loading of the encoder.
    """
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", f"import {HANDLER.rpartition('.')[0]}"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    spent = Counter[str]()
    for own, package in re.findall(r"^import time: +(\d+) \| +\d+ \| +(\w+)", done.stderr, re.M):
        spent[package] += int(own)
    return ", ".join(f"{name} {own / 1000:.0f}" for name, own in spent.most_common(PACKAGES))


if __name__ == "__main__":
    main()
