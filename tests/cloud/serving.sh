# The serving image: built as a user builds it, run as SageMaker runs it, called by boto3. Sourced.

build_serving() { # PROVIDER: with a CLIP of the true widths beside the starter
  local context=$work/context
  "$python" layers/core/subset.py "$1" layers/core/requirements.txt >"$work/serving.txt"
  tests/cloud/serving_base.sh public.ecr.aws/docker/library/python:3.13-slim \
    "$work/serving.txt" "$work/serving-base" >"$work/serving-base.log" 2>&1 ||
    fail "$work/serving-base.log"
  rm -rf "$context"
  mkdir -p "$context"
  cp -r --parents Makefile .dockerignore infra/sagemaker layers/core/{imgvec,requirements.txt,subset.py} models "$context"
  PYTHONPATH=. "$python" tests/support/models/thin_clip.py clip-vit-b32 "$context/models"
  make -C "$context" endpoint-image PROVIDER="$1" ENCODERS="clip-vit-b32 starter" \
    >"$work/serving.log" 2>&1 || fail "$work/serving.log"
  say "serving image for $1: $(docker image inspect imgvec-endpoint --format '{{.Size}}') bytes"
}

ask_serving() { # the contract of all dialects with the encoder in it, then what only a container does
  export TEST_SERVING_IMAGE=imgvec-endpoint TEST_SERVING_MODELS=$work/context/models
  contract endpoint-container
  "$python" -m pytest -q -p no:cacheprovider tests/cloud/serving_probes.py >"$work/serving-probes.log" 2>&1 ||
    fail "$work/serving-probes.log"
  say "the serving container's probes: $(tail -n 1 "$work/serving-probes.log")"
}
