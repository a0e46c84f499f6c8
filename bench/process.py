"""What a process costs, from /proc; and processes that are told what to do by lines of JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# One person is a thousand here: no limit of theirs is to be measured.
NO_LIMITS = {f"VIBE_{who}_SOCKETS": "none" for who in ("MAKER", "ADDRESS", "SITE")}
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process used so far, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_kb(pid: int) -> int:
    """Resident memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


class Told:
    """A process that answers each line with a line."""

    def __init__(self, *command: str, env: dict[str, str], log: Path, python: str = sys.executable) -> None:
        with log.open("a") as out:
            self.process = subprocess.Popen(
                [python, *command], cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=out, text=True
            )  # fmt: skip
        self.log = log
        self.pid = self.process.pid

    def tell(self, **what: Any) -> None:
        assert self.process.stdin
        print(json.dumps(what), file=self.process.stdin, flush=True)

    def hear(self) -> Any:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"a process of the bench ended:\n{self.log.read_text()[-3000:]}")
        return json.loads(line)

    def ask(self, **what: Any) -> Any:
        self.tell(**what)
        return self.hear()

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(20)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()
