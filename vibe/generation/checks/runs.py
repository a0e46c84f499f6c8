"""Runs: a check bound to concrete values, which is what a box does. Everything here follows from the check and a seed.

A check has up to four runs: itself, ~again (the relation), and with a seed ~varied and ~varied~again, whose numbers
are chosen after the code is frozen, so that a program that knows the example by heart is found out.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from vibe.generation.checks import filling
from vibe.generation.checks.arithmetic import BadExpression, evaluate, exactly, names_in
from vibe.generation.checks.figures import Figure, exact, figures, half_unit, shows
from vibe.generation.checks.language import Check, Expect, Given, Seen, Step, as_checks
from vibe.generation.steps import Json

TRIES = 60
MANY, OTHERS = 40, 6  # figures in a text, and results of other inputs, from which on it may show just anything


@dataclass(frozen=True)
class Bound:
    """One run of a check: `values` are those that its texts were filled with; `first` is the run that `before` means."""

    id: str
    check: Check
    values: Mapping[str, Given]
    steps: tuple[Step, ...]
    expect: tuple[Expect, ...]
    first: "Bound | None" = None

    def as_json(self) -> Json:
        """For the box: no placeholders, no expressions."""
        run: Json = {
            "id": self.id,
            "steps": [s.model_dump(exclude_defaults=True) for s in self.steps],
            "expect": [_plain(e, self) for e in self.expect],
        }
        if self.check.input is not None:
            run["input"] = self.filled(self.check.input)
        if self.check.files:
            run["files"] = {self.filled(name): self.filled(text) for name, text in self.check.files.items()}
        return run

    def filled(self, node: object) -> object:
        return filling.anything(node, self.values) if filling.fills(self.check) else node

    def number(self, expect: Expect) -> Fraction | None:
        """What an expectation's expression comes to here; None when it has none or needs what was seen before."""
        if expect.number is None or "before" in names_in(expect.number):
            return None
        return exactly(expect.number, self.values)

    def holds(self, expect: Expect, seen: Seen, before: Seen = None) -> bool:
        """Whether `seen` is as it should be in this run; `before` is what the same expectation saw the first time."""
        if expect.number is None:
            return expect.holds(seen)
        if seen is None or isinstance(seen, bool):
            return False
        if "before" not in names_in(expect.number):
            wanted = exactly(expect.number, self.values)
            return _shows(seen, wanted) and not self._shows_anything(expect.number, seen, wanted)
        if self.first is None:  # the first time there only has to be a number
            return isinstance(seen, int | float) or bool(figures(seen))
        return any(self._follows(expect.number, was, now) for was, now in self._pairs(seen, before))

    def _shows_anything(self, expression: str, seen: Seen, wanted: Fraction) -> bool:
        """Whether a long text shows just as well what other inputs would give: then it says nothing of these. A
        program that prints all numbers would hold everything."""
        if not isinstance(seen, str) or not self.check.vary or len(figures(seen)) < MANY:
            return False
        chance, others = random.Random(f"others:{self.check.id}"), set[Fraction]()  # noqa: S311
        for _ in range(TRIES):
            try:
                others.add(exactly(expression, _other_values(self.check, chance)))
            except BadExpression:
                continue
            if len(others) > OTHERS:
                break
        others.discard(wanted)
        return len(others) >= OTHERS and all(shows(seen, other) for other in others)

    def _pairs(self, seen: Seen, before: Seen) -> list[tuple[Figure, Figure]]:
        """Each number seen the first time with the number at the same place now.

        Numbers that only repeat what was typed ("for 3 people") are left out while there are others.
        """
        assert self.first is not None
        old, new = _figures(before), _figures(seen)
        if len(old) != len(new):
            return []
        typed = _typed(self.first.values)
        pairs = list(zip(old, new, strict=True))
        return [p for p in pairs if float(p[0].readings[0][0]) not in typed] or pairs

    def _follows(self, expression: str, was: Figure, now: Figure) -> bool:
        """Whether a number follows from the one before, which may have been rounded where it was shown."""
        for value, decimals in was.readings:
            half = half_unit(decimals)
            try:
                ends = [exactly(expression, {**self.values, "before": value + by}) for by in (-half, half, 0)]
            except BadExpression:
                continue
            if now.within(min(ends), max(ends)):
                return True
        return False

    def wanted(self, expect: Expect, seen: Seen, before: Seen = None) -> Fraction | None:
        """The number that should have been seen, for saying it."""
        if expect.number is None:
            return None
        if "before" not in names_in(expect.number):
            return exactly(expect.number, self.values)
        if self.first is None or not isinstance(seen, str | int | float):
            return None
        pairs = self._pairs(seen, before) or [(f, f) for f in _figures(before)]
        if not pairs:
            return None
        try:
            return exactly(expect.number, {**self.values, "before": pairs[0][0].readings[0][0]})
        except BadExpression:
            return None


def runs(checks: Sequence[Check | Json], seed: int = 0) -> list[Json]:
    """What a box should do for `checks`, what matters most first: its time may run out.

    The promises that the person made or ticked come first, with all their runs: only those can say that it works as
    asked. Of the others every check as it stands, then the relations, then the varied ones. `seed` 0 leaves the varied
    ones out.
    """
    all_runs = [run for check in as_checks(checks) for run in bound(check, seed)]
    order = {"": 0, "~again": 1, "~varied": 2, "~varied~again": 3}

    def place(run: Bound) -> tuple[bool, int]:
        theirs = run.check.confirmed or run.check.source == "person"
        return not theirs, order[run.id.removeprefix(run.check.id)]

    return [run.as_json() for run in sorted(all_runs, key=place)]


def bound(check: Check, seed: int = 0) -> list[Bound]:
    """The runs of one check, in the order of their ids above."""
    made = _pair(check, "", check.given)
    if seed and check.vary and (values := _varied(check, seed)) is not None:
        made += _pair(check, "~varied", values)
    return made


def _pair(check: Check, ending: str, values: Mapping[str, Given]) -> list[Bound]:
    first = _bind(check, ending, values)
    if not check.again:
        return [first]
    return [first, _bind(check, f"{ending}~again", changed(check, values), first)]


def _bind(check: Check, ending: str, values: Mapping[str, Given], first: Bound | None = None) -> Bound:
    if not filling.fills(check):
        return Bound(check.id, check, values, tuple(check.steps), tuple(check.expect))
    return Bound(
        check.id + ending, check, values, tuple(filling.step(s, values) for s in check.steps),
        tuple(filling.expect(e, values) for e in check.expect), first,
    )  # fmt: skip


def changed(check: Check, values: Mapping[str, Given]) -> dict[str, Given]:
    """The values of the second time: numbers by their expressions, texts as they are given. Raises BadExpression."""
    new: dict[str, Given] = dict(values)
    for name, said in check.again.items():
        if isinstance(values.get(name), str):
            new[name] = str(said)
        elif isinstance(said, list):
            new[name] = [_reckoned(item, values) for item in said]
        else:
            new[name] = _reckoned(said, values)
    return new


def _reckoned(said: int | float | str, values: Mapping[str, Given]) -> int | float:
    if not isinstance(said, str):
        return said
    number = evaluate(said, values)
    return int(number) if number.is_integer() else number


# --- other numbers ----------------------------------------------------------------------------------------------


def _varied(check: Check, seed: int) -> dict[str, Given] | None:
    """Other values within their ranges for which every expression is defined and, if it can be, every number that is
    expected is another one than before, else at least something is; None when no such values are found."""
    chance = random.Random(f"{seed}:{check.id}")  # noqa: S311  chosen to be repeatable, not to be secret
    plain = _expected(check, check.given)
    spare: dict[str, Given] | None = None
    best = -1  # how many expectations are other ones with the values in `spare`
    for _ in range(TRIES):
        values = _other_values(check, chance)
        try:
            expected = _expected(check, values)
        except BadExpression:
            continue
        if values == check.given:
            continue
        others = [now != was for now, was in zip(expected, plain, strict=True)]
        numbers = [other for other, now in zip(others, expected, strict=True) if isinstance(now, Fraction)]
        if any(others) and all(numbers):
            return values
        if sum(others) > best:
            spare, best = values, sum(others)
    return spare


def _other_values(check: Check, chance: random.Random) -> dict[str, Given]:
    return {n: _other(v, check.vary[n], chance) if n in check.vary else v for n, v in check.given.items()}


def _other(value: Given, within: tuple[float, float], chance: random.Random) -> Given:
    if isinstance(value, list):
        return [_number(item, within, chance) for item in value]
    return value if isinstance(value, str) else _number(value, within, chance)


def _number(value: int | float, within: tuple[float, float], chance: random.Random) -> int | float:
    low, high = within
    if isinstance(value, int) or value.is_integer():
        return chance.randint(_up(low), max(_up(low), int(high // 1)))
    return round(chance.uniform(low, high), 2)


def _up(number: float) -> int:
    return int(-(-number // 1))


def _expected(check: Check, values: Mapping[str, Given]) -> list[object]:
    """Everything that is expected with these values, both times. Raises BadExpression."""
    return [
        run.number(e) if e.number is not None else (e.is_, e.contains, e.matches, e.target)
        for run in _pair(check, "", values)
        for e in run.expect
    ]


# --- what is seen -----------------------------------------------------------------------------------------------


def _shows(seen: Seen, wanted: Fraction) -> bool:
    if isinstance(seen, str):
        return shows(seen, wanted)
    return seen is not None and not isinstance(seen, bool) and exact(seen) == wanted


def _figures(seen: Seen) -> list[Figure]:
    if isinstance(seen, str):
        return [f for f in figures(seen) if f.readings]
    if isinstance(seen, int | float) and not isinstance(seen, bool):
        return [Figure(0, 0, ((exact(seen), 0),))]
    return []


def _typed(values: Mapping[str, Given]) -> set[float]:
    numbers: set[float] = set()
    for value in values.values():
        if not isinstance(value, str):
            numbers |= {float(v) for v in value} if isinstance(value, list) else {float(value)}
    return numbers


def _plain(expect: Expect, run: Bound) -> Json:
    plain = expect.model_dump(exclude_defaults=True, by_alias=True, exclude={"number"})
    number = run.number(expect)
    return plain if number is None else {**plain, "number": float(number)}
