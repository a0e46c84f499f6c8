"""make bench (the boxes): what a fresh sealed box costs, as ratios to a bare `python3 -c 'print(1)'` of the same minute.

    python -m bench.boxes [--rounds 30] [--only check] [--json]

All cases of a round run one after the other in a random order, so that what else the machine does falls on all alike.
Milliseconds are this machine's; the ratio is what can be compared. A pool hit is only measured when a box stands ready,
and never while the next one is being made, but for `pool.run`, as it is called. What a waiting box takes and what a
flood leaves in memory come after the rounds: they are no times.
"""

import argparse
import json
import os
import platform
import random
import socket
import statistics
import time
from collections import defaultdict
from datetime import date

from bench.boxes_parts import BARE, Boxes

ROUND = (
    "bare", "fork", "fork_leaves", "exec_", "exec_leaves", "pool_run", "miss", "plot", "plot_cold_import", "stream",
    "cancel", "cancel_miss", "cancel_nearly", "relay", "parser", "check_warm", "check_whole", "check_cold",
)  # fmt: skip
IDLE = {
    "MB idle box, plain": ("python", False),
    "MB idle box, python, libraries loaded": ("python", True),
    "MB idle box, node": ("node", True),
    "MB idle box, native": ("native", True),
    "MB idle box, browser, Chromium started": ("browser", True),
}


def measure(rounds: int, only: str = "") -> dict[str, list[float]]:
    """`only`: beside the bare process, those cases alone whose name begins so."""
    cases = [case for case in ROUND if case == "bare" or case.startswith(only)]
    boxes, found = Boxes(), defaultdict(list)
    try:
        boxes.fork(), boxes.miss()  # once for all that is done once
        for _ in range(rounds):
            for case in random.sample(cases, len(cases)):
                for row, values in getattr(boxes, case)().items():
                    found[row] += values
        for _ in range(0 if only else 3):
            found["MB grown by a flood of 100 MB"].append(boxes.grown())
        for name, (image, warm) in ({} if only else IDLE).items():
            found[name] = [boxes.idle(image, warm=warm) for _ in range(3)]
    finally:
        boxes.pool.close()
    return {BARE: found.pop(BARE), **dict(sorted(found.items()))}


def p95(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.95))]


def table(found: dict[str, list[float]]) -> str:
    """Markdown: n, median and 95th percentile in ms (of MB/s the 5th), and both as ratios to the bare process."""
    base = statistics.median(found[BARE])
    rows = ["| case | n | median ms | p95 ms | median × bare | p95 × bare |", "|---|---|---|---|---|---|"]
    for name, values in found.items():
        middle, high = statistics.median(values), p95(values)
        if name.startswith("MB"):
            unit, _, what = name.partition(" ")
            digits = 0 if middle > 20 else 1
            worst = -p95([-value for value in values]) if unit == "MB/s" else high
            rows.append(
                f"| {what} | {len(values)} | {middle:.{digits}f} {unit} | {worst:.{digits}f} {unit} | | |"
            )
        else:
            rows.append(
                f"| {name} | {len(values)} | {middle * 1000:.2f} | {high * 1000:.2f} | {middle / base:.2f} | {high / base:.2f} |"
            )
    return "\n".join(rows)


def machine() -> str:
    load = "/".join(f"{part:.1f}" for part in os.getloadavg())
    return f"{date.today()}, {os.cpu_count()} cores, {platform.release()}, load {load}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.boxes", description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=30, help="rounds of all cases (30)")
    parser.add_argument("--only", default="", help="the cases whose name begins so: " + " ".join(ROUND))
    parser.add_argument("--json", action="store_true", help="every single value, in seconds")
    options = parser.parse_args()
    before, began = machine(), time.monotonic()
    found = measure(options.rounds, options.only)
    if options.json:
        print(json.dumps({"machine": before, "host": socket.gethostname(), "values": found}))
        return
    print(f"Before: {before}. After: {machine()}, {time.monotonic() - began:.0f} s.\n\n{table(found)}")


if __name__ == "__main__":
    main()
