#!/usr/bin/env bash
# make test-endpoint-container: the serving image, built and asked as behind a SageMaker endpoint.
# PROVIDER=cuda builds the one for a GPU, which encodes on the CPU here.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/cloud/stage.sh
. tests/cloud/serving.sh

begin test-endpoint-container
import_debian
build_serving "${PROVIDER:-cpu}"
ask_serving
