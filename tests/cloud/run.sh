#!/usr/bin/env bash
# make test-cloud: the stack built by SAM, run in containers, deployed into an emulator of AWS, and
# the whole contract asked of it in four places. Everything that is started here is ended here, also
# after a failure.
set -euo pipefail
set -m # each part a process group, which ends as a whole
cd "$(dirname "$0")/../.."
. tests/cloud/engine.sh

work=$PWD/.cache/cloud
python=$PWD/.venv/bin/python
sam=$PWD/.cache/sam/bin/sam
base=public.ecr.aws/lambda/python:3.13
image=000000000000.dkr.ecr.us-east-1.amazonaws.com/imgvec:emulated
stack=imgvec-test
api=127.0.0.1:4600
started=()

say() { printf '%4ds  %s\n' "$SECONDS" "$1"; }
fail() { tail -n 40 "$1" >&2; say "FAILED: see $1"; exit 1; }

wait_for() { # a command that succeeds when it is there
  for _ in $(seq 480); do "$@" >/dev/null 2>&1 && return; sleep 0.25; done
  return 1
}

clean() {
  local status=$?
  trap - EXIT INT TERM
  for pid in "${started[@]}"; do kill -- "-$pid" 2>/dev/null || true; done
  for pid in "${started[@]}"; do wait "$pid" 2>/dev/null || true; done
  stop_engine
  rm -rf "$work/tmp"
  local left
  left=$(left_behind "$work")
  [ -z "$left" ] || { printf 'LEFT BEHIND:\n%s\n' "$left" >&2; status=1; }
  exit "$status"
}

contract() { # PLACE: the tests of the contract that ask a place, there
  TEST_PLACES=$1 "$python" -m pytest -q -p no:cacheprovider -o junit_family=xunit1 \
    --junit-xml "$work/$1.xml" -k "$1" tests/contract >"$work/$1.log" 2>&1 || fail "$work/$1.log"
  say "contract: $1, $(tail -n 1 "$work/$1.log")"
}

mkdir -p "$work"
rm -rf "$work/tmp" "$work"/*.xml
mkdir "$work/tmp"
export TMPDIR=$work/tmp
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
start_engine "$work" || { echo "test-cloud: SKIPPED ($reason)"; exit 0; }
say "container engine"

# Two places need none of it; they go on beside the building.
{ contract in-process; contract uvicorn; } &
started+=($!) plain=$!

# AWS's image cannot be pulled here: the same Python on Debian, with what AWS adds to it.
if ! docker image inspect imgvec-debian >/dev/null 2>&1; then
  mmdebstrap --variant=apt --include=python3,python3-pip,ca-certificates trixie "$work/debian.tar" \
    >"$work/mmdebstrap.log" 2>&1 || { echo "test-cloud: SKIPPED (no packages of Debian)"; exit 0; }
  docker import "$work/debian.tar" imgvec-debian >/dev/null
  rm "$work/debian.tar"
fi
tests/cloud/base.sh "$base" "$host" "$work/base" >"$work/base.log" 2>&1 || fail "$work/base.log"
say "stand-in for AWS's base image"

export SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
"$sam" build >"$work/build.log" 2>&1 || fail "$work/build.log"
say "sam build"

invoke() {
  TEST_PICTURES=$host:80 "$python" -m pytest -q -p no:cacheprovider tests/cloud/local_invoke.py \
    >"$work/invoke.log" 2>&1 || fail "$work/invoke.log"
  say "sam local invoke, every event: $(tail -n 1 "$work/invoke.log")"
}
invoke &
started+=($!) invoked=$!

# On the bridge alone: the functions' containers reach it there, and nobody outside does.
BIND_HOST=$host MINISTACK_HOST=$host GATEWAY_PORT=4599 LAMBDA_EXECUTOR=docker \
  STATE_DIR=$work/tmp/state .cache/emulator/bin/ministack >"$work/emulator.log" 2>&1 &
started+=($!)
export AWS_ENDPOINT_URL=http://$host:4599
wait_for curl -s "$AWS_ENDPOINT_URL"
docker tag embeddingsfunction:imgvec-embeddings "$image"
.cache/sam/bin/python tests/cloud/emulated_template.py .aws-sam/build/template.yaml "$image" \
  >.aws-sam/build/emulated.json
"$python" -c "import boto3; boto3.client('s3').create_bucket(Bucket='imgvec-artefacts')"
deploy() { # PARAMETERS
  "$sam" deploy -t .aws-sam/build/emulated.json --config-env none --stack-name $stack \
    --s3-bucket imgvec-artefacts --image-repository "${image%:*}" --no-confirm-changeset \
    --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND --parameter-overrides GatewayKeys=off "$@" \
    >"$work/deploy.log" 2>&1 || fail "$work/deploy.log"
}
# The brake on costs would slow the tests.
deploy ThrottleRate=1000 ThrottleBurst=1000
say "sam deploy into the emulator"

eval "$(PYTHONPATH=tests:. "$python" tests/cloud/local_stores.py "$work/variables.json")"
.cache/sam/bin/python tests/cloud/sam_local.py local start-api --host "${api%:*}" --port "${api#*:}" \
  --env-vars "$work/variables.json" >"$work/sam-local.log" 2>&1 &
started+=($!)
wait_for curl -sf "http://$api/ready" || fail "$work/sam-local.log"
say "sam local start-api"
TEST_URL=http://$api TEST_PICTURES=$host:4597 contract start-api &
started+=($!) local_api=$!
eval "$("$python" tests/cloud/outputs.py $stack "$AWS_ENDPOINT_URL")"
wait_for curl -sf "$TEST_URL/ready" || fail "$work/emulator.log"
TEST_PICTURES=$host:4598 contract deployed
deploy ThrottleRate=1 ThrottleBurst=1 LlmDomainName=llm.example.com \
  CertificateArn=arn:aws:acm:us-east-1:000000000000:certificate/00000000-0000-0000-0000-000000000000
eval "$("$python" tests/cloud/outputs.py $stack "$AWS_ENDPOINT_URL")"
TEST_PLACES=deployed TEST_PICTURES=$host:4598 "$python" -m pytest -q -rs -p no:cacheprovider \
  tests/cloud/gateway_probes.py >"$work/probes.log" 2>&1 || fail "$work/probes.log"
grep -F "NOT RUN" "$work/probes.log"
say "the gateway's probes, after an update of the stack: $(tail -n 1 "$work/probes.log")"

for part in $plain $invoked $local_api; do wait "$part"; done

"$python" tests/cloud/teardown.py $stack >"$work/delete.log" 2>&1 || fail "$work/delete.log"
say "the stack deleted, its table and bucket kept"
"$python" tests/cloud/counts.py "$work"/{in-process,uvicorn,start-api,deployed}.xml
