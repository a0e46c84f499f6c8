"""make bench (growth): what pages, memory and idle work cost as programs, cards and events grow. Ratios to the smallest.

    python -m bench.growth [--sizes 10,100,1000,10000] [--events 0] [--sockets 0]

One person owns it all, which is the worst case: N programs, each with a version, a card and a Job of twenty events.
Pages and making run apart (`manage.py web` and `work`, Redis, SQLite), as processes of their own. Every page is asked
for over HTTP; its queries are counted in another process on the same database. `--events` and `--sockets` (a million
and 3,000 in `make soak`) add one log and many listeners.
"""

import argparse
import asyncio
import http.client
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.boxes import machine
from bench.process import NO_LIMITS, ROOT, Told, cpu_s, memory_kb
from bench.wire import Seen, open_socket
from tests.journeys.served import environment, free_port
from tests.services import Redis

ROUNDS = 7
IDLE_S = 6.0


class Parts:
    """Pages and making apart."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.redis = Redis()
        self.redis.start()
        self.log = folder / "log"
        self.env = environment(
            folder / "var",
            VIBE_PORT=str(self.port),
            REDIS_URL=self.redis.url,
            DJANGO_SETTINGS_MODULE="vibe.settings",
            **NO_LIMITS,
        )
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"], cwd=ROOT, env=self.env, check=True
        )
        self.seeder = Told("-m", "bench.growth_parts", env=self.env, log=self.log)
        self.seeder.hear()
        self.web: subprocess.Popen[bytes] | None = None
        self.work: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Afresh for each size, so that memory is that size's own."""
        with self.log.open("a") as log:
            self.web = subprocess.Popen(
                [sys.executable, "manage.py", "web"], cwd=ROOT, env=self.env, stdout=log, stderr=log
            )
            self.work = subprocess.Popen(
                [sys.executable, "manage.py", "work"], cwd=ROOT, env=self.env, stdout=log, stderr=log
            )
        until = time.monotonic() + 60
        while True:
            try:
                self.get("/healthz", {})
                break
            except OSError:
                assert time.monotonic() < until, self.log.read_text()[-3000:]
                time.sleep(0.1)
        time.sleep(4.0)  # until the first housekeeping is done with

    def stop(self) -> None:
        for process in (self.web, self.work):
            if process:
                process.terminate()
                process.wait(20)
        self.web = self.work = None

    def end(self) -> None:
        self.stop()
        self.seeder.end()
        self.redis.close()

    def get(self, path: str, cookies: dict[str, str]) -> float:
        """Seconds until the page was here."""
        line = http.client.HTTPConnection("localhost", self.port, timeout=60)
        began = time.perf_counter()
        line.request("GET", path, headers={"Cookie": "; ".join(f"{k}={v}" for k, v in cookies.items())})
        reply = line.getresponse()
        reply.read()
        took = time.perf_counter() - began
        line.close()
        assert reply.status == 200, (path, reply.status)
        return took


def at_size(parts: Parts, size: int) -> dict[str, Any]:
    parts.stop()  # while it grows, the database has one writer
    told = parts.seeder.ask(grow=size)
    parts.start()
    assert parts.web
    assert parts.work
    cookies, took = {"sessionid": told["session"]}, {}
    for path in told["pages"].values():
        parts.get(path, cookies)
    before = cpu_s(parts.web.pid)
    for name, path in told["pages"].items():
        took[name] = statistics.median(parts.get(path, cookies) for _ in range(ROUNDS))
    busy = cpu_s(parts.web.pid) - before
    idle = {"web": cpu_s(parts.web.pid), "worker": cpu_s(parts.work.pid)}
    time.sleep(IDLE_S)
    return {
        "ms": {name: value * 1000 for name, value in took.items()},
        "queries": told["queries"],
        "web MB": memory_kb(parts.web.pid) / 1024,
        "worker MB": memory_kb(parts.work.pid) / 1024,
        "CPU ms a page": 1000 * busy / (ROUNDS * len(took)),
        "web at rest %": 100 * (cpu_s(parts.web.pid) - idle["web"]) / IDLE_S,
        "worker at rest %": 100 * (cpu_s(parts.work.pid) - idle["worker"]) / IDLE_S,
    }


def table(found: dict[int, dict[str, Any]]) -> str:
    sizes = list(found)
    first = found[sizes[0]]
    rows = ["| | " + " | ".join(f"{size} programs" for size in sizes) + " |", "|---" * (len(sizes) + 1) + "|"]
    for page in first["ms"]:
        cells = [
            f"{found[s]['ms'][page]:.0f} ms ({found[s]['ms'][page] / first['ms'][page]:.1f}×), {found[s]['queries'][page]} queries"
            for s in sizes
        ]
        rows.append(f"| {page} | " + " | ".join(cells) + " |")
    for name in ("CPU ms a page", "web MB", "worker MB", "web at rest %", "worker at rest %"):
        rows.append(
            f"| {name} | "
            + " | ".join(f"{found[s][name]:.1f} ({found[s][name] / max(0.1, first[name]):.1f}×)" for s in sizes)
            + " |"
        )
    return "\n".join(rows)


async def replay(parts: Parts, told: dict[str, Any], events: int, sockets: int) -> list[str]:
    assert parts.web
    headers = {
        "Host": f"localhost:{parts.port}",
        "Origin": f"http://localhost:{parts.port}",
        "Cookie": f"sessionid={told['session']}",
    }
    lines = []
    if events:
        memory, seen, began = memory_kb(parts.web.pid), Seen(), time.monotonic()
        one = await open_socket(
            parts.port, f"/live/jobs/{told['long']}/?after=0&format=json", headers, seen.text, acks=True
        )
        while seen.lost(events // 100) and time.monotonic() - began < 300:
            await asyncio.sleep(0.05)
        took, grown = time.monotonic() - began, (memory_kb(parts.web.pid) - memory) / 1024
        one.transport.abort()
        line = f"A log of {events // 100} events among {events} was read again in {took:.1f} s: {seen.lost(events // 100)} lost, "
        lines.append(line + f"{seen.doubled} doubled, the web process grew by {grown:.0f} MB.")
    if sockets:
        memory, open_ = memory_kb(parts.web.pid), []
        for at in range(0, len(told["open"]), 50):
            group = told["open"][at : at + 50]
            open_ += await asyncio.gather(
                *(
                    open_socket(parts.port, f"/live/jobs/{job}/?after=0", headers, lambda _: None)
                    for job in group
                )
            )
        await asyncio.sleep(3.0)
        cpu = cpu_s(parts.web.pid)
        await asyncio.sleep(IDLE_S)
        idle = 100 * (cpu_s(parts.web.pid) - cpu) / IDLE_S
        each = (memory_kb(parts.web.pid) - memory) / len(open_)
        page = parts.get("/shelf/", {"sessionid": told["session"]})
        still = sum(not one.closed.done() for one in open_)
        for one in open_:
            one.transport.abort()
        lines.append(
            f"{len(open_)} sockets, of which {still} stayed open: {each:.1f} KB each, {idle:.0f} % of a core at rest; "
            f"the shelf came in {page * 1000:.0f} ms beside them."
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--sizes", default="10,100,1000,10000", help="programs (10,100,1000,10000)")
    parser.add_argument(
        "--events", type=int, default=0, help="events in the log besides (0; a million in make soak)"
    )
    parser.add_argument("--sockets", type=int, default=0, help="sockets on as many Jobs (0; 3000 in make soak)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="vibe-bench-"))
    parts = Parts(folder)
    try:
        print(f"{machine()}\n", flush=True)
        found = {int(size): at_size(parts, int(size)) for size in options.sizes.split(",")}
        print(table(found), flush=True)
        if options.events or options.sockets:
            parts.stop()
            told = parts.seeder.ask(events=options.events, jobs=options.sockets)
            parts.start()  # afresh: what big pages once took would hide what sockets take
            for line in asyncio.run(replay(parts, told, options.events, options.sockets)):
                print(f"\n{line}")
    finally:
        parts.end()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
