"""What a box costs here, in a minute, for python -m sandbox bench. The full benchmark is bench/boxes.py."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from sandbox.pool import Pool
from sandbox.source import Source

HELLO = Source("python", ("python3", "hello.py"), {"hello.py": b"print(1)"})


def table(runs: int) -> str:
    """Median and 95th percentile in ms of `runs` of each kind, in turns, and the ratio of the medians to a bare process."""
    pool = Pool(ready=1)
    try:
        cases: dict[str, Callable[[], object]] = {
            "a bare python3 -c 'print(1)'": lambda: subprocess.run(
                [sys.executable, "-c", "print(1)"], stdout=subprocess.PIPE, check=True
            ),
            "a fresh box that stood ready": lambda: pool.run(HELLO),
            "a box opened for the run": lambda: pool.engine.run(HELLO),
        }
        for act in cases.values():
            act()  # what is done once is done
        took: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(max(1, runs)):
            for name, act in cases.items():
                pool.wait_ready("python")
                began = time.perf_counter()
                act()
                took[name].append((time.perf_counter() - began) * 1000)
    finally:
        pool.close()
    base = statistics.median(took[next(iter(cases))])
    rows = [f"{'':32}{'median ms':>10}{'p95 ms':>10}{'× bare':>8}"]
    for name, values in took.items():
        high = sorted(values)[min(len(values) - 1, int(len(values) * 0.95))]
        middle = statistics.median(values)
        rows.append(f"{name:32}{middle:10.1f}{high:10.1f}{middle / base:8.2f}")
    return "\n".join(rows)
