#!/usr/bin/env bash
# Installs a lock file into .venv and counts along. pip's own chatter goes to a file and is shown when it failed only.
# $1: the lock file. $2: what these packages are for, as a few words after "Python packages".
set -u
cd "$(dirname "$0")/.." || exit 1
LOCK="$1"
WHAT="· Python packages$2 (once)"
TOTAL=$(grep -c '^[A-Za-z0-9].*==' "$LOCK")
LOG=$(mktemp) || exit 1
trap 'rm -f "$LOG"' EXIT

count_along() {
  local seen=0 line
  while IFS= read -r line; do
    case "$line" in
      "Collecting "* | "Requirement already satisfied: "*) seen=$((seen + 1)); printf '\r%s: %s of %s' "$WHAT" "$seen" "$TOTAL" ;;
      "Installing collected "*) printf '\r%s: putting %s in place' "$WHAT" "$TOTAL" ;;
    esac
  done
  printf '\r\033[K%s\n' "$WHAT"
}
quietly() { cat >/dev/null; }

show=quietly
if [ -t 1 ]; then show=count_along; else echo "$WHAT"; fi
.venv/bin/python -m pip install --disable-pip-version-check --no-color --progress-bar off --require-hashes -r "$LOCK" 2>&1 \
  | tee "$LOG" | "$show"
code=${PIPESTATUS[0]}
[ "$code" = 0 ] || { echo "· pip could not install the packages of $LOCK:"; grep -v '^WARNING' "$LOG" | tail -n 12; }
exit "$code"
