"""PID 1 of a box: takes one job on stdin, runs it, sends what it does as frames on stdout, and leaves.

in   u32 length + JSON header {"command", "files": [[path, size], …], limits…}, then the bytes of the files;
     afterwards frames u8 type + u32 length + payload: i stdin, c close stdin, k kill
out  frames u8 type + u32 length + payload: R ready, o stdout, e stderr, x exit (JSON), f file (JSON), d its bytes, z end

When stdin ends (the owner died) everything here dies. Only the standard library: this file is baked into images.
"""

import contextlib
import ctypes
import json
import os
import resource
import select
import shutil
import signal
import stat
import struct
import sys
import time
from typing import Any

BOX = "/box"
CHUNK = 65536
PR_SET_DUMPABLE = 4


def put(kind: bytes, payload: bytes) -> None:
    left = memoryview(kind + struct.pack(">I", len(payload)) + payload)
    while left:
        left = left[os.write(1, left) :]


def read_exactly(count: int) -> bytes:
    out = bytearray()
    while len(out) < count:
        block = os.read(0, min(1 << 20, count - len(out)))
        if not block:
            os._exit(7)  # the owner went away before it gave a job
        out += block
    return bytes(out)


def lay(files: list[Any]) -> None:
    """Write the files of the job under /box, block by block: a large one must not stand in memory twice."""
    for path, size in files:
        folder = os.path.dirname(path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        with open(path, "wb") as out:
            left = size
            while left:
                block = read_exactly(min(CHUNK, left))
                out.write(block)
                left -= len(block)
    os.makedirs("out", exist_ok=True)
    baked = os.environ.get("MPLCONFIGDIR", "")
    if os.path.isdir(
        baked
    ):  # matplotlib wants to write where its font cache lies; without it an import takes seconds
        shutil.copytree(baked, "/tmp/mpl", dirs_exist_ok=True)


def start(job: dict[str, Any], stdin: int, stdout: int, stderr: int) -> int:
    """Fork and exec the program in a session of its own. Its pid."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        for number in range(1, 32):
            with contextlib.suppress(OSError, ValueError):
                signal.signal(number, signal.SIG_DFL)
        os.dup2(stdin, 0)
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        os.closerange(3, 256)
        with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
            score.write("1000")  # when memory ends the program goes, not we
        os.umask(0o022)
        env = {
            "PATH": os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
            "HOME": BOX,
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "MPLCONFIGDIR": "/tmp/mpl",
            "MPLBACKEND": "Agg",
        }
        os.execvpe(job["command"][0], job["command"], env)
    except BaseException as problem:
        os.write(2, f"{job['command'][0]}: {problem}\n".encode())
    os._exit(127)


class Watch:
    """Relays output, obeys the owner, and knows why the run ended."""

    def __init__(self, job: dict[str, Any], pid: int, out: int, err: int, stdin: int) -> None:
        self.pid, self.out, self.err, self.stdin = pid, out, err, stdin
        self.left = {out: job["output_bytes"], err: job["output_bytes"]}
        self.open = {out, err}
        self.until = time.monotonic() + job["time_s"]
        self.status: int | None = None
        self.why = ""
        self.commands = bytearray()
        self.input = bytearray()  # of the program, until it takes it
        self.input_ends = False
        self.poll = select.poll()
        self.waiting = False  # for the program to read on
        os.set_blocking(stdin, False)

    def reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self.pid:
                self.status = status

    def run(self) -> None:
        for fd in (self.out, self.err, 0):
            self.poll.register(fd, select.POLLIN)
        dead_at = None
        while not self.why:
            self.reap()
            now = time.monotonic()
            if self.status is not None:
                dead_at = dead_at or now
                if not self.open or now - dead_at > 0.05:  # daemons that hold the pipe do not hold us
                    return
            elif now >= self.until:
                self.why = "timeout"
                return
            wait = 1 if self.status is not None else min(20, max(1, (self.until - now) * 1000))
            for fd, _ in self.poll.poll(wait):
                if fd == 0:
                    self.obey()
                elif fd == self.stdin:
                    self.feed()
                elif not self.relay(fd):
                    self.poll.unregister(fd)
                    self.open.discard(fd)

    def relay(self, fd: int) -> bool:
        """Pass on what is there. False at its end."""
        block = os.read(fd, CHUNK)
        if not block:
            return False
        if self.left[fd] > 0:
            put(b"o" if fd == self.out else b"e", block[: self.left[fd]])
        self.left[fd] -= len(block)
        if self.left[fd] < 0:
            self.why = "output_limit"
        return True

    def obey(self) -> None:
        block = os.read(0, CHUNK)
        if not block:
            os._exit(7)  # the owner died: the kernel kills everything else with PID 1
        self.commands += block
        while len(self.commands) >= 5:
            (length,) = struct.unpack(">I", self.commands[1:5])
            if len(self.commands) < 5 + length:
                return
            kind, payload = self.commands[:1], bytes(self.commands[5 : 5 + length])
            del self.commands[: 5 + length]
            if kind == b"i" and self.stdin >= 0:
                self.input += payload
            elif kind == b"c":
                self.input_ends = True
            elif kind == b"k":
                self.why = "cancelled"
        self.feed()

    def feed(self) -> None:
        """Give the program what it takes of its input now. Never waits: it may not read at all."""
        if self.stdin < 0:
            return
        try:
            while self.input:
                del self.input[: os.write(self.stdin, self.input[:CHUNK])]
        except BlockingIOError:
            pass
        except OSError:  # it closed its input
            self.input.clear()
            self.input_ends = True
        if self.waiting != bool(self.input):
            self.waiting = bool(self.input)
            if self.waiting:
                self.poll.register(self.stdin, select.POLLOUT)
            else:
                self.poll.unregister(self.stdin)
        if self.input_ends and not self.input:
            os.close(self.stdin)
            self.stdin = -1

    def drain(self) -> None:
        """What was already in the pipes when everything died."""
        for fd in self.open:
            os.set_blocking(fd, False)
            with contextlib.suppress(OSError):
                while self.left[fd] > 0:
                    block = os.read(fd, CHUNK)
                    if not block:
                        break
                    put(b"o" if fd == self.out else b"e", block[: self.left[fd]])
                    self.left[fd] -= len(block)


def kill_everything(watch: Watch) -> None:
    for _ in range(200):
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            break
        watch.reap()
        time.sleep(0.001)
    watch.reap()


def counters() -> dict[str, int]:
    """What the kernel counted: cgroup v1 and v2 keep it in different files, whichever exists is read."""
    found = {}
    for path in (
        "/sys/fs/cgroup/memory/memory.oom_control",
        "/sys/fs/cgroup/memory.events",
        "/sys/fs/cgroup/pids/pids.events",
        "/sys/fs/cgroup/pids.events",
    ):
        with contextlib.suppress(OSError), open(path) as source:
            for line in source:
                key, _, value = line.partition(" ")
                if value.strip().isdigit():
                    found[key] = int(value)
    return found


class Collector:
    """Sends the files under /box/out: regular, one link, never followed, few, small, shallow, quick."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.files_left = job["artifacts"]
        self.bytes_left = job["artifact_bytes"]
        self.until = time.monotonic() + 2
        self.seen = self.skipped = 0

    def walk(self, folder: int, prefix: str, depth: int) -> None:
        try:
            entries = os.scandir(folder)
        except OSError:
            return
        with entries:
            for entry in entries:
                self.seen += 1
                if not self.files_left or self.seen > 2000 or time.monotonic() > self.until:
                    self.skipped += 1
                    return
                self.take(folder, entry, prefix, depth)

    def take(self, folder: int, entry: "os.DirEntry[str]", prefix: str, depth: int) -> None:
        try:
            info = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(info.st_mode) and depth < 8:
                inner = os.open(entry.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
                try:
                    self.walk(inner, prefix + entry.name + "/", depth + 1)
                finally:
                    os.close(inner)
            elif stat.S_ISREG(info.st_mode) and info.st_nlink == 1 and info.st_size <= self.bytes_left:
                self.send(folder, entry.name, prefix, info.st_size)
            else:
                self.skipped += 1
        except OSError:
            self.skipped += 1

    def send(self, folder: int, name: str, prefix: str, size: int) -> None:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        try:
            data = bytearray()
            while len(data) < size:
                block = os.read(fd, size - len(data))
                if not block:
                    break
                data += block
        finally:
            os.close(fd)
        path = (prefix + name).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        put(b"f", json.dumps({"path": path, "size": len(data)}).encode())
        put(b"d", bytes(data))
        self.files_left -= 1
        self.bytes_left -= len(data)


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    # No ptrace of us and no /proc/1/fd by our own uid.
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    put(b"R", b"")
    (length,) = struct.unpack(">I", read_exactly(4))
    job = json.loads(read_exactly(length))
    os.chdir(BOX)
    lay(job["files"])
    out_r, out_w = os.pipe()
    err_r, err_w = os.pipe()
    in_r, in_w = os.pipe()
    began = time.monotonic()
    pid = start(job, in_r, out_w, err_w)
    for fd in (out_w, err_w, in_r):
        os.close(fd)
    watch = Watch(job, pid, out_r, err_r, in_w)
    watch.run()
    ended = time.monotonic()
    kill_everything(watch)
    watch.drain()
    result = {"why": watch.why, "seconds": round(ended - began, 4), "counters": counters()}
    if watch.status is not None:
        if os.WIFSIGNALED(watch.status):
            result["signal"] = os.WTERMSIG(watch.status)
        else:
            result["code"] = os.WEXITSTATUS(watch.status)
    result["cpu"] = round(sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]), 4)
    put(b"x", json.dumps(result).encode())
    collector = Collector(job)
    with contextlib.suppress(OSError):
        collector.walk(os.open("out", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW), "", 0)
    put(b"z", json.dumps({"skipped": collector.skipped}).encode())
    os._exit(0)


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError, KeyError) as problem:
        sys.stderr.write(f"runner: {problem!r}\n")
        os._exit(8)
