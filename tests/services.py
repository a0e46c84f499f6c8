"""Real servers of Redis and PostgreSQL, each on a port of its own with a throwaway folder."""

import contextlib
import glob
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

SHARE, SHARES = 1500, 8  # ports of a worker of pytest-xdist, and how many of them have some of their own


def _ports() -> Iterator[int]:
    """Ports that the system gives to nobody by itself, and no other worker of pytest-xdist to anybody, in turn."""
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
    first = low - SHARE * (1 + worker % SHARES)
    for n in itertools.count(os.getpid()):
        yield first + n % SHARE


def free_port() -> int:
    """A port for whoever listens later, or never: until then no connection of anybody's goes out from it."""
    while not _is_free(port := next(_handed_out)):
        pass
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False


_handed_out = _ports()


class Service:
    """`start` and `kill` as often as you like: the folder stays until `close`."""

    command: list[str]
    user: str | None = None

    def __init__(self) -> None:
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="vibe-service-"))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command, cwd="/", stdout=log, stderr=log, user=self.user, start_new_session=True
            )
        for _ in range(1200):
            if self.answers():
                return
            assert self.process.poll() is None, (self.folder / "log").read_text()
            time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    def answers(self) -> bool:
        raise NotImplementedError

    def kill(self, how: int = signal.SIGKILL) -> None:
        if self.process:
            self.process.send_signal(how)
            self.process.wait(60)
            self.process = None

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Redis(Service):
    def __init__(self) -> None:
        super().__init__()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.command = [
            "redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder),
        ]  # fmt: skip

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as talk:
                talk.sendall(b"PING\r\n")
                return talk.recv(64).startswith(b"+PONG")
        except OSError:
            return False


class Postgres(Service):
    def __init__(self) -> None:
        super().__init__()
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"))  # Debian keeps it off the PATH
        if known := shutil.which("initdb"):
            found.insert(0, str(Path(known).parent))
        assert found, "these tests need PostgreSQL's server: setup/services.sh installs it"
        self.bin = Path(found[-1])
        self.data = self.folder / "data"
        if os.getuid() == 0:  # it refuses to run as root
            self.user = "postgres"
            owner = pwd.getpwnam(self.user)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        made = [
            str(self.bin / "initdb"),
            "-D",
            str(self.data),
            "-U",
            "vibe",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
        ]
        subprocess.run(made, check=True, capture_output=True, user=self.user, cwd="/")
        self.url = f"postgres://vibe@127.0.0.1:{self.port}/postgres"
        self.command = [
            str(self.bin / "postgres"), "-D", str(self.data), "-p", str(self.port), "-k", str(self.folder),
            "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=150",
        ]  # fmt: skip

    def answers(self) -> bool:
        ready = [str(self.bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(ready, check=False).returncode == 0
