"""Results: what was measured, one JSON line each, written as soon as it is known so that a stop loses nothing."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

Way = Literal["product", "bare"]


@dataclass(frozen=True)
class Measured:
    """One request, made once.

    first: its checks held at once, with no reply asked for again. held: they hold in the end. verdict: held, broken,
    unchecked, or none when there is no program. checks: how many promises count (without those that are always there).
    own: checks that the suite brought, and own_held how many of them hold; no model saw them. calls: their purposes. usd: None where a price is not known. set: the model, or the cassettes that were played.
    """

    suite: str
    request: str
    nth: int
    set: str
    way: Way
    shape: str
    first: bool
    held: bool
    verdict: str
    checks: int
    calls: list[str]
    tokens_in: int
    tokens_out: int
    seconds: float
    usd: float | None
    said: str
    at: str
    autonomy: str
    effort: str
    played: bool
    own: int = 0
    own_held: int = 0


class BadResults(Exception):
    """Raised when a file holds something else than results."""


def read(path: Path) -> list[Measured]:
    """The results of a file, [] when it is not there. Raises BadResults. A last line that was cut off is left out."""
    if not path.exists():
        return []
    found, lines = [], path.read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(Measured(**json.loads(line)))
        except (ValueError, TypeError) as problem:
            if number == len(lines):  # no newline after it: it was being written
                break
            raise BadResults(f"{path}, line {number} is no result.") from problem
    return found


def add(path: Path, measured: Iterable[Measured]) -> None:
    """Append to `path`, after the last whole line of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    there = path.read_bytes() if path.exists() else b""
    whole = there[: there.rfind(b"\n") + 1]
    if whole != there:
        path.write_bytes(whole)
    with path.open("a", encoding="utf-8") as out:
        for one in measured:
            out.write(json.dumps(asdict(one), ensure_ascii=False) + "\n")
