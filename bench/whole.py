"""make bench (the whole way): from a model's stream to a browser's socket, beside the raw SDK that reads the same stream.

    python -m bench.whole [--chunks 500] [--rate 100] [--stops 10]

A played model sends `rate` chunks a second. Read by: the openai SDK alone, which nothing can beat; and the product as
people start it (`manage.py serve`): a form is posted, the Job asks the model, the log is written, a socket has it. Then
Stop: from the post to the moment at which the model's server sees its line closed.
"""

import argparse
import asyncio
import http.cookiejar
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path

from bench.boxes import machine
from bench.process import ROOT, cpu_s, memory_kb
from bench.wire import Seen, open_socket
from tests.journeys.served import Served

MODEL = "played"


class Played:
    """The model's process."""

    def __init__(self, rate: float, chunks: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.played", str(rate), str(chunks)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )  # fmt: skip
        self.url = self.line()

    def line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()


RAW = """
import asyncio, json, sys, time, resource
import openai
from bench.wire import Seen
seen = Seen()
async def main():
    async with openai.AsyncOpenAI(base_url=sys.argv[1], api_key="none") as client:
        stream = await client.chat.completions.create(model="played", stream=True, messages=[{"role": "user", "content": "x"}])
        before = time.process_time()
        async for chunk in stream:
            if chunk.choices and chunk.choices[0].delta.content:
                seen.text(chunk.choices[0].delta.content)
        print(json.dumps({"late": seen.late, "cpu": time.process_time() - before, "frames": len(seen.numbers)}))
asyncio.run(main())
"""


def raw(url: str, chunks: int) -> "Read":
    ran = subprocess.run(
        [sys.executable, "-c", RAW, url], cwd=ROOT, capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    told = json.loads(ran.stdout)
    return Read("raw openai SDK", told["late"], told["cpu"], chunks, chunks - told["frames"], told["frames"])


class Read:
    def __init__(self, name: str, late: list[float], cpu: float, sent: int, lost: int, frames: int) -> None:
        self.name, self.late, self.cpu, self.sent, self.lost, self.frames = name, late, cpu, sent, lost, frames

    @property
    def first_ms(self) -> float:
        return self.late[0] * 1000

    def row(self, base: "Read") -> str:
        late = sorted(self.late)
        p50, p99 = late[len(late) // 2] * 1000, late[int(len(late) * 0.99)] * 1000
        cost = 1e6 * self.cpu / self.sent
        cells = [
            self.name, str(self.sent), str(self.lost), f"{self.first_ms:.0f}", f"{p50:.1f}", f"{p99:.1f}", f"{cost:.0f}",
            f"{self.cpu / base.cpu:.2f}", str(self.frames),
        ]  # fmt: skip
        return "| " + " | ".join(cells) + " |"


HEAD = "| read by | chunks | lost | first ms | p50 ms | p99 ms | CPU µs a chunk | × raw SDK | frames |\n|---|---|---|---|---|---|---|---|---|"


class Visitor:
    """A browser's side of the form, without a browser."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self.jar = http.cookiejar.CookieJar()
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar)).open

    def get(self, path: str) -> str:
        with self._open(self._served.url + path, timeout=30) as reply:
            return str(reply.read().decode())

    def post(self, path: str, csrf: str, **fields: str) -> tuple[str, str]:
        """(address, page) where it led to."""
        data = urllib.parse.urlencode({"csrfmiddlewaretoken": csrf, **fields}).encode()
        request = urllib.request.Request(self._served.url + path, data, {"Origin": self._served.url})
        with self._open(request, timeout=30) as reply:
            return reply.geturl(), reply.read().decode()

    def describe(self, words: str) -> str:
        """The page of the program."""
        home = self.get("/")
        fields = dict(re.findall(r'name="(once|csrfmiddlewaretoken)" value="([^"]+)"', home))
        csrf = fields.pop("csrfmiddlewaretoken")
        return self.post(
            "/programs/", csrf, description=words, shape="page", autonomy="make", effort="quick", **fields
        )[1]

    def headers(self) -> dict[str, str]:
        cookies = "; ".join(f"{one.name}={one.value}" for one in self.jar)
        return {"Host": f"localhost:{self._served.port}", "Origin": self._served.url, "Cookie": cookies}


async def whole(served: Served, chunks: int) -> Read:
    visitor, seen = Visitor(served), Seen()
    assert served.process
    pid = served.process.pid
    page = await asyncio.to_thread(visitor.describe, "A page that is only there to be measured")
    live = re.search(r'data-live="([^"]+)"', page)
    assert live, page[:2000]
    socket = await open_socket(
        served.port, live[1].replace("&amp;", "&"), visitor.headers(), seen.text, acks=True
    )
    while not seen.numbers:
        await asyncio.sleep(0.001)
    cpu = cpu_s(pid)
    until = time.monotonic() + 60
    while seen.lost(chunks) > 0 and time.monotonic() < until:
        await asyncio.sleep(0.01)
    used = cpu_s(pid) - cpu
    socket.transport.abort()
    return Read("vibe, one process", seen.late, used, chunks, seen.lost(chunks), seen.frames)


def stop_ms(served: Served, played: Played) -> float:
    """From the post of Stop to the model's server seeing that its line is closed."""
    visitor = Visitor(served)
    page = visitor.describe("A page that is stopped while it is being written")
    job, csrf = re.search(r'data-job="(\d+)"', page), re.search(r'data-csrf="([^"]+)"', page)
    assert job
    assert csrf
    time.sleep(1.5)  # until it is in the middle
    began = time.monotonic()
    visitor.post(f"/jobs/{job[1]}/stop/", csrf[1])
    return (float(played.line()) - began) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.whole", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--chunks", type=int, default=500, help="chunks of one stream (500)")
    parser.add_argument("--rate", type=float, default=100.0, help="chunks a second (100)")
    parser.add_argument("--stops", type=int, default=10, help="how often Stop is tried (10)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="vibe-bench-"))
    played = Played(options.rate, options.chunks)
    served = Served(folder / "var", OPENAI_BASE_URL=played.url, VIBE_MODEL=MODEL, OPENAI_API_KEY="none-needed")
    print(f"{machine()}; {options.rate:.0f} chunks a second\n\n{HEAD}", flush=True)
    try:
        base = raw(played.url, options.chunks)
        print(base.row(base), flush=True)
        served.start()
        asyncio.run(whole(served, options.chunks))  # what is only done once is done
        read = asyncio.run(whole(served, options.chunks))
        print(read.row(base), flush=True)
        assert served.process
        print(f"\nMemory of the process: {memory_kb(served.process.pid) / 1024:.0f} MB.")
        if options.stops:
            took = sorted(stop_ms(served, played) for _ in range(options.stops))
            print(
                f"Stop → the model’s line is closed: p50 {took[len(took) // 2]:.0f} ms, longest {took[-1]:.0f} ms."
            )
    finally:
        if served.process:
            served.stop()
        played.end()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
