"""Starts programs: what stands ready for them, their streams, and the quickest way that a command allows.

Before its job a pooled box makes ready (VIBE_WARM, from image.toml): it imports modules, to fork for a Python file
(forked.py), or starts a command that waits for the word on descriptor 3.
"""

import contextlib
import os
import signal
import socket
from types import ModuleType
from typing import Any

from .ending import forget_all, kill_everything
from .files import BOX
from .kernel import PR_SET_DUMPABLE, prctl

_forked: ModuleType | None = None  # loaded with what a program may want, where the box is for that


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


def launch(job: dict[str, Any], kept: Kept | None) -> tuple[int, Pipes]:
    """Start the program in the quickest way that its command allows: (pid, our ends of its streams)."""
    if kept and job["command"] == kept.stands_for and job["how"] != "exec" and kept.go():
        return kept.pid, kept.pipes
    if kept:  # it was made ready in vain
        kill_everything(forget_all)
    pipes = Pipes()
    if _forked and job["how"] != "exec" and _forked.can(job["command"], job["files"]):
        pid = _forked.fork(job["command"], lambda: begin(pipes))
    else:
        pid = start(job["command"], pipes)
    pipes.close_theirs()
    return pid, pipes


def make_ready(wish: dict[str, Any]) -> Kept | None:
    """What can be done before there is a job. That it fails is no harm: the job is then started as in a cold box."""
    global _forked
    if wish.get("imports"):
        with contextlib.suppress(Exception):
            from . import forked  # here, since most boxes never need it

            forked.load(wish["imports"], environment())
            _forked = forked
    if wish.get("start"):
        with contextlib.suppress(OSError):
            return Kept(wish["start"], wish["command"])
    return None


def forks() -> bool:
    """Whether a Python file will be run in a fork of us."""
    return _forked is not None
