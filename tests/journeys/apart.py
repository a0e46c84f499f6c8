"""The product in pieces: pages and workers in processes of their own, PostgreSQL and Redis between them."""

import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from tests.journeys.served import ROOT, environment, free_port
from tests.services import Postgres, Redis


class Apart:
    """One process of pages, as many workers as are started; the var folder is shared, as a volume would be."""

    def __init__(self, var: Path, postgres: Postgres, redis: Redis, **env: str) -> None:
        self.var, self.port = var, free_port()
        self.url = f"http://localhost:{self.port}"
        self.env = environment(
            var, VIBE_PORT=str(self.port), DATABASE_URL=postgres.url, REDIS_URL=redis.url, **env
        )  # fmt: skip
        self.log = var / "apart.log"
        self.web: subprocess.Popen[str] | None = None
        self.workers: list[subprocess.Popen[str]] = []
        var.mkdir(parents=True, exist_ok=True)

    def manage(self, *args: str) -> str:
        ran = subprocess.run(
            [sys.executable, "manage.py", *args], cwd=ROOT, env=self.env, capture_output=True, text=True, check=False
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def _process(self, *args: str) -> "subprocess.Popen[str]":
        with self.log.open("a") as log:
            return subprocess.Popen(
                [sys.executable, "manage.py", *args], cwd=ROOT, env=self.env, stdout=log, stderr=log, text=True,
                start_new_session=True,
            )  # fmt: skip

    def start_web(self) -> None:
        self.web = self._process("web")
        for _ in range(1200):
            try:
                with urllib.request.urlopen(self.url + "/", timeout=5) as reply:
                    assert reply.status == 200
                    return
            except OSError:
                assert self.web.poll() is None, self.log.read_text()
                time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def start_worker(self) -> "subprocess.Popen[str]":
        made = self._process("work", "--at-once", "4")
        self.workers.append(made)
        return made

    def stop(self) -> None:
        for process in [*self.workers, *([self.web] if self.web else [])]:
            if process.poll() is None:
                process.terminate()
        for process in [*self.workers, *([self.web] if self.web else [])]:
            process.wait(60)
        self.workers, self.web = [], None
