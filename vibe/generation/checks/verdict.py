"""The verdict over what a box observed: computed here, outside, from raw values, never taken from the box that ran
the program. A check holds only if all its runs hold; one that cannot fail (`idle`) counts for nothing.
"""

import hashlib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.outcome import Outcome
from vibe.choices import Verdict
from vibe.generation.checks import always, told
from vibe.generation.checks.harmless import clean_text
from vibe.generation.checks.language import Check, Expect, Seen, as_checks
from vibe.generation.checks.results import GATE, count, ended, outcome_of, place, result
from vibe.generation.checks.runs import Bound, bound
from vibe.generation.gate import Fault
from vibe.generation.steps import Json
from vibe.generation.tool import message

MAX_EVIDENCE = 4000
SLOW_S = 3.0  # a run takes about one second


@dataclass(frozen=True)
class Judged:
    """results: as events.Checked wants them. evidence: located, for the repair call, nothing kept back. signature: of
    the failure, the same whatever the figures; "" when nothing failed. places: {check id: how to find the place}."""

    verdict: Verdict
    results: list[Json] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    evidence: str = ""
    signature: str = ""
    places: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def held_ids(self) -> frozenset[str]:
        """The checks that hold and count."""
        return frozenset(str(r["id"]) for r in self.results if r["held"] and not r["idle"])

    @property
    def broken_ids(self) -> frozenset[str]:
        """The checks that do not hold and count."""
        return frozenset(str(r["id"]) for r in self.results if not r["held"] and not r["idle"])

    def evidence_without(self, hidden: Collection[str]) -> str:
        """The evidence for a repair; of the checks in `hidden` only their number is told."""
        broken = [r for r in self.results if not r["held"] and not r["idle"]]
        lines = [
            f"- {r['sentence']}: {r['saw']} (should be: {r['expected']}; {r['did']}){self.places.get(r['id'], '')}"
            for r in broken
            if r["id"] not in hidden
        ]
        kept = len(broken) - len(lines)
        if kept:
            more = "more " if lines else ""
            lines.append(f"- {count(kept, f'{more}check')} {'does' if kept == 1 else 'do'} not hold.")
        return clean_text("\n".join(lines), MAX_EVIDENCE)


def from_faults(faults: Sequence[Fault]) -> Judged:
    """The verdict when the static gate let nothing through."""
    results = [
        result(
            f"{GATE}{number}", "The code can be read", "I read the code", "no mistakes", f"{place(f.file, f.line)}{f.sentence}"
        )
        for number, f in enumerate(faults[:6], 1)
    ]  # fmt: skip
    return _judged(results, [])


def judge(
    shape: str,
    promised: Sequence[Check | Json],
    answer: Json,
    *,
    seed: int = 0,
    idle: Mapping[str, str] | None = None,
) -> Judged:
    """The verdict over `answer`, which is a Run step's: observations of a page or of a tool's runs.

    `seed` is the one that the box's runs were made with (runs.runs); `idle` is {check id: null program} of those that
    cannot fail (nulls.idle).
    """
    if why := answer.get("unchecked"):
        return Judged(Verdict.UNCHECKED, [], [f"Everything: {why}"])
    checks, idle = as_checks(promised), idle or {}
    sentences = {check.id: check.sentence for check in checks}
    used = {s.target.words for c in checks for s in c.steps if s.do == "click" and s.target}
    found = always.tool(answer) if shape == "tool" else always.page(answer, sentences, used)
    results, unseen = list(found.results), list[str]()
    if shape == "tool" or answer.get("loaded"):
        of_promises = promises(shape, checks, answer, seed=seed, idle=idle)
        results += of_promises
        looked_at = {r["id"] for r in of_promises}
        unseen = [f"“{c.sentence}”: there was no time left to look." for c in checks if c.id not in looked_at]
    not_checked = [*_not_checked(shape, checks, idle, found.ran), *found.not_checked, *unseen]
    return _judged(results, not_checked, _places(checks), ran=found.ran)


def promises(
    shape: str, checks: Sequence[Check], answer: Json, *, seed: int = 0, idle: Mapping[str, str] | None = None
) -> list[Json]:
    """The results of the checks alone, without those that are always there and those that there was no time for."""
    look = _tool_run if shape == "tool" else _page_run
    seen = {str(r["check"]): r for r in answer.get("runs", [])} | {
        str(c["id"]): c for c in answer.get("checks", [])
    }
    slow = _is_slow(answer.get("checks", []))
    made = (_promise(check, look, seen, seed, (idle or {}).get(check.id, ""), slow) for check in checks)
    return [one for one in made if one is not None]


def _is_slow(runs: Sequence[Json]) -> bool:
    """Whether a page's own runs took so long that it is its own fault when there was no time for all of them: a page
    must not get out of its promises by being slow."""
    took = [float(r.get("seconds", 0)) for r in runs if not r.get("late")]
    return bool(took) and sum(took) / len(took) > SLOW_S


def _not_checked(shape: str, checks: Sequence[Check], idle: Mapping[str, str], ran: bool) -> list[str]:
    only = "runs on a sample and shows no errors." if shape == "tool" else "opens and shows no errors."
    if not checks:
        return [f"Whether it does what you asked{f': I only checked that it {only}' if ran else '.'}"]
    if all(c.id in idle for c in checks):
        known = f" All I know is that it {only}" if ran else ""
        return [f"Whether it does what you asked: my own checks cannot fail, so they count for nothing.{known}"]
    return []


def _judged(
    results: list[Json], not_checked: list[str], places: Mapping[str, str] | None = None, *, ran: bool = True
) -> Judged:
    """`ran` false: nothing was seen to run, so nothing is held."""
    counted = [r for r in results if not r["idle"]]
    broken = [r for r in counted if not r["held"]]
    figure = r"\d+(?:[.,'\u00a0\u202f]\d+)*"
    text = re.sub(figure, "#", "|".join(sorted(f"{r['id']}:{r['saw']}" for r in broken)))
    made = Judged(
        Verdict.BROKEN if broken else Verdict.HELD if counted and ran else Verdict.UNCHECKED, results, not_checked,
        signature=hashlib.sha256(text.encode()).hexdigest()[:16] if broken else "", places=places or {},
    )  # fmt: skip
    return Judged(made.verdict, results, not_checked, made.evidence_without(()), made.signature, made.places)


def _places(checks: Sequence[Check]) -> dict[str, str]:
    """Where in the page the looked-for marks are, for whoever mends it."""
    places = {}
    for check in checks:
        marks = sorted({e.target.mark for e in check.expect if e.target and e.target.mark})
        if marks:
            places[check.id] = " [looked at " + " and ".join(f'data-vibe="{mark}"' for mark in marks) + "]"
    return places


# --- one promise ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Ran:
    """What one run came to. `seen` has a value for each expectation, so that the relation can look back at it."""

    held: bool
    did: str
    expected: str
    saw: str
    seen: Sequence[Seen] = ()
    film: str = ""
    late: bool = False  # there was no time left to look


_Look = Callable[[Bound, "Json | None", Sequence[Seen]], _Ran]

_OPENING = {
    "~again": "Once more on a fresh page, with other values",
    "~varied": "With other numbers",
    "~varied~again": "Once more on a fresh page, with other numbers",
}


def _promise(
    check: Check, look: _Look, seen: Mapping[str, Json], seed: int, idle: str, slow: bool
) -> Json | None:
    """One promise over all its runs; the first that does not hold is the one that is told. None when there was no time
    for all of them, what was seen held, and the page is not to blame (`slow`)."""
    runs = bound(check, seed)
    ran: dict[str, _Ran] = {}
    for run in runs:
        before = ran[run.first.id].seen if run.first else ()
        ran[run.id] = look(run, seen.get(run.id), before)
    if not slow and any(r.late for r in ran.values()) and all(r.held or r.late for r in ran.values()):
        return None
    told_id = next((id_ for id_, r in ran.items() if not r.held), runs[0].id)
    one = ran[told_id]
    opening = _OPENING.get(told_id.removeprefix(check.id), "")
    return result(
        check.id, check.sentence, f"{opening}: {one.did}" if opening else one.did, one.expected, one.saw,
        held=all(r.held for r in ran.values()), source=check.source, confirmed=check.confirmed, idle=idle,
        film=one.film, seed=seed if check.vary else 0,
    )  # fmt: skip


def _compared(run: Bound, did: str, seen: Sequence[Seen], before: Sequence[Seen], film: str = "") -> _Ran:
    """Every expectation against its value; one without a value does not hold."""
    rows = [
        (e, seen[n] if n < len(seen) else None, before[n] if n < len(before) else None)
        for n, e in enumerate(run.expect)
    ]
    held = [run.holds(e, s, b) for e, s, b in rows]
    missed = [row for row, ok in zip(rows, held, strict=True) if not ok]
    named = len(missed or rows) > 1
    return _Ran(
        not missed and len(seen) == len(run.expect),
        did,
        "; ".join(told.wanted(run, *row, named=named) for row in missed or rows),
        "; ".join(told.saw(e, s, named=named) for e, s, _ in missed) or told.JUST_THAT,
        seen,
        film,
    )


def _page_run(run: Bound, seen: Json | None, before: Sequence[Seen]) -> _Ran:
    """One run on a page against the raw values that the box saw."""
    if seen is None:
        return _Ran(False, told.steps(run.steps), _wanted(run), "I could not look")
    film = run.id if seen.get("film") or seen.get("frames") else ""
    if seen.get("late"):
        saw = "there was no time left to look: it is too slow"
        return _Ran(False, told.steps(run.steps), _wanted(run), saw, film=film, late=True)
    if failed := seen.get("failed"):
        number = int(failed["step"])
        step = run.steps[number] if 0 <= number < len(run.steps) else None
        return _Ran(
            False,
            told.steps(run.steps[: max(number, 0)]),
            _wanted(run),
            told.stuck(step, failed) + _raised(run, seen, "; "),
            film=film,
        )
    ran = _compared(run, told.steps(run.steps), seen["seen"], before, film)
    if not (error := _raised(run, seen, "; " if not ran.held else "it held, but ")):
        return ran
    expected = ran.expected if not ran.held else f"{ran.expected}; no errors"
    return replace(ran, held=False, expected=expected, saw=error if ran.held else ran.saw + error)


def _raised(run: Bound, seen: Json, opening: str) -> str:
    """The error that nobody caught while a promise's steps were done; "" for none, or where the promise itself says
    how many there should be."""
    if not seen.get("raised") or any(e.see == "errors" for e in run.expect):
        return ""
    return f"{opening}the page raised an error: {seen['raised']}"


def _tool_run(run: Bound, seen: Json | None, before: Sequence[Seen]) -> _Ran:
    did = told.inputs(run)
    if seen is None:
        return _Ran(False, did, _wanted(run), "it did not run")
    outcome = outcome_of(seen["outcome"])
    values = [_tool_value(e, outcome) for e in run.expect]
    film = run.id if seen.get("film") else ""
    ran = _compared(run, did, values, before, film)
    exits = [e for e, v in zip(run.expect, values, strict=True) if e.see == "exit" and not run.holds(e, v)]
    if exits or (not ran.held and not outcome.ok and not any(e.see in {"exit", "message"} for e in run.expect)):
        return _Ran(False, did, ran.expected, ended(outcome), values, film)
    return ran


def _wanted(run: Bound) -> str:
    named = len(run.expect) > 1
    return "; ".join(told.wanted(run, e, None, named=named) for e in run.expect)


def _tool_value(expect: Expect, outcome: Outcome) -> Any:
    artifacts: dict[str, str] = {a["name"]: a.get("text", "") for a in outcome.artifacts}  # type: ignore[index, attr-defined]
    match expect.see:
        case "exit":
            return outcome.code if outcome.ended == "exit" else None
        case "stdout":
            return outcome.stdout
        case "message":
            return message(outcome)
        case "artifact":
            return next((name for name in artifacts if name == expect.is_), ", ".join(artifacts))
        case see if see.startswith("artifact:"):
            return artifacts.get(see.partition(":")[2])
    return None
