"""make soak (the boxes): runs with random stops and random kill -9 of the owner; nothing may be left, nothing wrong.

    python -m bench.soak [--runs 1000]

Owners are processes of their own with a pool each; every run has an outcome that is known beforehand. What is held to:
0 boxes of any owner 2 s after its end, 0 wrong outcomes, and an owner that does not grow (its resident memory after the
first quarter of its runs against that at the end, 8 MB of slack). Exit 1 when one of them does not hold.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from sandbox import Limits, Source
from sandbox.docker_engine import DockerEngine
from sandbox.pool import Pool
from sandbox.sealing import LABEL

GROWTH_KB = 8 * 1024
GONE_S = 2.0
CASES: dict[str, tuple[str, str, int | None]] = {  # code, how it ends, exit code
    "prints": ("print('x' * 1000)", "exit", 0),
    "leaves": ("open('out/a', 'wb').write(bytes(100_000))", "exit", 0),
    "fails": ("raise SystemExit(3)", "exit", 3),
    "raises": ("1 / 0", "exit", 1),
    "dies": ("import os; os.kill(os.getpid(), 11)", "signal", None),
    "hangs": ("while True: pass", "timeout", None),
    "floods": ("while True: print('x' * 10_000)", "output_limit", None),
    "forks": ("import os, time\nfor _ in range(9):\n    os.fork() or time.sleep(60)", "exit", 0),
    "stopped": ("import time; time.sleep(60)", "cancelled", None),
}


def own(owner: str, runs: int, seed: int) -> None:
    """In a process of its own: `runs` random runs, one JSON line each."""
    chance, pool = random.Random(seed), Pool(DockerEngine(owner), ready=1)
    for _ in range(runs):
        name = chance.choice(list(CASES))
        code, ended, exit_code = CASES[name]
        stop = threading.Event()
        if name == "stopped":
            threading.Timer(chance.uniform(0, 0.5), stop.set).start()
        outcome = pool.run(
            Source("python", ("python3", "main.py"), {"main.py": code.encode()}),
            limits=Limits(time_s=0.7 if ended == "timeout" else 20.0, output_bytes=200_000), cancelled=stop,
        )  # fmt: skip
        good = (outcome.ended, outcome.code) == (ended, exit_code)
        print(
            json.dumps(
                {"good": good, "case": name, "got": outcome.ended, "code": outcome.code, "kb": resident_kb()}
            ),
            flush=True,
        )
    pool.close()


def resident_kb() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def soak(runs: int) -> int:
    engine, done, wrong, left, killed, grown, number = DockerEngine(), 0, [], 0, 0, 0, 0
    while done < runs:
        number += 1
        share, owner = min(runs - done, 100), f"soak-{os.getpid()}-{number}"
        kill_at = random.randrange(share) if random.random() < 0.7 else None
        with subprocess.Popen(
            [sys.executable, "-m", "bench.soak", "--owner", owner, "--runs", str(share), "--seed", str(number)],
            stdout=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            sizes, seen = [], 0
            for line in process.stdout or ():
                told = json.loads(line)
                seen += 1
                sizes.append(told["kb"])
                wrong += [] if told["good"] else [told]
                if seen == kill_at:
                    time.sleep(random.uniform(0, 0.3))  # in mid-run, wherever that is
                    process.send_signal(signal.SIGKILL)
                    killed += 1
        done += max(seen, 1)
        if len(sizes) == share and share >= 40:
            grown = max(grown, sizes[-1] - sizes[share // 4])
        until = time.monotonic() + GONE_S
        while (there := boxes(engine, owner)) and time.monotonic() < until:
            time.sleep(0.05)
        left += there
        print(
            f"{done} runs, {killed} owners killed, {len(wrong)} wrong, {left} boxes left, grown {grown} KB",
            flush=True,
        )
    for one in wrong[:10]:
        print("wrong:", one)
    return 1 if wrong or left or grown > GROWTH_KB else 0


def boxes(engine: DockerEngine, owner: str) -> int:
    return len(engine.client.api.containers(all=True, filters={"label": f"{LABEL}.owner={owner}"}))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--runs", type=int, default=1000, help="how many (1000)")
    parser.add_argument("--owner", help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.owner:
        own(options.owner, options.runs, options.seed)
        return 0
    return soak(options.runs)


if __name__ == "__main__":
    sys.exit(main())
