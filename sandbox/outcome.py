"""Outcome: what happened to a program in its box. Everything in it came from the program: hostile input."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Ended = Literal["exit", "signal", "timeout", "memory", "output_limit", "cancelled", "lost"]
OnOutput = Callable[[Literal["stdout", "stderr"], str], None]
OnWait = Callable[[int], None]  # the place in the line, 1 is next; 0: it begins


@dataclass(frozen=True)
class Artifact:
    """A file that the program left in /box/out. `name` is sanitised by us; never use it as a path.

    `type` is the media type by the first bytes, "" where nobody looked. What is served as it must be sealed all the same.
    """

    name: str
    data: bytes = field(repr=False)
    type: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "size": len(self.data), "type": self.type}


@dataclass(frozen=True)
class Outcome:
    """How the program ended. `code` is set for exit, `signal` for signal; `seconds` is wall time in the box:
    where its runner told none, from its start to our giving it up by the host's clock; 0.0 when it never began.

    stdout and stderr are decoded as UTF-8 with replacement, cut at the limit, without control characters and terminal
    sequences. `notes` are remarks that are no verdict ("64 new processes were refused", "3 files were left out", "its
    disk was full").
    """

    ended: Ended
    code: int | None = None
    signal: int | None = None
    stdout: str = ""
    stderr: str = ""
    artifacts: tuple[Artifact, ...] = ()
    seconds: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        return self.ended == "exit" and self.code == 0

    def as_json(self) -> dict[str, Any]:
        return {
            "ended": self.ended,
            "code": self.code,
            "signal": self.signal,
            "stdout": self.stdout,
            "stderr": self.stderr,
            "artifacts": [a.as_json() for a in self.artifacts],
            "seconds": self.seconds,
            "notes": list(self.notes),
        }
