"""make bench (the boxes): what a fresh sealed box costs, as ratios to a bare `python3 -c 'print(1)'` of the same minute.

    python -m bench.boxes [--rounds 30] [--slow 30] [--json]

All cases of a round run one after the other in a random order, so that what else the machine does falls on all alike.
Milliseconds are this machine's; the ratio is what can be compared. A pool hit is only measured when a box stands ready,
and never while the next one is being made.
"""

import argparse
import json
import os
import platform
import random
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import date
from pathlib import Path

from sandbox import Limits, Source
from sandbox.docker_engine import DockerEngine
from sandbox.frames import Frames, frame
from sandbox.limits import MIB
from sandbox.outcome import Outcome
from sandbox.pool import Pool
from sandbox.sealing import Fit
from sandbox.talk import Talk
from vibe.generation import look
from vibe.generation.bundle import bundle

TOOL = Limits(time_s=20.0)
ONE = Source("python", ("python3", "main.py"), {"main.py": b"print(1)"})
LEAVES = Source(
    "python", ("python3", "main.py"), {"main.py": b"print(1)\nopen('out/a.txt', 'w').write('x' * 10000)"}
)
PLOT_CODE = (
    b"import matplotlib.pyplot as plt\nimport numpy, pandas\n"
    b"pandas.DataFrame({'a': numpy.arange(9)}).plot()\nplt.savefig('out/a.png')"
)
PLOT = Source("python", ("python3", "main.py"), {"main.py": PLOT_CODE})
STOPPED = Source("python", ("python3", "main.py"), {"main.py": b"import time\nprint(1)\ntime.sleep(60)"})
LINES = Source(
    "python", ("python3", "main.py"),
    {"main.py": b"import time\nfor _ in range(200):\n    print(time.monotonic_ns())\n    time.sleep(.002)"},
)  # fmt: skip
FLOOD = Source(
    "python", ("python3", "main.py"),
    {"main.py": b"import os\nblock = b'0123456789abcde\\n' * 4096\nfor _ in range(1600):\n    os.write(1, block)"},
)  # fmt: skip


def timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def bare() -> float:
    return timed(lambda: subprocess.run([sys.executable, "-c", "print(1)"], stdout=subprocess.PIPE, check=True))


def stopped(run: Callable[[threading.Event], Outcome], when: threading.Event, within_s: float) -> float:
    """From a stop, at most `within_s` after `when`, to the outcome of `run`."""
    stop, at = threading.Event(), [0.0]

    def press() -> None:
        when.wait(20)
        time.sleep(random.uniform(0, within_s))
        at[0] = time.perf_counter()
        stop.set()

    presser = threading.Thread(target=press)
    presser.start()
    outcome = run(stop)
    ended = time.perf_counter()
    presser.join()
    if outcome.ended != "cancelled":
        raise SystemExit(f"a run was not stopped: {outcome}")
    return ended - at[0]


class Boxes:
    """The cases. Each gives seconds; `pool` is warm, `engine` opens a box for each run."""

    def __init__(self) -> None:
        self.engine = DockerEngine(f"bench-{os.getpid()}")
        self.pool = Pool(self.engine, ready=1)

    def _warm(self, source: Source, how: str = "any", **more: object) -> tuple[float, float]:
        """(end with its artifacts, first output) of a run in a box that stood ready."""
        if not self.pool.wait_ready(source.image, TOOL):
            raise SystemExit("no box became ready within a minute")
        box = self.pool._take(Fit.of(source, TOOL).warmed(), threading.Event())
        if box is None:
            raise SystemExit("the ready box was gone")
        first: list[float] = []
        with self.pool._news:  # the next one is made afterwards, not beside
            began = time.perf_counter()
            talk = Talk(
                box, source, TOOL, how=how, on_output=lambda *_: first or first.append(time.perf_counter())
            )  # type: ignore[arg-type]
            outcome = talk.outcome()
            ended = time.perf_counter()
        self.engine.discard_beside(box)
        if not outcome.ok:
            raise SystemExit(f"a run failed: {outcome}")
        return ended - began, (first[0] if first else ended) - began

    def fork(self) -> float:
        return self._warm(ONE)[0]

    def fork_first(self) -> float:
        return self._warm(ONE)[1]

    def fork_leaves(self) -> float:
        return self._warm(LEAVES)[0]

    def exec_(self) -> float:
        return self._warm(ONE, "exec")[0]

    def exec_first(self) -> float:
        return self._warm(ONE, "exec")[1]

    def exec_leaves(self) -> float:
        return self._warm(LEAVES, "exec")[0]

    def plot(self) -> float:
        return self._warm(PLOT)[0]

    def plot_cold_import(self) -> float:
        return self._warm(PLOT, "exec")[0]

    def miss(self) -> float:
        return timed(lambda: self.engine.run(ONE, limits=TOOL))

    def pool_run(self) -> float:
        """What a caller of the library waits for: the whole of Pool.run, and the next box may be begun beside it."""
        self.pool.wait_ready("python", TOOL)
        hits = self.pool.hits
        took = timed(lambda: self.pool.run(ONE, limits=TOOL))
        if self.pool.hits == hits:
            raise SystemExit("no box stood ready")
        return took

    def cancel(self) -> float:
        """From the stop to the outcome, of a program that runs."""
        heard = threading.Event()
        self.pool.wait_ready("python", TOOL)
        return stopped(
            lambda stop: self.pool.run(
                STOPPED, limits=TOOL, cancelled=stop, on_output=lambda *_: heard.set()
            ),
            heard, 0.05,
        )  # fmt: skip

    def cancel_miss(self) -> float:
        """The same while a box is opened for the run, at any moment of that."""
        began = threading.Event()
        began.set()
        return stopped(lambda stop: self.engine.run(STOPPED, limits=TOOL, cancelled=stop), began, 0.25)

    def cancel_nearly(self) -> float:
        """The same while the run waits for a browser that is just being made."""
        limits, source = look.limits(), Source("browser", ("sleep", "60"))
        fit, began = Fit.of(source, limits).warmed(), threading.Event()
        self.pool.wait_ready("browser", limits)
        if box := self.pool._take(fit, threading.Event()):
            self.engine.discard_beside(box)
        with self.pool._news:
            self.pool._news.wait_for(lambda: self.pool._stock.opening == fit, 60)
        began.set()
        return stopped(lambda stop: self.pool.run(source, limits=limits, cancelled=stop), began, 0.5)

    def stream(self) -> list[float]:
        """From the program's write to our hearing of it, of 200 lines: box and host share one monotonic clock."""
        late: list[float] = []

        def hear(_: str, text: str) -> None:
            now = time.monotonic_ns()
            late.extend((now - int(line)) / 1e9 for line in text.split() if line.isdigit())

        self.pool.wait_ready("python", TOOL)
        self.pool.run(LINES, limits=TOOL, on_output=hear)
        return late

    def relay(self) -> float:
        """MB/s of 100 MB from a program through the runner and the engine to the host."""
        wide = Limits(time_s=60.0, output_bytes=200 * MIB)
        began = time.perf_counter()
        self.engine.run(FLOOD, limits=wide)
        return 104.8576 / (time.perf_counter() - began)

    def parser(self) -> float:
        """MB/s of the host's parser alone."""
        inner = frame(b"o", b"x" * 32_000)
        block = (b"\x01\0\0\0" + len(inner).to_bytes(4, "big") + inner) * 8
        reader, seen, began = Frames(), 0, time.perf_counter()
        while seen < 100_000_000:
            seen += sum(len(payload) for _, payload in reader.feed(block))
        return seen / 1e6 / (time.perf_counter() - began)

    def grown(self) -> float:
        """MB that this process grows by, at most, while the parser passes a flood of 100 MB (Linux, proc(5))."""
        Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
        before = memory_kb("VmRSS")
        self.parser()
        return max(0, memory_kb("VmHWM") - before) / 1024

    def idle(self, image: str, *, warm: bool) -> float:
        """MB in the cgroup of a box that waits, once it is ready. What it shares with others is the first one's."""
        fit = Fit.of(Source(image, ()), look.limits() if image == "browser" else TOOL)
        box = self.engine.open(fit.warmed() if warm else fit, lasts_s=60)
        try:
            if not box.ready(time.monotonic() + 60):
                raise SystemExit(f"no box of {image} became ready")
            used = self.engine.client.api.stats(box.id, stream=False)["memory_stats"]["usage"]
            return float(used) / 1e6
        finally:
            self.engine.discard(box)

    def check(self, *, warm: bool) -> float:
        """A brief look at a page with one button and one check on it."""
        html = "<!doctype html><html lang=en><title>t</title><p id=c>0</p><button onclick='c.textContent=1'>Go</button>"
        steps = [{"do": "click", "target": {"role": "button", "name": "Go"}}]
        one = {"id": "a", "steps": steps, "expect": [{"see": "text", "target": {"css": "#c"}, "is": "1"}]}
        source = look.source(bundle({"index.html": html}), [one], brief=True)
        if not warm:
            return timed(lambda: self.engine.run(source, limits=look.limits()))
        self.pool.wait_ready("browser", look.limits())
        hits = self.pool.hits
        took = timed(lambda: self.pool.run(source, limits=look.limits()))
        if self.pool.hits == hits:
            raise SystemExit("no browser stood ready")
        return took


ROUND = {
    "bare python3 -c print(1)": "bare",
    "pool hit, fork: all": "fork",
    "pool hit, fork: first output": "fork_first",
    "pool hit, fork: with an artifact": "fork_leaves",
    "pool hit, exec: all": "exec_",
    "pool hit, exec: first output": "exec_first",
    "pool hit, exec: with an artifact": "exec_leaves",
    "pool hit: pool.run, as callers call it": "pool_run",
    "miss: a box opened for the run": "miss",
    "cancel: stop to outcome": "cancel",
    "cancel on a miss": "cancel_miss",
    "MB/s relay": "relay",
    "MB/s parser": "parser",
}
IDLE = {
    "MB idle box, plain": ("python", False),
    "MB idle box, python, libraries loaded": ("python", True),
    "MB idle box, node": ("node", True),
    "MB idle box, native": ("native", True),
    "MB idle box, browser, Chromium started": ("browser", True),
}
SLOW = {
    "plot, fork": "plot",
    "plot, cold import": "plot_cold_import",
    "cancel while a browser is made": "cancel_nearly",
}


def measure(rounds: int, slow: int) -> dict[str, list[float]]:
    boxes, found = Boxes(), defaultdict(list)
    try:
        boxes.fork(), boxes.miss()  # once for all that is done once
        for number in range(rounds):
            cases = list(ROUND.items()) + (list(SLOW.items()) if number < slow else [])
            random.shuffle(cases)
            for name, case in cases:
                found[name].append(bare() if case == "bare" else getattr(boxes, case)())
        for _ in range(max(1, slow // 3)):
            found["stream: one line"] += boxes.stream()
        for _ in range(3):
            found["MB grown by a flood of 100 MB"].append(boxes.grown())
        for name, (image, warm) in IDLE.items():
            found[name] = [boxes.idle(image, warm=warm) for _ in range(3)]
        for _ in range(slow):
            found["browser check, warm"].append(boxes.check(warm=True))
            found["browser check, cold"].append(boxes.check(warm=False))
    finally:
        boxes.pool.close()
    return dict(found)


def memory_kb(line: str) -> int:
    """Of this process: VmRSS now, VmHWM at its peak."""
    for found in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if found.startswith(f"{line}:"):
            return int(found.split()[1])
    return 0


def p95(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.95))]


def table(found: dict[str, list[float]]) -> str:
    """Markdown: n, median and 95th percentile in ms, and both as ratios to the bare process."""
    base = statistics.median(found["bare python3 -c print(1)"])
    rows = ["| case | n | median ms | p95 ms | median × bare | p95 × bare |", "|---|---|---|---|---|---|"]
    for name, values in found.items():
        middle, high = statistics.median(values), p95(values)
        if name.startswith("MB"):
            unit, _, what = name.partition(" ")
            rows.append(f"| {what} | {len(values)} | {middle:.{0 if middle > 20 else 1}f} {unit} | | | |")
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
    parser.add_argument("--rounds", type=int, default=30, help="rounds of the quick cases (30)")
    parser.add_argument("--slow", type=int, default=30, help="rounds of plots and browsers (30)")
    parser.add_argument("--json", action="store_true", help="every single value, in seconds")
    options = parser.parse_args()
    before = machine()
    found = measure(options.rounds, options.slow)
    if options.json:
        print(json.dumps({"machine": before, "host": socket.gethostname(), "values": found}))
        return
    print(f"Before: {before}. After: {machine()}.\n\n{table(found)}")


if __name__ == "__main__":
    main()
