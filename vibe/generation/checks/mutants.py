"""Mutants: the winning program with one small mistake in it. Checks that do not notice it are worth little.

A mistake is made in code only, never in a string or a comment: those are blanked out first, and a place is looked for
in what is left. Some mistakes change nothing that anyone could see, so a kill rate is a lower bound.
"""

import ast
import io
import random
import re
import tokenize
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from vibe.choices import Verdict
from vibe.generation.checks.codemask import javascript, scripts_of_html
from vibe.generation.checks.verdict import Judged

MAX_FILE = 200_000


@dataclass(frozen=True)
class Mutant:
    """`files` is the whole program; `line` counts from 1; `what` is the mistake in words."""

    files: dict[str, str]
    file: str
    line: int
    what: str


@dataclass(frozen=True)
class KillRate:
    """Of `tried` mutants, `killed` broke a check that holds for the program as it is."""

    killed: int
    tried: int


@dataclass(frozen=True)
class _Place:
    kind: str
    file: str
    start: int
    end: int
    new: str


def mutants(files: Mapping[str, str], shape: str, seed: int, most: int = 10) -> list[Mutant]:
    """At most `most` mutants, of as many kinds as there are; the same seed gives the same ones. A Python file always
    parses; in JavaScript only tokens are changed for others of their kind."""
    places: dict[str, list[_Place]] = {}
    for file in sorted(files):
        for place in _places(file, files[file]):
            places.setdefault(place.kind, []).append(place)
    chance = random.Random(f"{seed}:{shape}")  # noqa: S311  repeatable, not secret
    for found in places.values():
        chance.shuffle(found)
    made: list[Mutant] = []
    while len(made) < most and any(places.values()):
        for kind in sorted(places):
            if places[kind] and len(made) < most and (mutant := _made(files, places[kind].pop())):
                made.append(mutant)
    return made


def kill_rate(winner: Judged, tried: Sequence[Judged]) -> KillRate:
    """How many of the judged mutants broke a check that holds and counts for `winner`; what no box could open is left out."""
    seen = [judged for judged in tried if judged.verdict != Verdict.UNCHECKED]
    return KillRate(sum(1 for judged in seen if winner.held_ids & judged.broken_ids), len(seen))


def _made(files: Mapping[str, str], place: _Place) -> Mutant | None:
    text = files[place.file]
    old = text[place.start : place.end]
    changed = text[: place.start] + place.new + text[place.end :]
    if place.file.endswith(".py"):
        try:
            ast.parse(changed)
        except (SyntaxError, ValueError):
            return None
    line = text.count("\n", 0, place.start) + 1
    return Mutant({**files, place.file: changed}, place.file, line, f"“{old}” became “{place.new}”")


# --- places -----------------------------------------------------------------------------------------------------

_FLIP = {"<": ">=", ">": "<=", "<=": ">", ">=": "<", "==": "!=", "!=": "==", "===": "!==", "!==": "==="}
_SWAP = {"+": "-", "-": "+", "*": "/", "/": "*", "+=": "-=", "-=": "+="}
_BOOL = {"true": "false", "false": "true", "True": "False", "False": "True"}
_BOTH = {"&&": "||", "||": "&&", "and": "or", "or": "and"}

_Change = Callable[[str], str]
_SHARED: tuple[tuple[str, str, _Change], ...] = (
    ("comparison", r"(?<=\s)(?:[<>]=?|[!=]==?)(?=\s)", _FLIP.__getitem__),
    ("arithmetic", r"(?<=[\w)\]]\s)(?:[-+]=?|[*/])(?=\s)", _SWAP.__getitem__),
    ("truth", r"\b(?:true|false|True|False)\b", _BOOL.__getitem__),
    ("both", r"(?<=\s)(?:&&|\|\||and|or)(?=\s)", _BOTH.__getitem__),
    ("number", r"(?<![\w.$#])\d{1,9}(?![\w.])", lambda old: str(int(old) + 1)),
)
_PAGE: tuple[tuple[str, str, _Change], ...] = (
    ("handler", r"(?<=\.)addEventListener(?=\()", lambda old: "removeEventListener"),
    ("handler", r"(?<=\.)on[a-z]{3,12}(?=\s*=[^=])", lambda old: "unused"),
)


def _places(file: str, text: str) -> Iterator[_Place]:
    """Where a mistake can be made. Blanked text has blanks for strings and comments, at the same places."""
    if len(text) > MAX_FILE:
        return
    ending = file.rsplit(".", 1)[-1]
    blank = {"js": javascript, "mjs": javascript, "html": scripts_of_html, "py": _python}.get(ending)
    if blank is None:
        return
    code = blank(text)
    for kind, pattern, change in _SHARED + (() if ending == "py" else _PAGE):
        for found in re.finditer(pattern, code):
            if (new := _changed(found[0], change)) is not None:
                yield _Place(kind, file, found.start(), found.end(), new)


def _changed(old: str, change: _Change) -> str | None:
    try:
        return change(old)
    except KeyError:
        return None


def _python(text: str) -> str:
    """Python with its strings and comments blanked out; all blank when it cannot be read."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    out = list(text)
    # From Python 3.12 on an f-string comes as pieces, of which only its fields are code.
    masked = {
        tokenize.STRING,
        tokenize.COMMENT,
        *(getattr(tokenize, n, -1) for n in ("FSTRING_START", "FSTRING_MIDDLE", "FSTRING_END")),
    }
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type in masked:
                begin, end = (starts[row - 1] + column for row, column in (token.start, token.end))
                out[begin:end] = [c if c == "\n" else " " for c in out[begin:end]]
    except (tokenize.TokenError, SyntaxError, IndexError):
        return ""
    return "".join(out)
