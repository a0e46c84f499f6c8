"""One life of a box: make ready, take the job, run it, tell of it, leave."""

import json
import os
import resource
import signal
import struct
import time

from .collecting import Collector
from .ending import kill_everything
from .files import BOX, lay, spread
from .kernel import PR_SET_DUMPABLE, counters, full, held, prctl
from .starting import forks, launch, make_ready
from .watching import Watch
from .wire import put, read_exactly


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    prctl(PR_SET_DUMPABLE, 0)  # no ptrace of us and no /proc/1/fd by our own uid
    os.chdir(BOX)
    spread()
    kept = make_ready(json.loads(os.environ.pop("VIBE_WARM", "{}")))
    put(
        b"R",
        json.dumps({"status": held(), "kept": bool(kept and kept.ready), "forks": forks()}).encode(),
    )
    (length,) = struct.unpack(">I", read_exactly(4))
    job = json.loads(read_exactly(length))
    lay(job["files"])
    began = time.monotonic()
    pid, pipes = launch(job, kept)
    put(b"s", b"")
    watch = Watch(job, pid, pipes)
    watch.run()
    ended = time.monotonic()
    kill_everything(watch.reap)
    watch.drain()
    counted = {**counters(), "full": int(full(BOX, "/tmp"))}
    result = {"why": watch.why, "seconds": round(ended - began, 4), "counters": counted}
    if watch.status is not None:
        if os.WIFSIGNALED(watch.status):
            result["signal"] = os.WTERMSIG(watch.status)
        else:
            result["code"] = os.WEXITSTATUS(watch.status)
    result["cpu"] = round(sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]), 4)
    put(b"x", json.dumps(result).encode())
    Collector(job).collect("out")
    os._exit(0)
