#!/usr/bin/env bash
# Builds the stand-in for Docker's image of Python, which the serving image is based on: Debian's
# Python, and a wheelhouse in the place of a package index. serving_base.sh NAME LOCK FOLDER
set -euo pipefail
. tests/cloud/wheelhouse.sh
name=$1 lock=$2 folder=$3
up_to_date "$name" "$lock" && exit 0
rm -rf "$folder"
mkdir -p "$folder/wheels"
wheelhouse "$folder/wheels" "$lock"
cat >"$folder/Dockerfile" <<DOCKER
FROM imgvec-debian
LABEL made_of=$made_of
COPY wheels /wheels
RUN $from_wheels
DOCKER
docker build --quiet -t "$name" "$folder"
