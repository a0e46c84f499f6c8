"""make bench (the live path): what is said by a worker, until a socket has it. Real processes, real sockets.

    python -m bench.live [--seconds 10] [--jobs 1,50,200] [--watchers 1000] [--sockets 1000] [--only words]

Every Job says 40 chunks of some twenty characters a second; a reader on each gets the frames that a browser gets and
acknowledges them like one. Late: from the moment a chunk was said to the moment it was read. CPU: of web, worker, Redis
and PostgreSQL together, per chunk said. Beside it runs the textbook (bench/textbook): one `group_send` a chunk.
Everything runs on this machine, the readers too, so what else it does is part of every figure: the load is printed.
"""

import argparse
import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.boxes import machine
from bench.process import NO_LIMITS, ROOT, Told, cpu_s, memory_kb
from bench.wire import Seen, Socket, open_socket
from tests.journeys.served import environment, free_port
from tests.services import Postgres, Redis, Service

RATE = 40.0
WIRINGS = ("embedded", "Redis + SQLite", "Redis + PostgreSQL", "textbook, Redis", "textbook, in memory")
AT_ONCE = 10  # handshakes: a server lets one go that takes more than five seconds


@dataclass
class Wiring:
    """The processes of one way to run it; `work` is `web` where one process does everything."""

    name: str
    port: int
    web: Told
    work: Told
    services: dict[str, int] = field(default_factory=dict)  # name: process id
    textbook: bool = False

    def cpu(self) -> dict[str, float]:
        pids = {
            "web": self.web.pid,
            **({} if self.work is self.web else {"worker": self.work.pid}),
            **self.services,
        }
        return {name: sum(map(cpu_s, _family(pid))) for name, pid in pids.items()}


def wait_for(port: int, seconds: float = 30.0) -> None:
    """Return when somebody listens there."""
    until = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def _family(pid: int) -> list[int]:
    """A process and its children: PostgreSQL has one for each connection."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


@contextmanager
def wired(name: str, python: str) -> Iterator[Wiring]:
    folder = Path(tempfile.mkdtemp(prefix="vibe-bench-"))
    services: list[Service] = []
    told: list[Told] = []
    port, textbook = free_port(), name.startswith("textbook")
    env = environment(
        folder / "var",
        VIBE_PORT=str(port),
        DJANGO_SETTINGS_MODULE="vibe.settings",
        PYTHONPATH=str(ROOT),
        **NO_LIMITS,
    )
    try:
        if "Redis" in name:
            services.append(Redis())
            env["REDIS_URL"] = services[-1].url  # type: ignore[attr-defined]
        if "PostgreSQL" in name:
            services.append(Postgres())
            services[-1].command = [word.replace("fsync=off", "fsync=on") for word in services[-1].command]
            env["DATABASE_URL"] = services[-1].url  # type: ignore[attr-defined]
        for service in services:
            service.start()
        if textbook:
            env.pop("DJANGO_SETTINGS_MODULE")
        else:
            migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
            subprocess.run(migrate, cwd=ROOT, env=env, check=True)
        parts = ["bench/textbook/app.py"] if textbook else ["-m", "bench.live_parts"]
        for role in ["web", "work"] if "Redis" in name else ["all"]:
            told.append(
                Told(
                    *parts,
                    role,
                    str(port),
                    env=env,
                    log=folder / "log",
                    python=python if textbook else sys.executable,
                )
            )
        for one in told:
            one.hear()
        wait_for(port)
        pids = {type(one).__name__.lower(): one.process.pid for one in services if one.process}
        yield Wiring(name, port, told[0], told[-1], pids, textbook)
    finally:
        for one in told:
            one.end()
        for service in services:
            service.close()
        shutil.rmtree(folder, ignore_errors=True)


async def open_all(wiring: Wiring, seeded: dict, seen: list[tuple[int, Seen]], form: str) -> list[Socket]:
    headers = {
        "Host": f"localhost:{wiring.port}",
        "Origin": f"http://localhost:{wiring.port}",
        "Cookie": f"sessionid={seeded['session']}",
    }
    query = "?after=0" + ("&format=json" if form == "json" else "")
    made: list[Socket] = []
    for at in range(0, len(seen), AT_ONCE):
        opened = await asyncio.gather(
            *(
                open_socket(
                    wiring.port, f"/live/jobs/{job}/{query}", headers, one.text, acks=not wiring.textbook
                )
                for job, one in seen[at : at + AT_ONCE]
            ),
            return_exceptions=True,
        )
        made += [one for one in opened if isinstance(one, Socket)]
        if failed := [one for one in opened if isinstance(one, BaseException)]:
            for one in made:
                one.transport.abort()
            raise failed[0]
    return made


async def settled(seen: list[tuple[int, Seen]], chunks: int, patience_s: float) -> None:
    """Wait until everything was read, or until nothing more came for `patience_s`."""
    last, quiet = -1, time.monotonic()
    while True:
        got = sum(len(one.numbers) for _, one in seen)
        if got != last:
            last, quiet = got, time.monotonic()
        if all(one.lost(chunks) <= 0 for _, one in seen) or time.monotonic() - quiet > patience_s:
            return
        await asyncio.sleep(0.1)


@dataclass
class Result:
    case: str
    form: str
    sent: int  # chunks times readers
    lost: int
    doubled: int
    late: list[float]
    frames: int
    cpu_us: dict[str, float]  # process: microseconds per chunk said
    more: str = ""

    def row(self) -> str:
        late = sorted(self.late) or [float("nan")]
        p50, p99 = late[len(late) // 2] * 1000, late[min(len(late) - 1, int(len(late) * 0.99))] * 1000
        parts = " + ".join(f"{name} {us:.0f}" for name, us in self.cpu_us.items())
        share = f" ({100 * self.lost / self.sent:.0f} %)" if self.lost else ""
        cells = [
            self.case, self.form, f"{self.sent}", f"{self.lost}{share}", f"{self.doubled}", f"{p50:.0f}", f"{p99:.0f}",
            f"{late[-1] * 1000:.0f}", f"{sum(self.cpu_us.values()):.0f}", parts, f"{self.frames}", self.more,
        ]  # fmt: skip
        return "| " + " | ".join(cells) + " |"


HEAD = (
    "| case | frames are | chunks | lost | doubled | p50 ms | p99 ms | max ms | CPU µs a chunk | of which | frames | |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|"
)


async def stream(wiring: Wiring, jobs: int, seconds: float, *, watchers: int = 1, form: str = "html") -> Result:
    """`jobs` Jobs, each read by `watchers`; what it costs and what of it arrives."""
    seeded, chunks = wiring.work.ask(seed=jobs), int(seconds * RATE)
    seen = [(job, Seen()) for job in seeded["jobs"] for _ in range(watchers)]
    idle = memory_kb(wiring.web.pid)
    open_ = await open_all(wiring, seeded, seen, form)
    await asyncio.sleep(1.0)
    each = (memory_kb(wiring.web.pid) - idle) / len(seen)
    before = wiring.cpu()
    wiring.work.tell(say=seeded["jobs"], chunks=chunks, rate=RATE)
    await asyncio.to_thread(wiring.work.hear)
    await settled(seen, chunks, 8.0)
    used = {name: value - before.get(name, 0.0) for name, value in wiring.cpu().items()}
    for one in open_:
        one.transport.abort()
    await asyncio.sleep(0.3)
    said = jobs * chunks
    case = f"{wiring.name}, {jobs} job{'s' if jobs > 1 else ''}"
    more = ""
    if watchers > 1:
        case = f"{wiring.name}, 1 job, {watchers} watchers"
        more = f"{each:.0f} KB a socket at rest, {(memory_kb(wiring.web.pid) - idle) / 1024:.0f} MB more at the end"
    return Result(
        case, "json" if wiring.textbook else form, said * watchers, sum(one.lost(chunks) for _, one in seen),
        sum(one.doubled for _, one in seen), [s for _, one in seen for s in one.late],
        sum(one.frames for _, one in seen), {name: 1e6 * value / said for name, value in used.items()}, more,
    )  # fmt: skip


async def at_rest(wiring: Wiring, count: int) -> str:
    """`count` open sockets on which nothing is said."""
    seeded = wiring.work.ask(seed=count)
    seen = [(job, Seen()) for job in seeded["jobs"]]
    memory, began, cpu = memory_kb(wiring.web.pid), time.monotonic(), cpu_s(wiring.web.pid)
    open_ = await open_all(wiring, seeded, seen, "html")
    took, opened = time.monotonic() - began, cpu_s(wiring.web.pid) - cpu
    await asyncio.sleep(2.0)
    each, cpu = (memory_kb(wiring.web.pid) - memory) / count, cpu_s(wiring.web.pid)
    await asyncio.sleep(5.0)
    idle = (cpu_s(wiring.web.pid) - cpu) / 5
    for one in open_:
        one.transport.abort()
    return (
        f"| {wiring.name} | {count} | {each:.1f} | {memory_kb(wiring.web.pid) / 1024:.0f} | {1000 * opened / count:.1f} "
        f"| {count / took:.0f} | {100 * idle:.1f} % |"
    )


REST = (
    "| at rest | sockets | KB a socket | web MB | CPU ms to open one | opened a second | CPU while nothing is said |\n"
    "|---|---|---|---|---|---|---|"
)


def textbook_python() -> str:
    """The interpreter of an environment with channels_redis, made once; "" where it cannot be had."""
    home = ROOT / "var" / "bench-textbook"
    python = home / "bin" / "python"
    if (home / "ready").exists():
        return str(python)
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True, capture_output=True)
        wanted = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "-r",
            str(ROOT / "bench" / "textbook" / "requirements.txt"),
        ]
        subprocess.run([str(python), *wanted], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    (home / "ready").touch()
    return str(python)


def chosen(only: str) -> list[str]:
    return [name for name in WIRINGS if not only or any(word in name for word in only.split(","))]


def tell(case: Coroutine[Any, Any, Result], name: str) -> None:
    """Print its row; where not all readers could be opened, that."""
    try:
        row = asyncio.run(case).row()
    except ConnectionError as problem:
        row = (
            f"| {name} | its readers could not all be opened ({problem}): the machine has too much else to do |"
        )
    print(row, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.live", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="how long every Job says something (10)")
    parser.add_argument("--jobs", default="1,50,200", help="how many at once (1,50,200)")
    parser.add_argument("--watchers", type=int, default=1000, help="readers of one Job (1000; 0: leave it out)")
    parser.add_argument("--sockets", type=int, default=1000, help="sockets at rest (1000; 0: leave it out)")
    parser.add_argument("--only", default="", help="wirings whose name holds one of these words, by commas")
    options = parser.parse_args()
    python = ""
    names = chosen(options.only)
    if any(name.startswith("textbook") for name in names) and not (python := textbook_python()):
        print("The textbook is left out: its packages (bench/textbook/requirements.txt) cannot be had here.\n")
        names = [name for name in names if not name.startswith("textbook")]
    print(f"{machine()}\n\n{HEAD}", flush=True)
    rest = []
    for name in names:
        with wired(name, python) as wiring:
            for jobs in map(int, options.jobs.split(",")):
                tell(stream(wiring, jobs, options.seconds), f"{name}, {jobs} jobs")
            if options.watchers:
                for form in ["json"] if wiring.textbook else ["html", "json"]:
                    seconds = min(options.seconds, 3.0)
                    readers = stream(wiring, 1, seconds, watchers=options.watchers, form=form)
                    tell(readers, f"{name}, 1 job, {options.watchers} watchers")
            if options.sockets and not wiring.textbook:
                rest.append(asyncio.run(at_rest(wiring, options.sockets)))
    if rest:
        print("\n" + "\n".join([REST, *rest]))
    load = "/".join(f"{part:.1f}" for part in os.getloadavg())
    print(f"\nLoad at the end: {load}.")


if __name__ == "__main__":
    main()
