# What the stages in containers share: their words, an engine, and an end that leaves nothing behind,
# also after a failure. Sourced, in the checkout's folder.
set -euo pipefail
set -m # each part a process group, which ends as a whole
. tests/cloud/engine.sh

work=$PWD/.cache/cloud
python=$PWD/.venv/bin/python
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

begin() { # STAGE: an engine and a folder for it, or the end, with the reason
  stage=$1
  mkdir -p "$work"
  rm -rf "$work/tmp"
  mkdir "$work/tmp"
  export TMPDIR=$work/tmp
  trap clean EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  start_engine "$work" || { echo "$stage: SKIPPED ($reason)"; exit 0; }
  say "container engine"
}

contract() { # PLACE [FILE]: the tests of the contract that ask a place, there
  TEST_PLACES=$1 "$python" -m pytest -q -p no:cacheprovider -o junit_family=xunit1 \
    --junit-xml "$work/$1.xml" -k "$1" "${2:-tests/contract}" >"$work/$1.log" 2>&1 || fail "$work/$1.log"
  say "contract: $1, $(tail -n 1 "$work/$1.log")"
}

import_debian() { # the Python of the images that cannot be pulled here, on Debian
  docker image inspect imgvec-debian >/dev/null 2>&1 && return
  mmdebstrap --variant=apt --include=python3,python3-pip,ca-certificates trixie "$work/debian.tar" \
    >"$work/mmdebstrap.log" 2>&1 || { echo "$stage: SKIPPED (no packages of Debian)"; exit 0; }
  docker import "$work/debian.tar" imgvec-debian >/dev/null
  rm "$work/debian.tar"
}
