#!/usr/bin/env bash
# What some tests are run against, from Debian's packages where it is missing: Redis and PostgreSQL (pages and workers
# apart), an ssh server and gVisor (engines elsewhere, and another runtime).
# The tests start their own, on free ports with throwaway folders: none is left running, none of yours is touched.
set -u
services() {
  command -v redis-server >/dev/null && { command -v initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb'; } >/dev/null
}
has_sshd() { command -v sshd >/dev/null || [ -x /usr/sbin/sshd ]; }
missing=""
services || missing="$missing redis-server postgresql"
has_sshd || missing="$missing openssh-server"
command -v ssh >/dev/null || missing="$missing openssh-client"
command -v runsc >/dev/null || missing="$missing runsc"
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "· Installing$missing for the tests (once)"
  export DEBIAN_FRONTEND=noninteractive
  # Debian's packages would start servers, and make a database of their own: the tests want neither, least of all an ssh
  # server that listens to the world.
  mkdir -p /etc/postgresql-common
  [ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d
  fi
  apt-get update -qq >/dev/null 2>&1
  # One by one: a release without gVisor still has the others.
  for package in $missing; do apt-get install -y -qq --no-install-recommends "$package" >/dev/null 2>&1; done
  if [ -d /run/systemd/system ]; then
    case "$missing" in *redis-server*) systemctl disable --now redis-server ;; esac >/dev/null 2>&1
    case "$missing" in *openssh-server*) systemctl disable --now ssh ;; esac >/dev/null 2>&1
  fi
fi
has_sshd && command -v runsc >/dev/null || echo "· Without openssh-server and runsc the tests of engines by ssh and of gVisor fail, and say so."
services && exit 0
echo "· The tests of pages and workers apart need Redis and PostgreSQL: install redis-server and postgresql."
exit 1
