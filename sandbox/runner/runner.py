"""PID 1 of a box: takes one job on stdin, runs it, sends what it does as frames on stdout, and leaves.

in   u32 length + JSON header {"command", "files": [[path, size], …], limits…}, then the bytes of the files;
     afterwards frames u8 type + u32 length + payload: i stdin, c close stdin, k kill
out  frames u8 type + u32 length + payload: R ready (JSON: how the kernel holds us), s started, o stdout, e stderr,
     x exit (JSON), f file (JSON), d its bytes in pieces, z end (JSON)

Before its job a pooled box makes ready (VIBE_WARM, from image.toml): it imports modules, to fork for a Python file
(forked.py), or starts a command that waits for the word on descriptor 3.
When stdin ends (the owner died) everything here dies. Only the standard library: this file is baked into images.
"""

import contextlib
import ctypes
import importlib
import json
import os
import resource
import select
import shutil
import signal
import socket
import stat
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

BOX = "/box"
CHUNK = 65536
PR_SET_DUMPABLE = 4


def prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


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


def spread() -> None:
    """What every program finds in its box, laid before the job comes."""
    os.makedirs("out", exist_ok=True)
    baked = os.environ.get("MPLCONFIGDIR", "")
    if os.path.isdir(
        baked
    ):  # matplotlib wants to write beside its font cache; without the cache it takes seconds
        shutil.copytree(baked, "/tmp/mpl", dirs_exist_ok=True)


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


def environment() -> dict[str, str]:
    """All that a program finds in its environment. One thread for each library: a box has one CPU."""
    return {
        "PATH": os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin"),
        "HOME": BOX,
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "MPLCONFIGDIR": "/tmp/mpl",
        "MPLBACKEND": "Agg",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


class Pipes:
    """The ends of a program's three streams. Ours are closed in the program, its ends are closed here."""

    def __init__(self) -> None:
        self.in_r, self.in_w = os.pipe()
        self.out_r, self.out_w = os.pipe()
        self.err_r, self.err_w = os.pipe()

    def close_theirs(self) -> None:
        for fd in (self.in_r, self.out_w, self.err_w):
            os.close(fd)


def begin(pipes: Pipes, keep: int = -1) -> None:
    """In the child: a session of its own, its streams on 0, 1, 2 and nothing else open (but `keep`, as 3)."""
    os.setsid()
    os.dup2(pipes.in_r, 0)
    os.dup2(pipes.out_w, 1)
    os.dup2(pipes.err_w, 2)
    if keep >= 0:
        os.dup2(keep, 3)
    os.closerange(4 if keep >= 0 else 3, 256)
    prctl(PR_SET_DUMPABLE, 1)  # ours alone is closed to this uid; a program may look at itself
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")  # when memory ends the program goes, not we
    os.umask(0o022)


def start(command: list[str], pipes: Pipes, keep: int = -1) -> int:
    """Fork and exec the program. Its pid."""
    pid = os.fork()
    if pid:
        return pid
    try:
        for number in range(1, 32):
            with contextlib.suppress(OSError, ValueError):
                signal.signal(number, signal.SIG_DFL)
        begin(pipes, keep)
        os.execvpe(command[0], command, environment())
    except BaseException as problem:
        os.write(2, f"{command[0]}: {problem}\n".encode())
    os._exit(127)


class Kept:
    """A command that was started before the job: it says when it is ready, waits for the word, and stands in for `stands_for`."""

    def __init__(self, command: list[str], stands_for: list[str]) -> None:
        self.stands_for = stands_for
        self.pipes = Pipes()
        self.line, theirs = socket.socketpair()
        self.pid = start(command, self.pipes, theirs.fileno())
        theirs.close()
        self.pipes.close_theirs()
        try:
            self.ready = self.line.recv(1) == b"r"
        except OSError:
            self.ready = False

    def go(self) -> bool:
        """Give the word. False when it is not there any more."""
        with contextlib.suppress(OSError):
            return self.line.send(b"g") == 1
        return False


class Watch:
    """Relays output, obeys the owner, and knows why the run ended."""

    def __init__(self, job: dict[str, Any], pid: int, pipes: Pipes) -> None:
        self.pid, self.out, self.err, self.stdin = pid, pipes.out_r, pipes.err_r, pipes.in_w
        self.left = dict.fromkeys((self.out, self.err), job["output_bytes"])
        self.open = {self.out, self.err}
        self.until = time.monotonic() + job["time_s"]
        self.status: int | None = None
        self.why = ""
        self.commands = bytearray()
        self.input = bytearray()  # of the program, until it takes it
        self.input_ends = False
        self.poll = select.poll()
        self.waiting = False  # for the program to read on
        os.set_blocking(self.stdin, False)

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
        dead_at, closed_at = None, 0.0
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
            # A process that ends closes its pipes a moment before it can be reaped: then look again soon, for a while.
            closed_at = (closed_at or now) if not self.open else 0.0
            soon = self.status is not None or (closed_at and now - closed_at < 0.1)
            wait = 1 if soon else min(20, max(1, (self.until - now) * 1000))
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


def kill_everything(reap: Callable[[], None]) -> None:
    """Until none is left but us. What has ended and was not reaped still counts."""
    for _ in range(200):
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            break
        reap()
        time.sleep(0.001)
    reap()


def forget_all() -> None:
    """Reap whoever has ended, whatever they were."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def counters(root: str = "/sys/fs/cgroup") -> dict[str, int]:
    """What the kernel counted in our cgroup: {"oom_kill": n, "refused": n}, whichever it keeps.

    v1: memory/memory.oom_control (since Linux 4.13), pids/pids.events. v2: memory.events, pids.events. (Linux,
    admin-guide/cgroup-v1/memory.rst, admin-guide/cgroup-v2.rst.) memory.events has a `max` of its own: how often memory
    was reclaimed at the limit, which is no refusal of a process.
    """
    found = {}
    for path, key, name in (
        ("memory/memory.oom_control", "oom_kill", "oom_kill"),
        ("memory.events", "oom_kill", "oom_kill"),
        ("pids/pids.events", "max", "refused"),
        ("pids.events", "max", "refused"),
    ):
        with contextlib.suppress(OSError), open(os.path.join(root, path)) as source:
            for line in source:
                word, _, value = line.partition(" ")
                if word == key and value.strip().isdigit():
                    found[name] = int(value)
    return found


def full(*folders: str) -> bool:
    """Whether one of these file systems has no room, or no names, left."""
    for folder in folders:
        with contextlib.suppress(OSError):
            room = os.statvfs(folder)
            if room.f_bavail * room.f_frsize < 4 * 4096 or room.f_favail == 0:
                return True
    return False


def held() -> dict[str, int]:
    """How the kernel holds us, for the host to compare with what it asked for (proc_pid_status(5))."""
    found = {"uid": os.getuid()}
    with contextlib.suppress(OSError), open("/proc/self/status") as source:
        for line in source:
            key, _, value = line.partition(":")
            if key in ("NoNewPrivs", "Seccomp"):
                found[key] = int(value)
            elif key in ("CapEff", "CapBnd"):
                found[key] = int(value, 16)
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
        """Announced with the size that it has now; cut or filled up to it: nothing writes to it any more."""
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        try:
            path = (prefix + name).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            put(b"f", json.dumps({"path": path, "size": size}).encode())
            left = size
            while left:
                block = os.read(fd, min(CHUNK, left)) or bytes(min(CHUNK, left))
                put(b"d", block)
                left -= len(block)
        finally:
            os.close(fd)
        self.files_left -= 1
        self.bytes_left -= size


def launch(job: dict[str, Any], kept: Kept | None) -> tuple[int, Pipes]:
    """Start the program in the quickest way that its command allows: (pid, our ends of its streams)."""
    if kept and job["command"] == kept.stands_for and job["how"] != "exec" and kept.go():
        return kept.pid, kept.pipes
    if kept:  # it was made ready in vain
        kill_everything(forget_all)
    pipes = Pipes()
    forked = sys.modules.get("forked")
    if forked and job["how"] != "exec" and forked.can(job["command"], job["files"]):
        pid = forked.fork(job["command"], lambda: begin(pipes))
    else:
        pid = start(job["command"], pipes)
    pipes.close_theirs()
    return pid, pipes


def make_ready(wish: dict[str, Any]) -> Kept | None:
    """What can be done before there is a job. That it fails is no harm: the job is then started as in a cold box."""
    if wish.get("imports"):
        with contextlib.suppress(Exception):
            sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
            importlib.import_module("forked").load(wish["imports"], environment())
    if wish.get("start"):
        with contextlib.suppress(OSError):
            return Kept(wish["start"], wish["command"])
    return None


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    prctl(PR_SET_DUMPABLE, 0)  # no ptrace of us and no /proc/1/fd by our own uid
    os.chdir(BOX)
    spread()
    kept = make_ready(json.loads(os.environ.pop("VIBE_WARM", "{}")))
    put(
        b"R",
        json.dumps(
            {"status": held(), "kept": bool(kept and kept.ready), "forks": "forked" in sys.modules}
        ).encode(),
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
