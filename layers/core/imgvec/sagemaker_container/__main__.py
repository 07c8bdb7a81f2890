"""`python -m imgvec.sagemaker_container [serve]`: the serving container's process.

SageMaker starts the container with the word `serve` and calls it on port 8080.
"""

import argparse
import sys

from imgvec.errors import ImgvecError
from imgvec.process import leave_at_once, leave_quietly, listen, log_to_stderr
from imgvec.sagemaker_container.app import create_serving_app
from imgvec.server import server
from imgvec.settings import load_settings


def main() -> None:
    """Load, listen, answer until asked to stop; exit with a sentence where it cannot."""
    parser = argparse.ArgumentParser(prog="imgvec.sagemaker_container")
    parser.add_argument("serve", nargs="?", choices=["serve"], help="what SageMaker says")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=8080, help="port; 0 takes a free one")
    chosen = parser.parse_args()
    leave_at_once()
    try:
        settings = load_settings()
        log_to_stderr(settings)
        app = create_serving_app(settings)
        listener = listen(chosen.host, chosen.port)
    except (ImgvecError, OSError) as problem:
        sys.exit(f"Error: {problem}")
    address = f"http://{chosen.host}:{listener.getsockname()[1]}"
    sys.stderr.write(f"imgvec serving answers on {address}\n")
    sys.stderr.flush()
    leave_quietly()
    server(app).run(sockets=[listener])


if __name__ == "__main__":
    main()
