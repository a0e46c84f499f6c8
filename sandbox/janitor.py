"""A small process beside the owner of boxes, which tidies up after it when it dies in mid-step.

A started box ends with its owner, since its standard input closes. One that was created and not yet started has nothing
that closes; the engine removes it neither then nor later (AutoRemove is for what has run). So before the first box of a
process is created, this is started: it waits for the end of the owner, however that comes (kill -9 too), and removes then
what bears the owner's life, from whatever engine the owner used. It sleeps until then and loads the SDK only at that time.

It stands in a session of its own, so that a signal to the owner's group does not take it along. Where both die at once
(the machine, a container), the next owner's reaper is sure of the death by the label (life.py), or waits a minute.
"""

import atexit
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sandbox import life
from sandbox.errors import EngineUnavailable
from sandbox.sealing import LABEL

LOOK_S = 0.1  # between looks at what is left
LINGER_S = 10.0  # an engine finishes a "create" whose caller is gone; how long that may take
WORDS_S = 2.0  # for it to go when it is told to
NEEDED = {"PATH", "HOME", "USER", "LOGNAME", "LANG", "TMPDIR", "XDG_RUNTIME_DIR"}
NEEDED_TOO = ("DOCKER_", "SSH_", "SSL_", "REQUESTS_", "PYTHON")
HERE = Path(__file__).resolve().parents[1]  # where the package lies


class Janitor:
    """The owner's end. One for each process and engine; see beside()."""

    _all: dict[tuple[int, tuple[tuple[str, str], ...]], "Janitor"] = {}
    _lock = threading.Lock()

    @classmethod
    def beside(cls, env: Mapping[str, str]) -> "Janitor":
        """The janitor of this process for the engine that `env` names, started at first need and when it was killed."""
        where = tuple(sorted((name, value) for name, value in env.items() if name.startswith("DOCKER_")))
        key = os.getpid(), where  # a fork has an end of its own
        with cls._lock:
            found = cls._all.get(key)
            if found is None or not found.alive:
                found = cls._all[key] = cls(env)
            return found

    def __init__(self, env: Mapping[str, str]) -> None:
        self._opening = 0
        self._pid = os.getpid()
        self._process: subprocess.Popen[bytes] | None = None
        with contextlib.suppress(OSError):  # no room for one more process: the reaper is left
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-m", "sandbox.janitor", life.mine(), str(self._pid)],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                cwd=HERE, env=_needed(env), start_new_session=True,
            )  # fmt: skip
            atexit.register(self.close)

    @property
    def alive(self) -> bool:
        return self._process is None or self._process.poll() is None

    @contextlib.contextmanager
    def opening(self) -> Iterator[None]:
        """Around each creating and starting: who ends in here leaves something to tidy up."""
        with self._lock:
            self._opening += 1
        try:
            yield
        finally:
            with self._lock:
                self._opening -= 1

    def end_with_us(self, pid: int, folder: str) -> None:
        """A process of ours that nothing else would end with us, and its folder."""
        self._tell(json.dumps({"pid": pid, "folder": folder}))

    def close(self) -> None:
        """At the end of the process: nothing is to be done, unless a box is being opened right now."""
        if self._process is None or os.getpid() != self._pid:
            return
        if not self._opening:
            self._tell("done")
        with contextlib.suppress(OSError):
            if self._process.stdin:
                self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            if not self._opening:
                self._process.wait(WORDS_S)

    def _tell(self, word: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # it is gone; the next box starts another
            if self._process and self._process.stdin:
                self._process.stdin.write(word.encode() + b"\n")
                self._process.stdin.flush()


def _needed(env: Mapping[str, str]) -> dict[str, str]:
    """What reaching the engine may take. The keys of model servers are not among it."""
    return {name: value for name, value in env.items() if name in NEEDED or name.startswith(NEEDED_TOO)}


class _Companion:
    """A process that is to end with the owner, held so that its pid cannot come to mean another one."""

    def __init__(self, pid: int, folder: str) -> None:
        self.folder = folder
        self.handle = _handle(pid)

    def end(self) -> None:
        if self.handle is not None:
            with contextlib.suppress(OSError):
                signal.pidfd_send_signal(self.handle, signal.SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)


def _handle(pid: int) -> int | None:
    """A descriptor that becomes readable when the process ends, where the system has such (Linux 5.3)."""
    if not hasattr(os, "pidfd_open"):
        return None
    with contextlib.suppress(OSError):
        return os.pidfd_open(pid)
    return None


def _outlive(owner: int, its_life: str, companions: list[_Companion]) -> bool:
    """Wait for the end of the owner. False when it said that nothing is left to do.

    Its end of our standard input closes with it, but a fork of it may hold that open: so its process is watched too.
    """
    poll = select.poll()
    poll.register(0, select.POLLIN)
    handle = _handle(owner)
    if handle is not None:
        poll.register(handle, select.POLLIN)
    if life.over(its_life):
        return True
    said = b""
    while True:
        ready = [fd for fd, _ in poll.poll()]
        if 0 in ready:
            block = os.read(0, 65536)
            if not block:
                return True
            *lines, said = (said + block).split(b"\n")
            for line in lines:
                if line == b"done":
                    return False
                companions.append(_Companion(**json.loads(line)))
        elif ready:
            return True


def main(its_life: str, owner: int) -> None:
    companions: list[_Companion] = []
    if not _outlive(owner, its_life, companions):
        return
    for companion in companions:
        companion.end()
    _tidy_up(its_life, LINGER_S)


def _tidy_up(its_life: str, seconds: float) -> None:
    """Remove what bears this life, and what of it still comes in that time."""
    from sandbox.docker_engine import PROBE_S, APIError, DockerException, RequestException, connect

    client: Any = None
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            client = client or connect(PROBE_S)
            for row in client.api.containers(all=True, filters={"label": f"{LABEL}.life={its_life}"}):
                with contextlib.suppress(APIError):  # it is being removed already
                    client.api.remove_container(row["Id"], force=True)
        except (EngineUnavailable, DockerException, RequestException):
            client = None
        time.sleep(LOOK_S)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
