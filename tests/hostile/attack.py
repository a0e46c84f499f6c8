"""Attack: one hostile program, how it must end, and every word that it must say. An escape also exits 0: words count."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox import Limits, Outcome, Source
from tests.pace import PACE

ATTEMPT = Path(__file__).with_name("attempt.py").read_bytes()
FILE = {
    "python": "main.py",
    "node": "main.js",
    "shell": "main.sh",
    "c": "main.c",
    "cpp": "main.cpp",
    "rust": "main.rs",
}


@dataclass(frozen=True)
class Attack:
    """`says` is the whole of stdout without its last line end, `complains` a part of stderr: regular expressions.

    language: a key of FILE. status: exit code or signal number. files: what must come back, by name; None: any.
    holds: what a file that comes back may hold; None: anything. noted: a part of the notes. within_s: seconds that the run may take at most, 0: any.
    """

    name: str
    code: str
    says: str = ""
    ended: str = "exit"
    status: int = 0
    complains: str = ""
    language: str = "python"
    files: tuple[str, ...] | None = ()
    holds: tuple[bytes, ...] | None = None
    noted: str = ""
    beside: dict[str, bytes] = field(default_factory=dict)
    limits: dict[str, Any] = field(default_factory=dict)
    within_s: float = 0.0

    @property
    def source(self) -> Source:
        laid = {FILE[self.language]: self.code.encode(), **self.beside}
        if self.language == "python":
            laid = {
                "main.py": b"from attempt import *\n" + self.code.encode(),
                "attempt.py": ATTEMPT,
                **self.beside,
            }
        return Source(self.image, (*self.start, FILE[self.language]), laid)

    @property
    def image(self) -> str:
        return {"python": "python", "node": "node"}.get(self.language, "native")

    @property
    def start(self) -> tuple[str, ...]:
        return {"python": ("python3",), "node": ("node",), "shell": ("bash",)}.get(self.language, ("compiled",))

    @property
    def bounds(self) -> Limits:
        limits = {"time_s": 20.0, **self.limits}
        return Limits(**{**limits, "time_s": limits["time_s"] * PACE})

    def wrong(self, got: Outcome) -> str:
        """What is not as it must be, in a line; "" when all is."""
        seen = []
        if (got.ended, got.code if got.signal is None else got.signal) != (self.ended, self._status()):
            seen.append(f"ended {got.ended} {got.code} {got.signal}")
        if not re.fullmatch(self.says, got.stdout.rstrip("\n"), re.DOTALL):
            seen.append(f"said {got.stdout[:300]!r}, not {self.says[:200]!r}")
        if not re.search(self.complains, got.stderr) or (
            not self.complains and got.stderr and self.ended == "exit"
        ):
            seen.append(f"complained {got.stderr[-300:]!r}")
        if self.files is not None and tuple(sorted(a.name for a in got.artifacts)) != self.files:
            seen.append(f"left {[a.name for a in got.artifacts][:40]}")
        if self.holds is not None and (
            strange := [a.data[:40] for a in got.artifacts if a.data not in self.holds]
        ):
            seen.append(f"brought back {strange}")
        if self.noted not in " ".join(got.notes):
            seen.append(f"noted {got.notes}")
        if self.within_s and got.seconds > self.within_s * PACE:
            seen.append(f"took {got.seconds} s")
        return f"{self.name}: {'; '.join(seen)}" if seen else ""

    def _status(self) -> int | None:
        return self.status if self.ended in {"exit", "signal"} else None
