#!/usr/bin/env bash
# make test-container: the image for laptops and container hosts, alone and by Compose.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/cloud/stage.sh
. tests/cloud/container.sh

begin test-container
import_debian
build_container
build_beside
ask_container
