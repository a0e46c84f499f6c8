#!/usr/bin/env bash
# Makes sure that a Docker engine answers: uses the one that does, installs and starts one on Debian and Ubuntu as
# root, and otherwise says in one sentence what to install. Always ends well: without an engine the app still runs.
set -u
cd "$(dirname "$0")/.." || exit 1
PACKAGES="docker.io debootstrap ca-certificates"
LOG="${VIBE_VAR:-var}/dockerd.log"

# Asked as Vibe itself asks: by DOCKER_HOST or Docker's current context, whether the docker command is there or not.
why="" # the sentence of why not
answers() { why="$(timeout 15 .venv/bin/python -m sandbox engine 2>&1)"; }
say() { echo "· $*"; }

answers && exit 0
if [ -n "${DOCKER_HOST:-}" ]; then
  say "No Docker engine answers at DOCKER_HOST ($DOCKER_HOST): start it, or unset DOCKER_HOST."
  exit 0
fi
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  if [[ "$why" == *"may not use it"* ]]; then
    say "$why"
  elif command -v docker >/dev/null; then
    say "Docker is installed but does not answer: start it, then run this again."
  else
    say "Programs run in Docker boxes: install Docker (https://docs.docker.com/get-docker/), start it, and run this again."
  fi
  exit 0
fi
missing=""
for package in $PACKAGES; do dpkg -s "$package" >/dev/null 2>&1 || missing="$missing $package"; done
if [ -n "$missing" ]; then
  say "Installing$missing (once)"
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing iptables; } >/dev/null 2>&1 \
    || { say "Debian's Docker could not be installed: install Docker yourself, then run this again."; exit 0; }
fi
answers && exit 0
mkdir -p "$(dirname "$LOG")"
# A service manager is asked first where one runs; in a bare container or a minimal machine we start it by hand.
[ -d /run/systemd/system ] && systemctl start docker >/dev/null 2>&1 && sleep 1 && answers && exit 0
for options in "" "--iptables=false" "--iptables=false --bridge=none" "--storage-driver=vfs --iptables=false"; do
  say "Starting the Docker engine${options:+ ($options)}"
  kill -0 "$(cat /var/run/docker.pid 2>/dev/null)" 2>/dev/null || rm -f /var/run/docker.pid
  # shellcheck disable=SC2086
  setsid nohup dockerd $options >"$LOG" 2>&1 </dev/null &
  engine=$!
  for _ in $(seq 60); do
    answers && exit 0
    kill -0 "$engine" 2>/dev/null || break
    sleep 0.2
  done
  kill "$engine" 2>/dev/null
  sleep 1
done
say "The Docker engine does not start here (see $LOG). Pages are made but not checked, tools cannot run."
exit 0
