# Wheels in the place of a package index, for images that reach none. Sourced by what makes bases.

wheelhouse() { # FOLDER LOCK...: those that Python 3.13 takes on this processor, by hash
  local folder=$1 lock
  shift
  for lock in "$@"; do
    .venv/bin/pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
      --implementation cp --python-version 3.13 --platform manylinux_2_34_x86_64 \
      --platform manylinux_2_31_x86_64 --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 \
      --platform manylinux_2_26_x86_64 --platform manylinux_2_24_x86_64 --platform manylinux_2_17_x86_64 \
      --platform manylinux2014_x86_64 --require-hashes -r "$lock" -d "$folder"
  done
}

from_wheels='rm -f /usr/lib/python3*/EXTERNALLY-MANAGED && ln -s python3 /usr/bin/python \
    && printf "[global]\nno-index = true\nfind-links = /wheels\n" >/etc/pip.conf'

up_to_date() { # IMAGE FILE...: whether it was made of these; says in $made_of of what it should be
  local image=$1 found
  shift
  made_of=$(cat "$0" "${BASH_SOURCE[0]}" "$@" | sha256sum | cut -d " " -f 1)
  found=$(docker image inspect "$image" --format '{{.Config.Labels.made_of}}' 2>/dev/null || true)
  [ "$found" = "$made_of" ]
}
