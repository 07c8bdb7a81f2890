#!/usr/bin/env bash
# make test-cloud: the stack built by SAM, run in containers, deployed into an emulator of AWS, and
# the whole contract asked of it in two places, and of the serving image; the image for laptops; then
# `make deploy ENV=prod` from nothing. Everything that is started here is ended here, also after a failure.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/cloud/stage.sh
. tests/cloud/serving.sh
. tests/cloud/container.sh
. tests/cloud/emulator.sh
. tests/cloud/bulk.sh
. tests/cloud/first_deploy.sh

stack=imgvec-test
api=127.0.0.1:4600

rm -f "$work"/*.xml
begin test-cloud

# Two places need none of it and have the whole contract in `make test`: here their bits, to compare.
{ contract in-process tests/contract/test_bits.py; contract uvicorn tests/contract/test_bits.py; } &
started+=($!) plain=$!

import_debian
lambda_base

"$sam" build >"$work/build.log" 2>&1 || fail "$work/build.log"
say "sam build"

{ build_serving cpu; ask_serving; build_container; build_beside; ask_container; } &
started+=($!) serving=$!

invoke() {
  TEST_PICTURES=$host:80 "$python" -m pytest -q -p no:cacheprovider tests/cloud/local_invoke.py \
    >"$work/invoke.log" 2>&1 || fail "$work/invoke.log"
  say "sam local invoke, every event: $(tail -n 1 "$work/invoke.log")"
}
invoke &
started+=($!) invoked=$!

{ servers_and_stacks; bulk_jobs; build_bulk; } &
started+=($!) bulk=$!

start_emulator
deploy() { # PARAMETERS
  "$emulated_sam" deploy --config-env default --stack-name $stack --parameter-overrides GatewayKeys=off "$@" \
    >"$work/deploy.log" 2>&1 || fail "$work/deploy.log"
}
# The brake on costs would slow the tests.
deploy ThrottleRate=1000 ThrottleBurst=1000
say "sam deploy into the emulator"

eval "$(PYTHONPATH=. "$python" tests/cloud/local_stores.py "$work/variables.json")"
.cache/tools/bin/python tests/cloud/sam_local.py local start-api --host "${api%:*}" --port "${api#*:}" \
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
  tests/cloud/{gateway,stack}_probes.py >"$work/probes.log" 2>&1 || fail "$work/probes.log"
grep -F "NOT RUN" "$work/probes.log"
say "the gateway's and the stack's probes, after an update of the stack: $(tail -n 1 "$work/probes.log")"

for part in $plain $serving $invoked $local_api $bulk; do wait "$part"; done

"$python" tests/cloud/teardown.py $stack >"$work/delete.log" 2>&1 || fail "$work/delete.log"
say "the stack deleted, its table and bucket kept"
first_deploy
"$python" tests/cloud/counts.py "$work"/{in-process,uvicorn,start-api,deployed}.xml
