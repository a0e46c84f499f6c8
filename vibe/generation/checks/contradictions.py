"""Contradictions: promises that cannot both hold, found before a line of code is written and asked about.

Two checks contradict each other when after the same steps they want different things at the same place. Where one says
{bill} and the other {total}, or both have numbers of their own, the second is reckoned with the numbers of the first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from vibe.generation.checks import figures, filling, patterns
from vibe.generation.checks.arithmetic import BadExpression
from vibe.generation.checks.language import Check, Expect, Given, as_checks, fold
from vibe.generation.checks.runs import Bound, bound
from vibe.generation.steps import Json


def find(checks: Sequence[Check | Json]) -> list[tuple[str, str, str]]:
    """(id, id, sentence for the person) of every pair that cannot both hold; the same id twice for one check alone."""
    firsts = [bound(check)[0] for check in as_checks(checks)]
    found = []
    for at, one in enumerate(firsts):
        for other in firsts[at:]:
            if words := _clash(one, other):
                found.append((one.check.id, other.check.id, words))
    return found


def _clash(one: Bound, other: Bound) -> str:
    if one is other:
        pairs = [(a, b) for n, a in enumerate(one.expect) for b in one.expect[n + 1 :]]
        clash = next((c for a, b in pairs if (c := _differ(one, a, one, b))), None)
        return f"“{one.check.sentence}” wants two things at once: {clash[0]} and {clash[1]}." if clash else ""
    for first, second in ((one, other), (other, one)):
        same = _under(first, second)
        for a in first.expect if same else ():
            for b in same.expect if same else ():
                if clash := _differ(first, a, same, b) if same else None:
                    return (
                        f"“{first.check.sentence}” and “{second.check.sentence}” cannot both hold: after the same steps "
                        f"one wants {clash[0]}, the other {clash[1]}."
                    )
    return ""


# --- the same steps ---------------------------------------------------------------------------------------------


def _under(first: Bound, second: Bound) -> Bound | None:
    """`second` with the values that `first` typed at the same places; None when it does something else."""
    if first.check.of_a_tool or second.check.of_a_tool:
        same = first.filled(first.check.input or {}) == second.filled(second.check.input or {})
        files = [{run.filled(n): run.filled(t) for n, t in run.check.files.items()} for run in (first, second)]
        return second if same and files[0] == files[1] and not first.steps and not second.steps else None
    if len(first.steps) != len(second.steps):
        return None
    values: dict[str, Given] = dict(second.values)
    for done, meant in zip(first.steps, second.check.steps, strict=True):
        number = _number(done.value)
        for name in filling.places(meant.value or ""):
            alone = meant.value == f"{{{name}}}" and isinstance(values.get(name), int | float)
            if alone and number is not None:
                values[name] = number
    again = _bound_to(second, values)
    return again if again and again.steps == first.steps else None


def _bound_to(run: Bound, values: Mapping[str, Given]) -> Bound | None:
    if not filling.fills(run.check):
        return run
    try:
        return replace(
            run, values=values, steps=tuple(filling.step(s, values) for s in run.check.steps),
            expect=tuple(filling.expect(e, values) for e in run.check.expect),
        )  # fmt: skip
    except filling.Unfilled:
        return None


def _number(text: str | None) -> int | float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return int(value) if value.is_integer() else value


# --- different things -------------------------------------------------------------------------------------------


def _differ(one: Bound, a: Expect, other: Bound, b: Expect) -> tuple[str, str] | None:
    """What the two want, when no program can give both."""
    if a.target != b.target:
        return None
    seeing = {a.see, b.see}
    place = f"“{a.target.words}”" if a.target else "it"
    if seeing == {"visible", "hidden"}:
        shown, gone = f"{place} to be seen", f"{place} not to be seen"
        return (shown, gone) if a.see == "visible" else (gone, shown)
    if a.see != b.see:
        return None
    try:
        x, y = one.number(a), other.number(b)
    except BadExpression:
        return None
    if x is not None and y is not None:
        if a.target is None:  # all of an output, or of a page: two numbers have room there
            return None
        return None if abs(x - y) <= figures.CENT else (figures.plainly(x), figures.plainly(y))
    if x is not None or y is not None:
        number, text = (x, b) if x is not None else (y, a)
        if (
            number is None
            or text.is_ is None
            or isinstance(text.is_, bool)
            or figures.shows(str(text.is_), number)
        ):
            return None
        said = (figures.plainly(number), f"“{text.is_}”")
        return said if x is not None else (said[1], said[0])
    return _words_differ(a, b)


def _words_differ(a: Expect, b: Expect) -> tuple[str, str] | None:
    if a.is_ is not None and b.is_ is not None:
        return None if fold(str(a.is_)) == fold(str(b.is_)) else (_said(a), _said(b))
    fixed, loose = (a, b) if a.is_ is not None else (b, a)
    if fixed.is_ is None or isinstance(fixed.is_, bool):
        return None
    text = fold(str(fixed.is_))
    misses = (
        (loose.contains is not None and fold(loose.contains) not in text)
        or (loose.matches is not None and not patterns.found(loose.matches, str(fixed.is_)))
        or (loose.at_least is not None and isinstance(fixed.is_, int | float) and fixed.is_ < loose.at_least)
    )
    return (_said(a), _said(b)) if misses else None


def _said(expect: Expect) -> str:
    if expect.is_ is not None:
        return f"“{expect.is_}”" if isinstance(expect.is_, str) else str(expect.is_)
    if expect.contains is not None:
        return f"something with “{expect.contains}”"
    return (
        f"at least {expect.at_least:g}" if expect.at_least is not None else f"something like “{expect.matches}”"
    )
