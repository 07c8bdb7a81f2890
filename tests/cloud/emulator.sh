# The parts that stand in for AWS: its base image of Lambda, an emulator of its services. Sourced.
sam=$PWD/.cache/tools/bin/sam
emulated_sam=$PWD/tests/cloud/sam_for_emulator.sh

export SAM_CLI_TELEMETRY=0 AWS_DEFAULT_REGION=us-east-1
export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test

lambda_base() { # AWS's image cannot be pulled here: the same Python on Debian, with what AWS adds to it
  tests/cloud/base.sh public.ecr.aws/lambda/python:3.13 "$host" "$work/base" >"$work/base.log" 2>&1 ||
    fail "$work/base.log"
  say "stand-in for AWS's base image"
}

start_emulator() { # on the bridge alone: the functions' containers reach it there, and nobody outside does
  BIND_HOST=$host MINISTACK_HOST=$host GATEWAY_PORT=4599 LAMBDA_EXECUTOR=docker \
    STATE_DIR=$work/tmp/state .cache/emulator/bin/ministack >"$work/emulator.log" 2>&1 &
  started+=($!)
  export AWS_ENDPOINT_URL=http://$host:4599
  wait_for curl -s "$AWS_ENDPOINT_URL"
  "$python" -c "import boto3; boto3.client('s3').create_bucket(Bucket='imgvec-artefacts')"
}
