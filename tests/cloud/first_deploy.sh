# `make deploy ENV=prod` in a checkout that has never built an encoder, to the first vector. Sourced.

first_deploy() {
  local checkout=$work/checkout begun
  rm -rf "$checkout"
  mkdir -p "$checkout/.cache"
  cp -a --parents Makefile samconfig.toml template.yaml .dockerignore functions infra layers models "$checkout"
  rm -rf "$checkout"/models/{clip-*,pulled,recipes}
  ln -s "$PWD/.venv" "$checkout/.venv"
  PYTHONPATH=. "$python" tests/cloud/beyond_emulator.py "$work/tmp/operator" "$work/tmp/beyond.sh" \
    >"$work/beyond.log" 2>&1 &
  started+=($!)
  wait_for test -s "$work/tmp/beyond.sh" || fail "$work/beyond.log"
  say "a hub with CLIP, an operator's folder with the recipe alone"

  begun=$SECONDS
  deploy_prod >"$work/first-deploy.log" 2>&1 || fail "$work/first-deploy.log"
  say "make deploy ENV=prod from nothing: $((SECONDS - begun)) s"
  eval "$("$python" tests/cloud/outputs.py imgvec-prod "$AWS_ENDPOINT_URL")"
  PYTHONPATH=. "$python" tests/cloud/first_vector.py imgvec-prod embeddingsfunction:imgvec-embeddings \
    >"$work/first-vector.log" 2>&1 || fail "$work/first-vector.log"
  cat "$work/first-vector.log"

  begun=$SECONDS
  deploy_prod >"$work/second-deploy.log" 2>&1 || fail "$work/second-deploy.log"
  say "make deploy ENV=prod again: $((SECONDS - begun)) s"
  "$python" tests/cloud/teardown.py imgvec-prod >"$work/delete-prod.log" 2>&1 || fail "$work/delete-prod.log"
}

deploy_prod() { # the command itself; the emulator has no key source AUTHORIZER
  (
    . "$work/tmp/beyond.sh"
    IMGVEC_MODELS=$work/tmp/operator make -C "$work/checkout" -o .venv/run -o .cache/tools/ready \
      deploy ENV=prod SAM="$emulated_sam" PARAMETERS=GatewayKeys=off
  )
}
