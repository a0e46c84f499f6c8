"""Table: rates with their intervals, by shape and in all, and what came of each request."""

from collections.abc import Callable, Iterable, Sequence
from math import sqrt
from statistics import mean, median

from vibe.management.measuring.results import Measured

Z = 1.959964  # of a 95 % interval
HEAD = ("model or set", "way", "shape", "n", "first time", "after repair", "calls", "tokens in", "tokens out", "seconds", "USD")  # fmt: skip
HEAD_EACH = ("request", "shape", "set", "product", "calls", "bare model")


def wilson(passed: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a rate, from 0 to 1 (Wilson 1927). It is honest for few, and for all or none of them."""
    if not of:
        return 0.0, 1.0
    rate, z2 = passed / of, Z * Z
    middle = (rate + z2 / (2 * of)) / (1 + z2 / of)
    half = Z * sqrt(rate * (1 - rate) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    return max(0.0, middle - half), min(1.0, middle + half)


def head(measured: Sequence[Measured]) -> tuple[str, ...]:
    """HEAD, and a column for the suite's own checks where it brought some."""
    return (*HEAD, "own checks") if any(m.own for m in measured) else HEAD


def summary(measured: Sequence[Measured]) -> list[tuple[str, ...]]:
    """A row for each set, way and shape, and one for all shapes of a set and way; their columns are those of `head`."""
    own = any(m.own for m in measured)
    rows = []
    for set_ in _once(m.set for m in measured):
        for way in _once(m.way for m in measured if m.set == set_):
            mine = [m for m in measured if (m.set, m.way) == (set_, way)]
            shapes = sorted({m.shape for m in mine})
            groups = [(shape, [m for m in mine if m.shape == shape]) for shape in shapes]
            groups += [("all", mine)] if len(shapes) > 1 else []
            rows += [(*_row(set_, way, name, these), *([_own(these)] if own else [])) for name, these in groups]
    return rows


def _own(mine: Sequence[Measured]) -> str:
    """How many held all of the suite's own checks, of those for which it brought some."""
    asked = [m for m in mine if m.own]
    return _rate(asked, lambda m: m.own_held == m.own) if asked else "–"


def _row(set_: str, way: str, shape: str, mine: Sequence[Measured]) -> tuple[str, ...]:
    known = [m.usd for m in mine if m.usd is not None]
    return (
        set_, {"bare": "bare model"}.get(way, way), shape, str(len(mine)), _rate(mine, lambda m: m.first),
        _rate(mine, lambda m: m.held) if way == "product" else "–", f"{mean(len(m.calls) for m in mine):.1f}",
        f"{mean(m.tokens_in for m in mine):,.0f}", f"{mean(m.tokens_out for m in mine):,.0f}",
        f"{median(m.seconds for m in mine):.1f}", f"{mean(known):.4f}" if len(known) == len(mine) else "not known",
    )  # fmt: skip


def _rate(mine: Sequence[Measured], passed: Callable[[Measured], bool]) -> str:
    held = sum(passed(m) for m in mine)
    low, high = wilson(held, len(mine))
    return f"{held}/{len(mine)} ({100 * low:.0f}–{100 * high:.0f} %)"


def each(measured: Sequence[Measured]) -> list[tuple[str, ...]]:
    """A row for each request of each set: what the product came to, in which calls, and the bare model."""
    rows = []
    for one in (m for m in measured if m.way == "product"):
        same = (one.suite, one.request, one.nth, one.set)
        bare = next(
            (m for m in measured if m.way == "bare" and (m.suite, m.request, m.nth, m.set) == same), None
        )
        rows.append(
            (one.request, one.shape, one.set, outcome(one), " ".join(one.calls), outcome(bare) if bare else "–")
        )
    return sorted(rows, key=lambda row: row[0])


def outcome(one: Measured) -> str:
    """In a few words what came of it."""
    if one.held:
        return "held at once" if one.first else "held after repair"
    return {"broken": "does not hold", "unchecked": "not checked"}.get(one.verdict, "no program")


def plain(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """For a terminal."""
    widths = [max(len(str(row[at])) for row in [head, *rows]) for at in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [head, *rows]
    )


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in row) + " |" for row in lines)


MARKS = ("<!-- measured -->\n", "\n<!-- /measured -->")


def whole(measured: Sequence[Measured]) -> str:
    """Both tables in Markdown, with the days on which they were made."""
    days = sorted({m.at[:10] for m in measured})
    made = f"Made on {days[0]}." if len(days) == 1 else f"Made from {days[0]} to {days[-1]}." if days else ""
    return "\n\n".join([made, markdown(head(measured), summary(measured)), markdown(HEAD_EACH, each(measured))])


def into(page: str, measured: Sequence[Measured]) -> str:
    """`page` with the tables between its marks. Raises ValueError when they are not there."""
    before, _, rest = page.partition(MARKS[0])
    _, mark, after = rest.partition(MARKS[1])
    if not mark:
        raise ValueError(f"there is no {MARKS[0].strip()} … {MARKS[1].strip()} in it")
    return f"{before}{MARKS[0]}{whole(measured)}{mark}{after}"


def note(measured: Sequence[Measured]) -> str:
    """What may be concluded, in a sentence or two."""
    if any(m.played for m in measured):
        return (
            "Played from cassettes: a test of the harness. Replies that were written by hand are no success rate of any "
            "model; the seconds are this machine's, without a model's, unless the cassettes were recorded."
        )
    return (
        "Rates with 95 % intervals (Wilson). Where two intervals overlap, we do not know which is better. The checks are "
        "those that the model itself wrote before the code; the bare model was told them, and did not pay for them. "
        "“Own checks” are the suite's: no model saw them."
    )


def _once(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
