"""Reaches an engine by ssh: the `ssh` command forwards its socket to one of ours, so that boxes speak over plain sockets.

The SDK's own ssh transport hands out something that can be neither polled nor half closed, which the stream of a box
needs. Keys, known hosts and users are ssh's business (BatchMode: it never asks).
"""

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from sandbox.errors import EngineUnavailable
from sandbox.janitor import Janitor

UP_S = 10.0  # ssh to a machine nearby takes well under one
REMOTE = "/var/run/docker.sock"


class Tunnel:
    """One `ssh` process for each DOCKER_HOST of ours, started at first need, ended with us."""

    _open: dict[str, "Tunnel"] = {}
    _lock = threading.Lock()

    @classmethod
    def through(cls, env: Mapping[str, str]) -> dict[str, str]:
        """`env` with DOCKER_HOST=ssh://[user@]host[:port][/path of the socket] made into a socket here.

        Raises EngineUnavailable when there is no way through.
        """
        host = env.get("DOCKER_HOST", "")
        if not host.startswith("ssh://"):
            return dict(env)
        with cls._lock:
            tunnel = cls._open.get(host)
            if tunnel is None or not tunnel.alive:
                janitor = Janitor.beside(env)
                tunnel = cls._open[host] = cls(host)
                janitor.end_with_us(tunnel._process.pid, tunnel.folder)  # kill -9 of us does not reach it
        return {**env, "DOCKER_HOST": f"unix://{tunnel.path}"}

    def __init__(self, host: str) -> None:
        parts = urlsplit(host)
        command = shutil.which("ssh")
        if not command or not parts.hostname or parts.hostname.startswith("-"):
            raise EngineUnavailable(
                "DOCKER_HOST begins with ssh:// and there is no ssh command, or it names no machine."
            )
        self.folder = tempfile.mkdtemp(prefix="vibe-engine-")
        self.path = os.path.join(self.folder, "docker.sock")
        self._process = subprocess.Popen(  # noqa: S603
            [
                command, "-nNT", "-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes", "-o", "ConnectTimeout=5",
                "-o", "ServerAliveInterval=15", *(("-p", str(parts.port)) if parts.port else ()),
                *(("-l", parts.username) if parts.username else ()),
                "-L", f"{self.path}:{parts.path.rstrip('/') or REMOTE}", "--", parts.hostname,
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        atexit.register(self.close)
        until = time.monotonic() + UP_S
        while not self._answers():
            if not self.alive or time.monotonic() > until:
                self._process.terminate()
                said = (self._process.communicate()[1] or "").strip().splitlines()
                self.close()
                raise EngineUnavailable(
                    f"ssh does not reach {parts.hostname}: {said[-1][:200] if said else 'no answer'}"
                )
            time.sleep(0.02)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(self.path)
            except OSError:
                return False
            return True

    def close(self) -> None:
        if self.alive:
            self._process.terminate()
            self._process.wait(2)
        shutil.rmtree(self.folder, ignore_errors=True)
