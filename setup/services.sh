#!/usr/bin/env bash
# Redis and PostgreSQL for the tests of pages and workers apart, from Debian's packages where they are missing.
# The tests start their own, on free ports with throwaway folders: none is left running, none of yours is touched.
set -u
there() {
  command -v redis-server >/dev/null && { command -v initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb'; } >/dev/null
}
there && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "· Installing redis-server and postgresql for the tests (once)"
  export DEBIAN_FRONTEND=noninteractive
  # Debian's packages would start servers and make a database of their own: the tests want neither.
  mkdir -p /etc/postgresql-common
  [ -e /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends redis-server postgresql; } >/dev/null 2>&1
  [ -d /run/systemd/system ] && systemctl disable --now redis-server >/dev/null 2>&1
  there && exit 0
fi
echo "· The tests of pages and workers apart need Redis and PostgreSQL: install redis-server and postgresql."
exit 1
