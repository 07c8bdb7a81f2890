# What an emulator alone can show, and jobs on Step Functions with the image of their functions. Sourced.

servers_and_stacks() { # two servers of which one dies, a stack that is destroyed
  "$python" -m pytest -q -s -p no:cacheprovider tests/cloud/{replicas,restore}.py >"$work/restore.log" 2>&1 ||
    fail "$work/restore.log"
  say "two servers, one killed; a stack restored: $(tail -n 1 "$work/restore.log")"
}

bulk_jobs() { # an emulator of its own, whose functions are processes of this machine
  "$python" -m pytest -q -p no:cacheprovider tests/cloud/bulk_map.py >"$work/bulk.log" 2>&1 || fail "$work/bulk.log"
  say "bulk jobs: $(tail -n 1 "$work/bulk.log")"
}

build_bulk() { # as `make bulk-image` does; then it is asked, read-only and as nobody, as Lambda runs it
  docker build -f functions/bulk/Dockerfile -t imgvec-bulk . >"$work/bulk-image.log" 2>&1 ||
    fail "$work/bulk-image.log"
  local whole base
  whole=$(docker image inspect imgvec-bulk --format '{{.Size}}')
  base=$(docker image inspect public.ecr.aws/lambda/python:3.13 --format '{{.Size}}')
  docker run --rm --read-only --tmpfs /tmp --user 65534:65534 --entrypoint python3 -e IMGVEC_DATA=/tmp/imgvec \
    -e BULK_BUCKET=none -e BULK_ROWS=1000 -e IMGVEC_ENCODERS=starter -e AWS_DEFAULT_REGION=us-east-1 imgvec-bulk \
    -c 'import app; from imgvec.bulk.parquet import ParquetFile; import io; ParquetFile(io.BytesIO(), ("id",)).close()
print([encoder.name for encoder in app.host.service.encoders])' >>"$work/bulk-image.log" 2>&1 || fail "$work/bulk-image.log"
  say "image of bulk jobs: $((whole - base)) bytes above its base, $(tail -n 1 "$work/bulk-image.log")"
}
