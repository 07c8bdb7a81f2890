#!/usr/bin/env bash
# make test-first-deploy: `make deploy ENV=prod` from nothing to the first vector, on an emulator. With
# CLIP_SHAPES=clip-vit-b32 the CLIP has the true shape, which takes minutes to build.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/cloud/stage.sh
. tests/cloud/emulator.sh
. tests/cloud/first_deploy.sh

begin test-first-deploy
import_debian
lambda_base
start_emulator
first_deploy
