"""What a run came to, from what the runner reported, what the kernel counted, and what our own clock forced.

The runner is ours, but the program beside it may have tried to be it: a report that does not have the form of one
makes the run `lost`. What it says of times is cosmetic; what ends a run are our clock and counters.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.frames import MOST, BadStream
from sandbox.outcome import Ended

_WHY: Mapping[str, Ended] = {
    "timeout": "timeout",
    "output_limit": "output_limit",
    "cancelled": "cancelled",
}


@dataclass(frozen=True)
class Report:
    """The runner's last word of a program (frame x): its exit code or signal, and the counters of its cgroup.

    `why` is set when the runner itself ended it. Counters: oom_kill (times the kernel killed for want of memory),
    refused (new processes), full (1: no room was left in /box or /tmp), skipped (files not brought back).
    """

    why: str
    code: int | None
    signal: int | None
    seconds: float
    counters: Mapping[str, int]

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> "Report":
        """Raises BadStream for what is no report."""
        why, code, signal = raw.get("why", ""), raw.get("code"), raw.get("signal")
        seconds, counters = raw.get("seconds", 0.0), raw.get("counters", {})
        good = (
            why in ("", *_WHY)
            and (code is None or (type(code) is int and 0 <= code < 256))
            and (signal is None or (type(signal) is int and 0 < signal < 65))
            and type(seconds) in (int, float)
            and 0 <= seconds <= MOST  # neither nan, nor an integer that no float can hold
            and isinstance(counters, dict)
            and all(type(n) is int and 0 <= n <= MOST for n in counters.values())
        )
        if not good:
            raise BadStream("a report of another form")
        return cls(why, code, signal, float(seconds), counters)

    @property
    def ended(self) -> Ended:
        """An OOM kill in the box is the program's end only when it died of signal 9 or left no result: a child may have
        been taken and the program have gone on, which the engine's own OOMKilled flag does not tell apart."""
        if self.why:
            return _WHY[self.why]
        if self.counters.get("oom_kill") and self.code is None and self.signal in (9, None):
            return "memory"
        return "exit" if self.signal is None else "signal"

    def notes(self) -> tuple[str, ...]:
        """Remarks that are no verdict."""
        notes = []
        if refused := self.counters.get("refused", 0):
            notes.append(
                f"{refused} new processes were refused" if refused > 1 else "a new process was refused"
            )
        if self.counters.get("full"):
            notes.append("its disk was full")
        if self.ended != "memory" and self.counters.get("oom_kill"):
            notes.append("a process of it was ended because memory was full")
        return tuple(notes)


def left_out(skipped: int, *, more: bool = False) -> tuple[str, ...]:
    """The note on files that stayed in the box: so many, and `more` that nobody had the time to count."""
    if not skipped and not more:
        return ()
    files = f"{skipped} files were" if skipped > 1 else "a file was"
    if more:
        files = f"more than {files}" if skipped > 1 else "some files were"
    return (f"{files} left out: too many, too large, or no plain files",)
