# A container engine of our own, sourced by run.sh: its own socket, data and bridge, and no rule of a
# firewall, so that what else runs on the machine is left alone, and nothing is left behind.
bridge=imgvec0
host=172.31.251.1
# An address of its own: a bridge without one takes its ports', so that each container that came or
# went could change it, and the others lost their way to this machine for seconds.
bridge_address=02:42:ac:1f:fb:01

start_engine() { # FOLDER; gives false where none can run, with the reason in $reason
  local folder=$1
  export DOCKER_HOST=unix://$folder/docker.sock
  [ "$(id -u)" = 0 ] || { reason="a container engine of our own needs root"; return 1; }
  for tool in dockerd mmdebstrap ip; do
    command -v $tool >/dev/null || { reason="$tool is not installed"; return 1; }
  done
  [ ! -e /sys/class/net/$bridge ] ||
    { reason="$bridge is there: a run is under way, or 'ip link delete $bridge'"; return 1; }
  ip link add $bridge address $bridge_address type bridge 2>/dev/null ||
    { reason="no bridge can be made"; return 1; }
  bridge_made=yes
  ip address add $host/24 dev $bridge && ip link set $bridge up
  # The emulator reads a container's whole log after each call, so it is kept short.
  # The containers talk to this machine alone: no address translation, no forwarding.
  dockerd --data-root "$folder/docker" --exec-root "$folder/exec" --pidfile "$folder/docker.pid" \
    -H "$DOCKER_HOST" --bridge $bridge --iptables=false --ip6tables=false --ip-masq=false \
    --ip-forward=false --log-opt max-size=64k --log-opt max-file=1 >"$folder/dockerd.log" 2>&1 &
  engine=$!
  wait_for docker info || { reason="the container engine does not start"; return 1; }
}

stop_engine() {
  if [ -n "${engine:-}" ]; then
    docker ps -aq 2>/dev/null | xargs -r docker rm -f >/dev/null 2>&1 || true
    kill "$engine" 2>/dev/null || true
    wait "$engine" 2>/dev/null || true
  fi
  [ -z "${bridge_made:-}" ] || ip link delete $bridge || true
}

left_behind() { # FOLDER; prints the processes, mounts and links that a run should have ended
  pgrep -af "$1" || true
  grep -F "$1" /proc/mounts || true
  [ -z "${bridge_made:-}" ] || [ ! -e /sys/class/net/$bridge ] || echo "the bridge $bridge"
}
