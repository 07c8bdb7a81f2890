#!/usr/bin/env bash
# make test-cloud: the stack built by SAM, run in containers, deployed into an emulator of AWS, and
# the whole contract asked of it. Everything that is started here is ended here, also after a failure.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$PWD/.cache/cloud
python=$PWD/.venv/bin/python
sam=$PWD/.cache/sam/bin/sam
base=public.ecr.aws/lambda/python:3.13
image=000000000000.dkr.ecr.us-east-1.amazonaws.com/imgvec:emulated
stack=imgvec-test
started=()

skip() { echo "test-cloud: SKIPPED ($1)"; exit 0; }
say() { printf '%4ds  %s\n' "$SECONDS" "$1"; }

clean() {
  docker ps -aq 2>/dev/null | xargs -r docker rm -f >/dev/null 2>&1 || true
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${started[@]}"; do wait "$pid" 2>/dev/null || true; done
}

wait_for() { # a command that succeeds when it is there
  for _ in $(seq 120); do "$@" >/dev/null 2>&1 && return; sleep 0.5; done
  return 1
}

[ "$(id -u)" = 0 ] || skip "a container engine of our own needs root"
for tool in dockerd mmdebstrap; do
  command -v $tool >/dev/null || skip "$tool is not installed"
done
mkdir -p "$work"
export DOCKER_HOST=unix://$work/docker.sock
trap clean EXIT
dockerd --data-root "$work/docker" --exec-root "$work/exec" --pidfile "$work/docker.pid" \
  -H "$DOCKER_HOST" >"$work/dockerd.log" 2>&1 &
started+=($!)
wait_for docker info || skip "the container engine does not start"
host=$(docker network inspect bridge -f '{{(index .IPAM.Config 0).Gateway}}')
say "container engine"

# AWS's image cannot be pulled here: the same Python on Debian, with what AWS adds to it.
if ! docker image inspect imgvec-debian >/dev/null 2>&1; then
  mmdebstrap --variant=apt --include=python3,python3-pip,ca-certificates trixie "$work/debian.tar" \
    >"$work/mmdebstrap.log" 2>&1 || skip "Debian's packages cannot be fetched"
  docker import "$work/debian.tar" imgvec-debian >/dev/null
fi
tests/cloud/base.sh "$base" "$host" "$work/base" >"$work/base.log" 2>&1
say "stand-in for AWS's base image"

export SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
"$sam" build >"$work/build.log" 2>&1
say "sam build"

"$sam" local invoke EmbeddingsFunction -e events/coreviz-image.json --skip-pull-image \
  2>"$work/invoke.log" | grep -q '"statusCode": 200'
say "sam local invoke"

# On the bridge alone: the functions' containers reach it there, and nobody outside does.
BIND_HOST=$host MINISTACK_HOST=$host GATEWAY_PORT=4599 LAMBDA_EXECUTOR=docker \
  .cache/emulator/bin/ministack >"$work/emulator.log" 2>&1 &
started+=($!)
export AWS_ENDPOINT_URL=http://$host:4599
wait_for curl -s "$AWS_ENDPOINT_URL"
docker tag embeddingsfunction:imgvec-embeddings "$image"
.cache/sam/bin/python tests/cloud/emulated_template.py .aws-sam/build/template.yaml "$image" \
  >.aws-sam/build/emulated.json
"$python" -c "import boto3; boto3.client('s3').create_bucket(Bucket='imgvec-artefacts')"
"$sam" deploy -t .aws-sam/build/emulated.json --config-env none --stack-name $stack \
  --s3-bucket imgvec-artefacts --image-repository "${image%:*}" --no-confirm-changeset \
  --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND \
  --parameter-overrides GatewayKeys=off >"$work/deploy.log" 2>&1
say "sam deploy into the emulator"

eval "$("$python" tests/cloud/outputs.py $stack "$AWS_ENDPOINT_URL")"
TEST_PLACES=elsewhere TEST_PICTURES=$host:4598 "$python" -m pytest -q tests/contract
say "contract on the deployed stack"
