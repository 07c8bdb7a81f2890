#!/usr/bin/env bash
# The SAM CLI, but for `sam deploy --config-env ENVIRONMENT ...`: that goes into an emulator, which has
# no registry (the image keeps a local name), takes no bucket of SAM's own making, and does not know
# all of a template (emulated_template.py). All other arguments and commands are SAM's.
set -euo pipefail
tests=$(cd "$(dirname "$0")/.." && pwd)
sam=$tests/../.cache/tools/bin
[ "$1 ${2:-}" = "deploy --config-env" ] || exec "$sam/sam" "$@"
shift 3

image=000000000000.dkr.ecr.us-east-1.amazonaws.com/imgvec:emulated
docker tag embeddingsfunction:imgvec-embeddings "$image"
"$sam/python" "$tests/cloud/emulated_template.py" .aws-sam/build/template.yaml "$image" \
  >.aws-sam/build/emulated.json
exec "$sam/sam" deploy -t .aws-sam/build/emulated.json --config-env none --no-confirm-changeset \
  --s3-bucket imgvec-artefacts --image-repository "${image%:*}" \
  --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND "$@"
