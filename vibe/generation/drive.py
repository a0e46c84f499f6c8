"""Drive a generation: replay the answers that the journal holds, then perform and journal the rest. No I/O here."""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import TypeVar

from vibe.generation.steps import Json, Step

Result = TypeVar("Result")
Flow = Generator[Step, Json, Result]


@dataclass(frozen=True)
class Entry:
    """One journaled answer: the fingerprint of the step that asked for it, and what came."""

    fingerprint: str
    answer: Json


class JournalMismatch(Exception):
    """Raised when the journal answers another question than the flow asks: the Job must begin anew."""


def drive(
    flow: Flow[Result],
    journal: Iterable[Entry],
    perform: Callable[[Step, int], Json],
    *,
    replayed: Callable[[Step, int, Json], None] | None = None,
) -> Result:
    """Run `flow` to its end and return its result.

    Answers come from `journal` first, each compared by fingerprint (raises JournalMismatch), then from
    `perform(step, order)`, which journals what it got before it returns. `order` counts from 1. Whatever perform
    raises (a pause, a stop) passes through; the flow is closed.
    """
    entries = iter(journal)
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
            entry = next(entries, None)
            if entry is None:
                answer = perform(step, order)
                continue
            if entry.fingerprint != step.fingerprint():
                raise JournalMismatch(f"step {order} ({step.kind}) is not the one that was journaled")
            answer = entry.answer
            if replayed:
                replayed(step, order, answer)
    finally:
        flow.close()
