"""Typed settings out of words: quantities with units, dates, quoted titles, lists, `a: 1` pairs, choices.

Each reader returns a value and the span of text that it used, or None. A value is JSON; `shown` is how a form shows it.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

Kind = Literal["text", "number", "date", "list", "pairs", "lines", "choice"]
Span = tuple[int, int]
Found = tuple[Any, Span]

MAX_TEXT, MAX_ITEMS, MAX_ITEM = 120, 60, 200
_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_MONTH = r"(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
_FEASTS = {
    "christmas eve": (12, 24),
    "christmas": (12, 25),
    "new year's eve": (12, 31),
    "new year": (1, 1),
    "halloween": (10, 31),
}
_NUMBER = r"(\d{1,7}(?:[.,]\d{1,4})?)"
_PAIR = re.compile(
    r"^\s*(?P<label>[^\n:=]{1,80}?)\s*(?:[:=]\s*|\s+)(?P<number>[-+]?[$€£]?\s?\d{1,12}(?:[.,]\d{1,6})?)\s*(?:[%€$£]|[a-z]{1,12})?\s*$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class SlotSpec:
    """A setting of a recipe. `patterns`: regular expressions with a group that find it in words."""

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
    required: bool = False
    hint: str = ""


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
            return f"{int(found[2])} {_MONTHS[int(found[1]) - 1].title()}, every year"
        return _plain(self.value) if isinstance(self.value, int | float) else str(self.value)


def _joined(text: str) -> str:
    return ", ".join(text.splitlines())


def _plain(value: float | str) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def from_words(spec: SlotSpec, text: str) -> Found | None:
    """The value that `text` gives this setting."""
    match spec.kind:
        case "number":
            return _number(spec, text)
        case "date":
            return _date(text)
        case "list" | "lines":
            return _list(spec, text)
        case "pairs":
            return _pairs(spec, text)
        case "choice":
            return _choice(spec, text)
    return _text(spec, text)


def from_form(spec: SlotSpec, raw: Any) -> Any:
    """The value of a filled field. Raises ValueError when it cannot be one."""
    if spec.kind in {"list", "lines"} and isinstance(raw, list):
        return _trimmed([str(item) for item in raw], spec)
    if spec.kind == "pairs" and isinstance(raw, list):
        return [[str(label)[:MAX_ITEM], float(number)] for label, number in raw][:MAX_ITEMS]
    if spec.kind == "number" and isinstance(raw, int | float):
        return _within(spec, float(raw))
    text = "".join(c if c in "\n\t" or c.isprintable() else " " for c in str(raw)).strip()
    match spec.kind:
        case "number":
            return _within(spec, _to_number(text))
        case "date":
            found = _date(text)
            if found is None:
                raise ValueError("not a date")
            return found[0]
        case "list" | "lines":
            return _trimmed(text.splitlines() if "\n" in text else re.split(r"[,;]", text), spec)
        case "pairs":
            pairs = _as_pairs(text.splitlines() if "\n" in text else re.split(r"[;,]\s", text))
            if len(pairs) < spec.at_least:
                raise ValueError("too few")
            return pairs
        case "choice":
            wanted = next((c for c in spec.choices if c.lower() == text.lower()), None)
            if wanted is None:
                raise ValueError("none of the choices")
            return wanted
    if not text:
        raise ValueError("empty")
    return " ".join(text.split())[:MAX_TEXT]


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


# --- readers ----------------------------------------------------------------------------------------------------


def _to_number(text: str) -> float:
    return float(re.sub(r"[^\d.,+-]", "", text).replace(",", ".") or "x")


def _within(spec: SlotSpec, number: float) -> int | float:
    if (spec.min is not None and number < spec.min) or (spec.max is not None and number > spec.max):
        raise ValueError("out of range")
    return int(number) if number.is_integer() else number


def _number(spec: SlotSpec, text: str) -> Found | None:
    patterns = list(spec.patterns)
    if spec.units:
        patterns.append(rf"{_NUMBER}[ -]?(?:{'|'.join(spec.units)})(?!\w)")
    for pattern in patterns:
        for found in re.finditer(pattern, text, re.IGNORECASE):
            try:
                return _within(spec, _to_number(found[1])), found.span()
            except ValueError:
                continue
    return None


def _date(text: str) -> Found | None:
    """ISO, 24 December 2026, December 24th, 24.12.2026, a feast. Without a year: "--12-24", its next time."""
    for pattern, order in (
        (r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b", "ymd"),
        (r"\b(\d{1,2})\.(\d{1,2})\.(\d{4})\b", "dmy"),
        (rf"\b(\d{{1,2}})(?:st|nd|rd|th|\.)?(?: of)? {_MONTH}\b,?(?: (\d{{4}}))?", "dMy"),
        (rf"\b{_MONTH}\.? (\d{{1,2}})(?:st|nd|rd|th)?\b,?(?: (\d{{4}}))?", "Mdy"),
        (r"--(\d{2})-(\d{2})\b", "md"),
    ):
        found = re.search(pattern, text, re.IGNORECASE)
        if found and (value := _as_date(dict(zip(order, found.groups(), strict=True)))):
            return value, found.span()
    for feast, (month, day) in _FEASTS.items():
        if found := re.search(rf"\b{feast}\b", text, re.IGNORECASE):
            return f"--{month:02d}-{day:02d}", found.span()
    return None


def _as_date(parts: dict[str, str]) -> str | None:
    month = (
        int(parts["m"])
        if "m" in parts
        else 1 + next(i for i, m in enumerate(_MONTHS) if m.startswith(parts["M"].lower()[:3]))
    )
    try:
        made = date(int(parts.get("y") or 2024), month, int(parts["d"]))
    except ValueError:
        return None
    return made.isoformat() if parts.get("y") else f"--{made.month:02d}-{made.day:02d}"


def _text(spec: SlotSpec, text: str) -> Found | None:
    for pattern in (*(f"(?i:{p})" for p in spec.patterns), r"\b(?:called|named|titled|call it|title it|rename it(?: to)?|entitled) \"([^\"]{1,120})\"",
                    r"\b(?:called|named|titled|call it|title it|rename it(?: to)?|entitled) ([A-Z0-9][\w' -]{0,60})"):  # fmt: skip
        found = re.search(pattern, text)
        if found:
            value = " ".join(found[1].split()).strip(" .,;:!?\"'")[:MAX_TEXT]
            if value:
                return value, found.span()
    quoted = re.search(r"\"([^\"\n]{1,120})\"", text)
    return (" ".join(quoted[1].split()), quoted.span()) if quoted else None


def _choice(spec: SlotSpec, text: str) -> Found | None:
    for said, meant in (*spec.synonyms, *((c, c) for c in spec.choices)):
        found = re.search(rf"(?<!\w){re.escape(said)}(?!\w)", text, re.IGNORECASE)
        if found:
            return meant, found.span()
    return None


def _trimmed(items: list[str], spec: SlotSpec) -> list[str]:
    kept = [
        " ".join(re.sub(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+", "", item).split())[:MAX_ITEM].strip(" .;")
        for item in items
    ]
    kept = list(dict.fromkeys(item for item in kept if item))[:MAX_ITEMS]
    if len(kept) < spec.at_least:
        raise ValueError("too few")
    return kept


def _items(text: str) -> list[str]:
    """a, b, c and d."""
    parts = re.split(r"\s*[,;]\s*(?:and\s+)?|\s+and\s+|\s*&\s*", text.strip(" ."))
    return [part for part in parts if part]


def _tail(spec: SlotSpec, text: str) -> tuple[str, Span] | None:
    """The part of the request that lists something: after a colon, on bulleted lines, or where a pattern says."""
    for pattern in spec.patterns:
        if found := re.search(pattern, text, re.IGNORECASE):
            return found[1], found.span()
    if bullets := re.search(r"(?:^|\n)((?:\s*(?:[-*•]|\d{1,2}[.)])\s+[^\n]+(?:\n|$))+)", text):
        return bullets[1], bullets.span()
    if colon := re.search(r":\s+([\s\S]+)$|:\n([\s\S]+)$", text):
        return colon[1] or colon[2], (colon.start(), colon.end())
    lines = text.splitlines()
    if len(lines) >= 4:
        at = text.index("\n") + 1
        return text[at:], (at, len(text))
    return None


def _list(spec: SlotSpec, text: str) -> Found | None:
    tail = _tail(spec, text)
    if tail is None:
        return None
    words, span = tail
    if "\n" in words.strip():
        parts = words.splitlines()
    elif spec.kind == "lines":
        parts = re.split(r"\s*;\s*|\.\s+", words)
        parts = parts if len(parts) > 1 else _items(words)
    else:
        parts = _items(words)
    if any(len(part.split()) > spec.max_words for part in parts):
        return None
    try:
        return _trimmed(parts, spec), span
    except ValueError:
        return None


def _as_pairs(parts: list[str]) -> list[list[Any]]:
    pairs: list[list[Any]] = []
    for part in parts:
        if (found := _PAIR.match(part)) and (label := found["label"].strip(" -*•:")):
            pairs.append([label[:MAX_ITEM], _to_number(found["number"])])
    return [[label, int(n) if float(n).is_integer() else n] for label, n in pairs][:MAX_ITEMS]


def _pairs(spec: SlotSpec, text: str) -> Found | None:
    best: Found | None = None
    for words, span in _pair_places(text):
        parts = (
            words.splitlines()
            if "\n" in words.strip()
            else re.split(r"\s*[,;]\s*(?:and\s+)?|\s+and\s+", words.strip(" ."))
        )
        parts = [part for part in parts if part.strip()]
        pairs = _as_pairs(parts)
        if len(pairs) < max(2, spec.at_least) or len(pairs) < len(parts):
            continue
        if best is None or len(pairs) >= len(best[0]):  # of two that read the same, the one that begins later
            best = pairs, span
    return best


def _pair_places(text: str) -> list[tuple[str, Span]]:
    places = []
    for opening in re.finditer(r":\s|\n|\b(?:of|for|with)\s", text):
        places.append((text[opening.end() :], (opening.start(), len(text))))
    return places
