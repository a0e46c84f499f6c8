"""Settings of a recipe: what one is, and one with its value and where that came from. A value is JSON."""

import re
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from vibe.recipes.phrases import expanded

Kind = Literal["text", "number", "date", "list", "pairs", "lines", "choice"]
Span = tuple[int, int]


class Found(NamedTuple):
    """A value, the text that gave it, and the part of that text which is the value and is used up by it."""

    value: Any
    span: Span
    core: Span


MONTHS = ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"]  # fmt: skip


@dataclass(frozen=True)
class SlotSpec:
    """A setting of a recipe. `patterns`: regular expressions with a group that find it in words.

    `counted` finds how many a list has ("four people"); without names they are called `each` 1, 2, …
    `times` are words that make this number a multiple of the setting `of` ("double").
    """

    name: str
    label: str
    kind: Kind
    default: Any
    patterns: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    synonyms: tuple[tuple[str, str], ...] = ()
    min: float | None = None
    max: float | None = None
    at_least: int = 1  # items of a list
    max_words: int = 30  # of an item; a name has few
    holds: str = ""  # what every item of a list must have in it
    avoids: str = ""  # what no item begins with: then it is a wish, not an item
    counted: tuple[str, ...] = ()
    each: str = ""
    times: tuple[tuple[str, float], ...] = ()
    of: str = ""
    required: bool = False
    hint: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "patterns", tuple(map(expanded, self.patterns)))


@dataclass(frozen=True)
class Slot:
    """A setting with its value and where that came from: words, file, person or default."""

    name: str
    label: str
    kind: Kind
    value: Any
    origin: str
    choices: tuple[str, ...] = ()
    hint: str = ""

    @property
    def said(self) -> str:
        """The value on one line."""
        return _joined(self.shown)

    @property
    def shown(self) -> str:
        """The value as a form holds it."""
        if self.kind == "pairs":
            return "\n".join(f"{label}: {_plain(number)}" for label, number in self.value)
        if self.kind in {"list", "lines"}:
            return "\n".join(self.value)
        if self.kind == "date" and (found := re.fullmatch(r"--(\d{2})-(\d{2})", self.value)):
            return f"{int(found[2])} {MONTHS[int(found[1]) - 1].title()}, every year"
        return _plain(self.value) if isinstance(self.value, int | float) else str(self.value)


def _joined(text: str) -> str:
    return ", ".join(text.splitlines())


def _plain(value: float | str) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def wanted(spec: SlotSpec) -> str:
    """What to enter into this field, for a person."""
    match spec.kind:
        case "number" if spec.min is not None and spec.max is not None:
            return f"Use a number from {spec.min:g} to {spec.max:g}."
        case "number":
            return f"Use a number of at least {spec.min:g}." if spec.min is not None else "Use a number."
        case "date":
            return "Use a date like 2026-12-24, or 24 December for every year."
        case "list" | "lines":
            least = "one" if spec.at_least < 2 else str(spec.at_least)
            return f"Write at least {least}, one on each line."
        case "pairs":
            least = "one" if spec.at_least < 2 else str(spec.at_least)
            return f"Write at least {least}, each on a line of its own, like “Tea: 3”."
        case "choice":
            return "Choose one of the list."
    return "Write something here."
