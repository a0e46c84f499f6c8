#!/usr/bin/env bash
# The compose tool for the stack, from Debian's packages where neither docker-compose nor the plugin is there.
set -u
{ docker compose version || command -v docker-compose; } >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "· Installing docker-compose (once)"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends docker-compose; } >/dev/null 2>&1 && exit 0
fi
echo "· The stack needs compose: install docker-compose, or the compose plugin of Docker."
exit 1
