"""Drive a generation: replay the answers that the journal holds, then perform and journal the rest. No I/O here.

A step is numbered by its place, "1", "2", …; the parts of an All are "3.1", "3.2" and may be answered in any order.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from vibe.generation.steps import All, Json, Step

Result = TypeVar("Result")
Flow = Generator[Step, Json, Result]
Numbered = tuple[Step, str]
Perform = Callable[[Step, str], Json]
Replayed = Callable[[Step, str, Json], None]


@dataclass(frozen=True)
class Entry:
    """One journaled answer: the fingerprint of the step that asked for it, and what came."""

    fingerprint: str
    answer: Json


class JournalMismatch(Exception):
    """Raised when the journal answers another question than the flow asks: the Job must begin anew."""


def drive(
    flow: Flow[Result],
    journal: Mapping[str, Entry],
    perform: Perform,
    *,
    together: Callable[[Sequence[Numbered]], list[Json]] | None = None,
    replayed: Replayed | None = None,
) -> Result:
    """Run `flow` to its end and return its result.

    Answers come from `journal` first, by number, each compared by fingerprint (raises JournalMismatch); then from
    `perform(step, number)`, which journals what it got before it returns. `together` performs the open parts of an
    All side by side; without it they come one after the other. Whatever performing raises (a pause, a stop) passes
    through; the flow is closed.
    """
    side_by_side = together or (lambda parts: [perform(step, number) for step, number in parts])
    answer: Json | None = None
    order = 0
    try:
        while True:
            try:
                step = next(flow) if answer is None else flow.send(answer)
            except StopIteration as end:
                result: Result = end.value
                return result
            order += 1
            if isinstance(step, All):
                answer = {"answers": _all(step, order, journal, side_by_side, replayed)}
                continue
            known = _journaled(step, str(order), journal, replayed)
            answer = perform(step, str(order)) if known is None else known
    finally:
        flow.close()


def _all(
    step: All,
    order: int,
    journal: Mapping[str, Entry],
    together: Callable[[Sequence[Numbered]], list[Json]],
    replayed: Replayed | None,
) -> list[Json]:
    parts = [(part, f"{order}.{at}") for at, part in enumerate(step.steps, 1)]
    answers = {number: _journaled(part, number, journal, replayed) for part, number in parts}
    open_ = [(part, number) for part, number in parts if answers[number] is None]
    fresh = together(open_) if open_ else []
    answers |= {number: answer for (_, number), answer in zip(open_, fresh, strict=True)}
    return [answer for _, number in parts if (answer := answers[number]) is not None]


def _journaled(step: Step, number: str, journal: Mapping[str, Entry], replayed: Replayed | None) -> Json | None:
    entry = journal.get(number)
    if entry is None:
        return None
    if entry.fingerprint != step.fingerprint():
        raise JournalMismatch(f"step {number} ({step.kind}) is not the one that was journaled")
    if replayed:
        replayed(step, number, entry.answer)
    return entry.answer
