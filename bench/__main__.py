"""make bench: all parts one after the other, or those that are named, or those that know an option that is given.

python -m bench                                  boxes, live, whole, growth
python -m bench live whole                       these two
python -m bench --seconds 5 --jobs 1,50          live: nothing else knows these
"""

import subprocess
import sys

PARTS = {
    "boxes": ("--rounds",),
    "live": ("--seconds", "--jobs", "--watchers", "--sockets", "--only"),
    "whole": ("--chunks", "--rate", "--stops"),
    "growth": ("--sizes", "--events"),
}


def split(words: list[str]) -> dict[str, list[str]]:
    """{part: its options}. Raises SystemExit for a word that no part knows."""
    chosen: dict[str, list[str]] = {}
    words = [piece for word in words for piece in word.split("=", 1)]
    while words:
        word = words.pop(0)
        if word in PARTS:
            chosen.setdefault(word, [])
            continue
        knows = next((part for part, options in PARTS.items() if word in options), None)
        if knows is None or not words:
            raise SystemExit(f"No part of the bench knows {word!r}.\n\n{__doc__}")
        chosen.setdefault(knows, []).extend([word, words.pop(0)])
    return chosen or {part: [] for part in PARTS}


def main() -> int:
    worst = 0
    for part, options in split(sys.argv[1:]).items():
        print(f"\n## {part}\n", flush=True)
        worst = max(
            worst, subprocess.run([sys.executable, "-m", f"bench.{part}", *options], check=False).returncode
        )
    return worst


if __name__ == "__main__":
    sys.exit(main())
