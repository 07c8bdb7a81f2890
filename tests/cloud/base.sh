#!/usr/bin/env bash
# Builds the stand-in for AWS's base image: Debian's Python, AWS's runtime client and emulator, and a
# wheelhouse in the place of a package index. base.sh NAME HOST FOLDER
set -euo pipefail
. tests/cloud/wheelhouse.sh
name=$1 host=$2 folder=$3
up_to_date "$name" layers/core/{requirements.txt,subset.py} requirements/tools.txt && exit 0
rm -rf "$folder"
mkdir -p "$folder/wheels"
.venv/bin/python layers/core/subset.py bulk layers/core/requirements.txt >"$folder/bulk.txt"
.venv/bin/python layers/core/subset.py runtime requirements/tools.txt >"$folder/runtime.txt"
wheelhouse "$folder/wheels" "$folder"/{bulk,runtime}.txt
cp .cache/tools/lib/python3*/site-packages/samcli/local/rapid/aws-lambda-rie-x86_64 "$folder/aws-lambda-rie"
cat >"$folder/entry.sh" <<'SH'
#!/bin/sh
# As AWS's own: under the real service the runtime interface is there, elsewhere it is emulated.
if [ -z "$AWS_LAMBDA_RUNTIME_API" ]; then
  exec /usr/local/bin/aws-lambda-rie python3 -m awslambdaric "$@"
fi
exec python3 -m awslambdaric "$@"
SH
printf '#!/bin/sh\nexec python3 -m awslambdaric "$_HANDLER"\n' >"$folder/bootstrap"
chmod +x "$folder/entry.sh" "$folder/bootstrap"
cat >"$folder/Dockerfile" <<DOCKER
FROM imgvec-debian
LABEL made_of=$made_of
ENV LAMBDA_TASK_ROOT=/var/task LAMBDA_RUNTIME_DIR=/var/runtime
ENV PYTHONPATH=/var/task:/opt/python:/var/runtime
ENV AWS_ENDPOINT_URL=http://$host:4599 IMGVEC_FETCH_ALLOW=$host:4598,$host:4597,images.example
COPY wheels /wheels
RUN $from_wheels \
    && python3 -m pip install --quiet --target /var/runtime awslambdaric boto3
COPY aws-lambda-rie /usr/local/bin/aws-lambda-rie
COPY entry.sh /lambda-entrypoint.sh
COPY bootstrap /var/runtime/bootstrap
WORKDIR /var/task
ENTRYPOINT ["/lambda-entrypoint.sh"]
DOCKER
docker build --quiet -t "$name" "$folder"
docker tag "$name" "$name-x86_64"
