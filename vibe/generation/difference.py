"""What is different between two versions: lines of their files, and promises that held before. Pure; no model."""

import difflib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, islice

from vibe.generation.checks.ids import told_apart
from vibe.generation.checks.results import opens
from vibe.generation.steps import Json

AROUND = 3  # unchanged lines shown above and below a change
MOST = 2000  # lines of one file that are kept to be shown; the others are counted
# difflib is quadratic: beyond so many lines on either side all of them count as replaced, and beyond so many pairs of
# like lines (blank ones, "}") those that are many are matched only beside others.
MIDDLE, PAIRS = 3000, 100_000
WORK = 4_000_000  # pairs of like lines that are looked at for all files together, about a second; then all are replaced


@dataclass(frozen=True)
class Line:
    """One line of a hunk: `kind` is same, added or removed; `old` and `new` its numbers from 1, None where it is not."""

    kind: str
    text: str
    old: int | None
    new: int | None


@dataclass(frozen=True)
class FileDifference:
    """`how` is new, gone, renamed (from `before`) or changed. A line that was rewritten counts as changed alone.
    `left_out`: lines that belong to `hunks` and are too many to be kept."""

    path: str
    how: str
    added: int = 0
    removed: int = 0
    changed: int = 0
    hunks: tuple[tuple[Line, ...], ...] = ()
    before: str = ""
    left_out: int = 0

    @property
    def lines(self) -> int:
        return self.added + self.removed + self.changed


@dataclass(frozen=True)
class Difference:
    """Only files that differ, by name."""

    files: tuple[FileDifference, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.files)


def difference(old: Mapping[str, str], new: Mapping[str, str]) -> Difference:
    """What turns the files `old` into `new`."""
    gone = {path: text for path, text in old.items() if path not in new}
    found, work = [], _Work()
    for path in sorted({*old, *new}):
        if path not in old:
            twin = next((p for p, text in gone.items() if text == new[path] and text.strip()), None)
            if twin is not None:
                del gone[twin]
                found.append(FileDifference(path, "renamed", before=twin))
            else:
                found.append(_file(path, "new", "", new[path], work))
        elif path in new and old[path] != new[path]:
            found.append(_file(path, "changed", old[path], new[path], work))
    found += [_file(path, "gone", text, "", work) for path, text in gone.items()]
    return Difference(tuple(sorted(found, key=lambda one: one.path)))


def in_words(found: Difference) -> str:
    """A sentence for the person: "Changed 3 lines in style.css; app.js is new (40 lines)." """
    if not found:
        return "Nothing changed."
    parts = [_words(one) for one in found.files[:6]]
    left = len(found.files) - len(parts)
    if left:
        parts.append(f"and {left} more {'file' if left == 1 else 'files'}")
    text = "; ".join(parts)
    # A file name keeps its own letters; only our verbs begin a sentence.
    first = text if found.files[0].how in {"new", "gone", "renamed"} else text[0].upper() + text[1:]
    return first + "."


def regressions(before: Sequence[Json], after: Sequence[Json], standing: Sequence[Json] = ()) -> list[str]:
    """Sentences of the checks that held in the results `before` and do not in `after`. Where the program after can no
    longer be opened, these are all promises that held and still stand: `standing` are the checks it is held to.

    A check is the same by its id or by its sentence; one that cannot fail (`idle`) promised nothing.
    """
    held = _held(before)
    broken = [str(r["sentence"]) for r in after if not r.get("held") and not r.get("idle") and held(r)]
    return broken if opens(after) else [*broken, *_not_seen(held, after, standing)]


def unseen(before: Sequence[Json], after: Sequence[Json], standing: Sequence[Json]) -> list[str]:
    """Sentences of the promises that held in the results `before`, still stand, and were not looked at for `after`
    through no fault of the program: no box, or no time left."""
    return _not_seen(_held(before), after, standing) if opens(after) else []


def _held(before: Sequence[Json]) -> Callable[[Json], bool]:
    """Whether a check, or the result of one, is one of those that held and counted."""
    known = told_apart(before)
    held = [r for r in before if r.get("held") and not r.get("idle")]
    ids = {r.get("id") for r in held} & known
    sentences = {r.get("sentence") for r in held} - {None, ""}
    return lambda one: one.get("id") in ids or (one.get("id") not in known and one.get("sentence") in sentences)


def _not_seen(held: Callable[[Json], bool], after: Sequence[Json], standing: Sequence[Json]) -> list[str]:
    looked_at = {r.get("id") for r in after}
    return [str(check["sentence"]) for check in standing if check["id"] not in looked_at and held(check)]


def _words(one: FileDifference) -> str:
    match one.how:
        case "new":
            return f"{one.path} is new ({_count(one.added)})"
        case "gone":
            return f"{one.path} is gone ({_count(one.removed)})"
        case "renamed":
            return f"{one.path} was called {one.before}"
    said = [
        f"{verb} {_count(count) if at == 0 else count}"
        for at, (verb, count) in enumerate(
            (verb, count)
            for verb, count in (("changed", one.changed), ("added", one.added), ("removed", one.removed))
            if count
        )
    ]
    if not said:
        return f"changed the end of lines in {one.path}"
    text = f"{', '.join(said[:-1])} and {said[-1]}" if len(said) > 1 else said[0]
    return f"{text} in {one.path}"


def _count(lines: int) -> str:
    return f"{lines} line" if lines == 1 else f"{lines} lines"


def _file(path: str, how: str, old: str, new: str, work: "_Work") -> FileDifference:
    before, after = _lines(old), _lines(new)
    steps = _steps(before, after, work)
    added = removed = changed = 0
    for tag, a, b, c, d in steps:
        if tag != "equal":
            both = min(b - a, d - c)
            changed, removed, added = changed + both, removed + b - a - both, added + d - c - both
    hunks, left_out = _hunks(before, after, steps)
    return FileDifference(path, how, added, removed, changed, hunks, left_out=left_out)


def _lines(text: str) -> list[str]:
    return [line.removesuffix("\r") for line in text.removesuffix("\n").split("\n")] if text else []


Opcode = tuple[str, int, int, int, int]


class _TooMuch(Exception):
    """Raised when comparing took all the work there is."""


@dataclass
class _Work:
    left: int = WORK


class _Matcher(difflib.SequenceMatcher[str]):
    """Counts the pairs that it looks at, before it does."""

    def __init__(self, a: list[str], b: list[str], work: _Work, *, autojunk: bool) -> None:
        super().__init__(None, a, b, autojunk=autojunk)
        self._work, self._size = work, len(a)
        like = self.b2j  # type: ignore[attr-defined]
        self._pairs = [0, *accumulate(1 + len(like.get(line, ())) for line in a)]

    def find_longest_match(
        self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None
    ) -> difflib.Match:
        ahi = self._size if ahi is None else ahi
        self._work.left -= self._pairs[ahi] - self._pairs[alo]
        if self._work.left < 0:
            raise _TooMuch
        return super().find_longest_match(alo, ahi, blo, bhi)


def _steps(before: list[str], after: list[str], work: _Work) -> list[Opcode]:
    """difflib's opcodes; what is the same at both ends is cut off first, for speed."""
    head = 0
    while head < min(len(before), len(after)) and before[head] == after[head]:
        head += 1
    tail = 0
    while tail < min(len(before), len(after)) - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1
    a, b = before[head : len(before) - tail], after[head : len(after) - tail]
    steps: list[Opcode] = [("equal", 0, head, 0, head)] if head else []
    steps += _shifted(_compared(a, b, work), head)
    if tail:
        steps.append(("equal", len(before) - tail, len(before), len(after) - tail, len(after)))
    return steps


def _compared(a: list[str], b: list[str], work: _Work) -> list[Opcode]:
    replaced: list[Opcode] = [("replace", 0, len(a), 0, len(b))]
    if len(a) > MIDDLE or len(b) > MIDDLE:
        return replaced
    times = Counter(a)
    crowded = sum(times[line] for line in b) > PAIRS
    try:
        return [*_Matcher(a, b, work, autojunk=crowded).get_opcodes()]
    except _TooMuch:
        return replaced


def _shifted(steps: list[Opcode], by: int) -> list[Opcode]:
    return [(tag, a + by, b + by, c + by, d + by) for tag, a, b, c, d in steps]


# kind, its first line and past its last, how many lines it stands lower afterwards
Piece = tuple[str, int, int, int]


def _hunks(
    before: list[str], after: list[str], steps: list[Opcode]
) -> tuple[tuple[tuple[Line, ...], ...], int]:
    """Changes with AROUND lines about them; changes nearer than that share a hunk. (what is kept, how many lines are not)"""
    hunks: list[list[Piece]] = []
    for at, (tag, a, b, c, d) in enumerate(steps):
        if tag != "equal":
            if not hunks:
                hunks.append([])
            hunks[-1] += [("removed", a, b, 0), ("added", c, d, 0)]
            continue
        first, last = at == 0, at == len(steps) - 1
        if not first and not last and b - a <= 2 * AROUND:
            hunks[-1].append(("same", a, b, c - a))
            continue
        if not first:
            hunks[-1].append(("same", a, min(b, a + AROUND), c - a))
        if not last:
            hunks.append([("same", max(a, b - AROUND), b, c - a)])
    kept: list[tuple[Line, ...]] = []
    room, left_out = MOST, 0
    for pieces in hunks:
        if not any(kind != "same" and end > begin for kind, begin, end, _ in pieces):
            continue
        size = sum(end - begin for _, begin, end, _ in pieces)
        if part := tuple(islice(chain.from_iterable(_told(one, before, after) for one in pieces), room)):
            kept.append(part)
        room, left_out = room - len(part), left_out + size - len(part)
    return tuple(kept), left_out


def _told(piece: Piece, before: list[str], after: list[str]) -> Iterator[Line]:
    kind, begin, end, lower = piece
    for at in range(begin, end):
        if kind == "added":
            yield Line(kind, after[at], None, at + 1)
        else:
            yield Line(kind, before[at], at + 1, at + lower + 1 if kind == "same" else None)
