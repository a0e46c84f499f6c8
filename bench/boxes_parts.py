"""What bench.boxes measures: one method a case, each of which gives what it measured by the name of its row."""

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from sandbox import Limits, Source
from sandbox.docker_engine import DockerEngine
from sandbox.engine import Engine
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
    {"main.py": b"import time\nfor _ in range(100):\n    print(time.monotonic_ns())\n    time.sleep(.002)"},
)  # fmt: skip
FLOOD = Source(
    "python", ("python3", "main.py"),
    {"main.py": b"import os\nblock = b'0123456789abcde\\n' * 4096\nfor _ in range(512):\n    os.write(1, block)"},
)  # fmt: skip


FLOOD_BYTES = 16 * 4096 * 512


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


BARE = "bare python3 -c print(1)"
Found = dict[str, list[float]]  # by row: seconds; MB or MB/s where its name begins with that


class Boxes:
    """`pool` is warm, `engine` opens a box for each run."""

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

    def bare(self) -> Found:
        return {BARE: [bare()]}

    def fork(self) -> Found:
        whole, first = self._warm(ONE)
        return {"pool hit, fork: all": [whole], "pool hit, fork: first output": [first]}

    def fork_leaves(self) -> Found:
        return {"pool hit, fork: with an artifact": [self._warm(LEAVES)[0]]}

    def exec_(self) -> Found:
        whole, first = self._warm(ONE, "exec")
        return {"pool hit, exec: all": [whole], "pool hit, exec: first output": [first]}

    def exec_leaves(self) -> Found:
        return {"pool hit, exec: with an artifact": [self._warm(LEAVES, "exec")[0]]}

    def plot(self) -> Found:
        return {"plot, fork": [self._warm(PLOT)[0]]}

    def plot_cold_import(self) -> Found:
        return {"plot, cold import": [self._warm(PLOT, "exec")[0]]}

    def miss(self) -> Found:
        return {"miss: a box opened for the run": [timed(lambda: self.engine.run(ONE, limits=TOOL))]}

    def pool_run(self) -> Found:
        """What a caller of the library waits for: the whole of Pool.run, and the next box may be begun beside it."""
        self.pool.wait_ready("python", TOOL)
        hits = self.pool.hits
        took = timed(lambda: self.pool.run(ONE, limits=TOOL))
        if self.pool.hits == hits:
            raise SystemExit("no box stood ready")
        return {"pool hit: pool.run, as callers call it": [took]}

    def cancel(self) -> Found:
        """From the stop to the outcome, of a program that runs."""
        heard = threading.Event()
        self.pool.wait_ready("python", TOOL)
        took = stopped(
            lambda stop: self.pool.run(
                STOPPED, limits=TOOL, cancelled=stop, on_output=lambda *_: heard.set()
            ),
            heard, 0.05,
        )  # fmt: skip
        return {"cancel: stop to outcome": [took]}

    def cancel_miss(self) -> Found:
        """The same while a box is opened for the run, at any moment of that."""
        began = threading.Event()
        began.set()
        took = stopped(lambda stop: self.engine.run(STOPPED, limits=TOOL, cancelled=stop), began, 0.25)
        return {"cancel on a miss": [took]}

    def cancel_nearly(self) -> Found:
        """The same while the run waits for a browser that is just being made."""
        limits, source = look.limits(), Source("browser", ("sleep", "60"))
        fit, began = Fit.of(source, limits).warmed(), threading.Event()
        self.pool.wait_ready("browser", limits)
        if box := self.pool._take(fit, threading.Event()):
            self.engine.discard_beside(box)
        with self.pool._news:
            self.pool._news.wait_for(lambda: self.pool._stock.opening == fit, 60)
        began.set()
        took = stopped(lambda stop: self.pool.run(source, limits=limits, cancelled=stop), began, 0.5)
        return {"cancel while a browser is made": [took]}

    def stream(self) -> Found:
        """From the program's write to our hearing of it, of 100 lines: box and host share one monotonic clock."""
        late: list[float] = []

        def hear(_: str, text: str) -> None:
            now = time.monotonic_ns()
            late.extend((now - int(line)) / 1e9 for line in text.split() if line.isdigit())

        self.pool.wait_ready("python", TOOL)
        self.pool.run(LINES, limits=TOOL, on_output=hear)
        return {"stream: one line": late}

    def relay(self) -> Found:
        """MB/s of 33 MB from a program through the runner and the engine to the host, from its first output to its last."""
        heard, taken = [], []

        def hear(_: str, text: str) -> None:
            heard.append(time.perf_counter())
            taken.append(len(text))

        self.engine.run(FLOOD, limits=Limits(time_s=60.0, output_bytes=200 * MIB), on_output=hear)
        if sum(taken) != FLOOD_BYTES:
            raise SystemExit(f"a flood of {FLOOD_BYTES} bytes came as {sum(taken)}")
        return {"MB/s relay": [sum(taken[1:]) / 1e6 / (heard[-1] - heard[0])]}

    def parser(self) -> Found:
        """MB/s of the host's parser alone."""
        inner = frame(b"o", b"x" * 32_000)
        block = (b"\x01\0\0\0" + len(inner).to_bytes(4, "big") + inner) * 8
        reader, seen, began = Frames(), 0, time.perf_counter()
        while seen < 100_000_000:
            seen += sum(len(payload) for _, payload in reader.feed(block))
        return {"MB/s parser": [seen / 1e6 / (time.perf_counter() - began)]}

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

    def check_warm(self) -> Found:
        return {"browser check, brief, warm": [self._check(self._page(brief=True))]}

    def check_cold(self) -> Found:
        return {"browser check, brief, cold": [self._look(self.engine, self._page(brief=True))]}

    def check_whole(self) -> Found:
        """As the product makes it: axe, words that are cut off, phone and desk, pictures and films as well."""
        return {"browser check, whole, warm": [self._check(self._page(brief=False))]}

    def _page(self, *, brief: bool) -> Source:
        """A look at a page with one button and one check on it."""
        html = "<!doctype html><html lang=en><title>t</title><p id=c>0</p><button onclick='c.textContent=1'>Go</button>"
        steps = [{"do": "click", "target": {"role": "button", "name": "Go"}}]
        one = {"id": "a", "steps": steps, "expect": [{"see": "text", "target": {"css": "#c"}, "is": "1"}]}
        return look.source(bundle({"index.html": html}), [one], brief=brief)

    def _check(self, source: Source) -> float:
        if not self.pool.wait_ready("browser", look.limits()):
            raise SystemExit("no browser became ready within a minute")
        hits = self.pool.hits
        took = self._look(self.pool, source)
        if self.pool.hits == hits:
            raise SystemExit("no browser stood ready")
        return took

    def _look(self, engine: Engine, source: Source) -> float:
        began = time.perf_counter()
        outcome = engine.run(source, limits=look.limits())
        took = time.perf_counter() - began
        if not outcome.ok:
            raise SystemExit(f"a look failed: {outcome}")
        return took


def memory_kb(line: str) -> int:
    """Of this process: VmRSS now, VmHWM at its peak."""
    for found in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if found.startswith(f"{line}:"):
            return int(found.split()[1])
    return 0
