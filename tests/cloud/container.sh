# The image for laptops and container hosts, and Compose: built as a user builds it, and run. Sourced.

build_container() {
  local context=$work/laptop
  "$python" layers/core/subset.py container layers/core/requirements.txt >"$work/container.txt"
  tests/cloud/serving_base.sh python:3.13-slim "$work/container.txt" "$work/container-base" \
    >"$work/container-base.log" 2>&1 || fail "$work/container-base.log"
  rm -rf "$context"
  mkdir -p "$context"
  cp -r --parents Dockerfile .dockerignore infra/container layers/core/{imgvec,requirements.txt,subset.py} \
    models/starter "$context"
  docker build -t imgvec "$context" >"$work/container.log" 2>&1 || fail "$work/container.log"
  local whole base
  whole=$(docker image inspect imgvec --format '{{.Size}}')
  base=$(docker image inspect python:3.13-slim --format '{{.Size}}')
  say "image for laptops: $((whole - base)) bytes above its base of Python"
}

# nginx, DynamoDB and Compose from Debian, where no registry of images is reached.
stand_beside() {
  local folder=$work/beside
  docker image inspect imgvec-beside >/dev/null 2>&1 && [ -x "$folder/cli-plugins/docker-compose" ] && return
  mkdir -p "$folder/cli-plugins"
  mmdebstrap --variant=apt --include=nginx-light,nodejs,docker-compose trixie "$folder/debian.tar" \
    >"$work/beside.log" 2>&1 || fail "$work/beside.log"
  tar -xOf "$folder/debian.tar" ./usr/libexec/docker/cli-plugins/docker-compose \
    >"$folder/cli-plugins/docker-compose"
  chmod +x "$folder/cli-plugins/docker-compose"
  docker import "$folder/debian.tar" imgvec-beside >/dev/null
  rm "$folder/debian.tar"
}

build_beside() {
  local folder=$work/beside
  stand_beside
  "$python" -c "from tests.support.aws.dynamodb import start
with start(): pass"
  rm -rf "$folder/context"
  mkdir "$folder/context"
  cp -r .cache/node/node_modules tests/support/aws/dynalite.cjs "$folder/context"
  docker build -t nginx:1.28-alpine - >"$work/nginx.log" 2>&1 <<'DOCKER' || fail "$work/nginx.log"
FROM imgvec-beside
RUN rm -f /etc/nginx/sites-enabled/default
CMD ["nginx", "-g", "daemon off;"]
DOCKER
  docker build -t amazon/dynamodb-local:2.6.1 -f - "$folder/context" >"$work/dynamodb.log" 2>&1 <<'DOCKER' || fail "$work/dynamodb.log"
FROM imgvec-beside
COPY . /dynalite
ENV HOST=0.0.0.0 PORT=8000
STOPSIGNAL SIGKILL
ENTRYPOINT ["sh", "-c", "exec node /dynalite/dynalite.cjs /dynalite/node_modules/dynalite"]
DOCKER
  export DOCKER_CONFIG=$folder
  say "Compose $(docker compose version --short), with stand-ins for nginx and DynamoDB"
}

ask_container() {
  TEST_CONTAINER_IMAGE=imgvec "$python" -m pytest -q -s -p no:cacheprovider tests/cloud/container_probes.py \
    >"$work/container-probes.log" 2>&1 || fail "$work/container-probes.log"
  grep '^`docker run`' "$work/container-probes.log"
  say "the laptop's container and Compose: $(tail -n 1 "$work/container-probes.log")"
}
