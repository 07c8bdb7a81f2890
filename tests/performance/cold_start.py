"""Prints the phases of two cold starts of the embeddings function, under the real Lambda runtime.

make test-runtime
"""

import os
import statistics
import tempfile
import time
from pathlib import Path

from lambda_runtime import LambdaRuntime
from ready_events import make

WARM = 20


def main() -> None:
    """Start the function twice, one after the other."""
    event = make("pixlab-multipart")
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "IMGVEC_DATA": folder, "AWS_SAM_LOCAL": "true"}
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
            runtime.stop()


if __name__ == "__main__":
    main()
