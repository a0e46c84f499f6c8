#!/usr/bin/env bash
# Makes .venv with pip in it. Debian's bare python3 leaves a half-made one behind: that is thrown away, and the missing
# package is installed as root, or named in one sentence.
set -u
cd "$(dirname "$0")/.." || exit 1
PYTHON="${PYTHON:-python3}"
VENV="${1:-.venv}"

whole() { "$VENV/bin/python" -m pip --version >/dev/null 2>&1; }
make_it() { rm -rf "$VENV"; "$PYTHON" -m venv "$VENV" >/dev/null 2>&1 && whole; }
say() { echo "· $*"; }

command -v "$PYTHON" >/dev/null || { say "Vibe needs Python 3.11 or newer: install it as $PYTHON, then run this again."; exit 1; }
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
  || { say "Vibe needs Python 3.11 or newer, and $PYTHON is older: set PYTHON to a newer one, then run this again."; exit 1; }
whole && exit 0
make_it && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  say "Installing python3-venv (once)"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv; } >/dev/null 2>&1 && make_it && exit 0
fi
rm -rf "$VENV"
say "Python here cannot make an environment of its own: on Debian and Ubuntu  apt-get install python3-venv , then run this again."
exit 1
