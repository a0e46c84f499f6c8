"""What to do with a program that fails: repair, write afresh, ask the strong model, or stop honestly (DESIGN §5).

Pure: it sees what was tried and what is left to spend, and names the next move with a reason in words.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from vibe.generation.policy import Policy

FRESH = {"write", "change", "resample", "escalate"}


@dataclass(frozen=True)
class Attempt:
    """One program and what the checks said of it. `how`: write, change, repair, fix, resample, escalate.

    `located`: there is evidence with a place or a value that a repair could start from.
    """

    how: str
    signature: str
    held: frozenset[str]
    located: bool = True


@dataclass(frozen=True)
class Spent:
    """calls made, USD (None: a price is not known) and seconds so far, of this Job."""

    calls: int
    usd: float | None
    seconds: float


@dataclass(frozen=True)
class Move:
    """kind: repair, resample, escalate, or "" to stop; `why` then says it to the person."""

    kind: str
    why: str = ""


def next_move(tried: Sequence[Attempt], policy: Policy, spent: Spent, *, can_escalate: bool) -> Move:
    """The next move after `tried`, of which the last one failed."""
    if spent.calls >= policy.calls:
        return Move("", f"I used all {policy.calls} calls to the model that this setting allows.")
    if policy.usd is not None and (spent.usd or 0.0) >= policy.usd:
        return Move("", f"It reached the limit of ${policy.usd:.2f}.")
    if policy.seconds is not None and spent.seconds >= policy.seconds:
        return Move("", f"It reached the limit of {round(policy.seconds / 60)} minutes.")
    lineage = _lineage(tried)
    repeated = len(lineage) > 1 and lineage[-1].signature in {a.signature for a in lineage[:-1]}
    repairs = sum(a.how == "repair" for a in lineage)
    if lineage[-1].located and not repeated and repairs < policy.repairs:
        return Move("repair")
    used = {a.how for a in tried}
    if "resample" not in used:
        return Move("resample")
    if can_escalate and "escalate" not in used:
        return Move("escalate")
    if policy.persistent and _stale(tried) < 2:
        return Move("resample")
    if repeated:
        return Move("", "The same thing failed again after I had written it afresh.")
    return Move("", "I repaired it and wrote it afresh, and it still does not hold.")


def _lineage(tried: Sequence[Attempt]) -> Sequence[Attempt]:
    """The attempts since the program was last written afresh."""
    starts = [at for at, attempt in enumerate(tried) if attempt.how in FRESH]
    return tried[starts[-1] if starts else 0 :]


def _stale(tried: Sequence[Attempt]) -> int:
    """How many of the last attempts brought no check that had never passed before."""
    seen: frozenset[str] = frozenset()
    stale = 0
    for attempt in tried:
        stale = 0 if attempt.held - seen else stale + 1
        seen |= attempt.held
    return stale
