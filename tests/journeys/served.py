"""The product as people start it: one real process of `manage.py serve` with a var folder of its own."""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tests.services import free_port

__all__ = ["ROOT", "Served", "boxes", "environment", "free_port"]

ROOT = Path(__file__).resolve().parents[2]


def environment(var: Path, **more: str) -> dict[str, str]:
    gone = {
        "DJANGO_SETTINGS_MODULE",
        "VIBE_VAR",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "VIBE_MODEL",
        "VIBE_QUICK_MODEL",
        "VIBE_ORIGIN",
        "VIBE_CONTENT_ORIGIN",
        "REDIS_URL",
        "VIBE_LAN",
    }
    kept = {k: v for k, v in os.environ.items() if k not in gone}
    return {**kept, "VIBE_VAR": str(var), "PYTHONWARNINGS": "default", **more}


def boxes(*pids: int, warm: bool = True) -> list[dict]:
    """The boxes that processes of these numbers opened: others may be at work on the same engine. `warm`: those that
    stand ready, too."""
    import docker

    from sandbox.sealing import LABEL

    owners = {f"{socket.gethostname()}-{pid}" for pid in pids}
    client = docker.from_env()
    try:
        found = client.api.containers(filters={"label": LABEL})
        mine = [box for box in found if box["Labels"].get(f"{LABEL}.owner") in owners]
        return [box for box in mine if warm or f"{LABEL}.warm" not in box["Labels"]]
    finally:
        client.close()


class Served:
    """`start` and `stop` as often as you like: the var folder stays."""

    def __init__(self, var: Path, **env: str) -> None:
        self.var, self.env = var, env
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.process: subprocess.Popen[str] | None = None
        self.pids: list[int] = []
        self.log = var / "serve.log"

    def start(self, *args: str) -> float:
        """Start it; the seconds until the first page came."""
        self.var.mkdir(parents=True, exist_ok=True)
        began = time.monotonic()
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve", *args], cwd=ROOT, stdout=log, stderr=log, text=True,
                env=environment(self.var, VIBE_PORT=str(self.port), **self.env), start_new_session=True,
            )  # fmt: skip
        self.pids.append(self.process.pid)
        for _ in range(1200):
            try:
                with urllib.request.urlopen(self.url + "/", timeout=5) as reply:
                    assert reply.status == 200
                    return time.monotonic() - began
            except OSError:
                assert self.process.poll() is None, self.log.read_text()
                time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def stop(self, how: int = signal.SIGINT, seconds: float = 30.0) -> int:
        assert self.process
        self.process.send_signal(how)
        code = self.process.wait(seconds)
        self.process = None
        return code

    def rows(self, sql: str, *values: object) -> list[tuple]:
        with sqlite3.connect(self.var / "vibe.sqlite3", timeout=60) as database:
            return database.execute(sql, values).fetchall()

    def manage(self, *args: str, seconds: float = 120.0) -> subprocess.CompletedProcess[str]:
        env = environment(self.var, VIBE_PORT=str(self.port), **self.env)
        return subprocess.run(
            [sys.executable, "manage.py", *args],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
