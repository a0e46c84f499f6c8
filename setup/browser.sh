#!/usr/bin/env bash
# Chromium for the journey tests, from Debian's packages where it is missing.
set -u
command -v chromium >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "· Installing chromium for the browser tests (once)"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core; } >/dev/null 2>&1 && exit 0
fi
echo "· The browser tests need Chromium: install it as /usr/bin/chromium (package chromium)."
exit 1
