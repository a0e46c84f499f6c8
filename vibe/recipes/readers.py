"""Settings out of words and forms: quantities with units, dates, quoted titles, lists, `a: 1` pairs, choices.

Each reader returns a value with the span of text that it used, or None.
"""

import re
from collections.abc import Collection
from datetime import date
from typing import Any

from vibe.recipes.phrases import compiled, cut, odd_one
from vibe.recipes.slots import MONTHS, Found, SlotSpec, Span

MAX_TEXT, MAX_ITEMS, MAX_ITEM = 120, 60, 200
_MONTH = r"(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
_FEASTS = {
    "christmas eve": (12, 24),
    "christmas": (12, 25),
    "xmas": (12, 25),
    "new year's eve": (12, 31),
    "new year's day": (1, 1),
    "new year": (1, 1),
    "halloween": (10, 31),
}
_CALL = r"\b(?:called|named|titled|call it|title it|rename it(?: to)?|entitled) "
_CALLED = (_CALL + r"\"([^\"]{1,120})\"", _CALL + r"([A-Z0-9][\w' -]{0,60})")
_NUMBER = r"(\d{1,7}(?:[.,]\d{1,4})?)"
_PAIR = re.compile(
    r"^\s*(?P<label>[^\n:=]{1,80}?)\s*(?:[:=]\s*|\s+)(?P<number>[-+]?[$€£]?\s?\d{1,12}(?:[.,]\d{1,6})?)\s*(?:[%€$£]|[a-z]{1,12})?\s*$",
    re.IGNORECASE,
)


def from_words(spec: SlotSpec, text: str, taken: Collection[Span] = ()) -> Found | None:
    """The value that `text` gives this setting. `taken`: numbers that another setting has."""
    match spec.kind:
        case "number":
            return _number(spec, text, taken)
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


def _whole(value: Any, span: Span) -> Found:
    return Found(value, span, span)


# --- readers ----------------------------------------------------------------------------------------------------


def _to_number(text: str) -> float:
    return float(re.sub(r"[^\d.,+-]", "", text).replace(",", ".") or "x")


def _within(spec: SlotSpec, number: float) -> int | float:
    if (spec.min is not None and number < spec.min) or (spec.max is not None and number > spec.max):
        raise ValueError("out of range")
    return int(number) if number.is_integer() else number


def _number(spec: SlotSpec, text: str, taken: Collection[Span]) -> Found | None:
    patterns = list(spec.patterns)
    if spec.units:
        patterns.append(rf"{_NUMBER}[ -]?(?:{'|'.join(spec.units)})(?!\w)")
    for pattern in patterns:
        for found in compiled(pattern).finditer(text):
            start, end = found.span(1)
            part_of_another = re.match(r"[.,]?\d", text[end:]) or re.search(r"\d[.,]?$", text[:start])
            if (start, end) in taken or part_of_another:
                continue
            try:
                return Found(_within(spec, _to_number(found[1])), found.span(), found.span(1))
            except ValueError:
                continue
    return None


def multiple(spec: SlotSpec, text: str, other: float) -> Found | None:
    """The number that "double" or "halve" makes of another one."""
    for word, factor in spec.times:
        if found := compiled(rf"\b(?:{word})\b").search(text):
            try:
                return Found(_within(spec, other * factor), found.span(), found.span())
            except ValueError:
                return None
    return None


def how_many(spec: SlotSpec, text: str) -> Found | None:
    """The number of items that the words speak of: "between four people"."""
    for pattern in spec.counted:
        if (found := compiled(pattern).search(text)) and 1 <= int(found[1]) <= MAX_ITEMS:
            return Found(int(found[1]), found.span(), found.span(1))
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
            return _whole(value, found.span())
    for feast, (month, day) in _FEASTS.items():
        if found := re.search(rf"\b{feast}\b", text, re.IGNORECASE):
            return _whole(f"--{month:02d}-{day:02d}", found.span())
    return None


def _as_date(parts: dict[str, str]) -> str | None:
    month = (
        int(parts["m"])
        if "m" in parts
        else 1 + next(i for i, m in enumerate(MONTHS) if m.startswith(parts["M"].lower()[:3]))
    )
    try:
        made = date(int(parts.get("y") or 2024), month, int(parts["d"]))
    except ValueError:
        return None
    return made.isoformat() if parts.get("y") else f"--{made.month:02d}-{made.day:02d}"


def _text(spec: SlotSpec, text: str) -> Found | None:
    for at, pattern in enumerate((*spec.patterns, *_CALLED)):
        found = compiled(pattern, at < len(spec.patterns)).search(text)
        if found:
            value = " ".join(found[1].split()).strip(" .,;:!?\"'")[:MAX_TEXT]
            if value:
                return _whole(value, found.span())
    quoted = re.search(r"\"([^\"\n]{1,120})\"", text)
    return _whole(" ".join(quoted[1].split()), quoted.span()) if quoted else None


def _choice(spec: SlotSpec, text: str) -> Found | None:
    """The one choice that is named; "a pie and a bar chart" names none."""
    named: dict[str, Found] = {}
    for said, meant in (*spec.synonyms, *((c, c) for c in spec.choices)):
        edges = (r"(?<!\w)", r"(?!\w)") if said[0].isalnum() else ("", "")  # "$64", "80€"
        if found := compiled(edges[0] + re.escape(said) + edges[1]).search(text):
            named.setdefault(meant, _whole(meant, found.span()))
    return next(iter(named.values())) if len(named) == 1 else None


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
    """a, b, c and d; or a, b or c."""
    last = "and" if re.search(r"\band\b", text) else "or"
    parts = re.split(rf"\s*[,;]\s*(?:{last}\s+)?|\s+{last}\s+|\s*&\s*", text.strip(" .?!"))
    return [part for part in parts if part]


def _tail(spec: SlotSpec, text: str) -> tuple[int, Span] | None:
    """The part of the request that lists something: after a colon, on bulleted lines, or where a pattern says.

    Gives where it is opened, and where the things stand."""
    for pattern in spec.patterns:
        if found := compiled(pattern).search(text):
            return found.start(), found.span(1)
    for pattern in (
        r"(?:^|\n)((?:\s*(?:[-*•]|\d{1,2}[.)])\s+[^\n]+(?:\n|$))+)",
        r":\s+([\s\S]+)$",
        r"\?\s+([^?:\n]+[,;][^?:\n]+)$",
    ):
        if found := re.search(pattern, text):
            return found.start(), found.span(1)
    if len(text.splitlines()) >= 4:
        at = text.index("\n") + 1
        return at, (at, len(text))
    return None


def _list(spec: SlotSpec, text: str) -> Found | None:
    if (tail := _tail(spec, text)) is not None:
        opened, (start, end) = tail
        words = cut(text[start:end])
        parts = _parts(spec, words)
        # What would be cut off is not used: rather no list than half of one.
        if (
            0 < len(parts) <= MAX_ITEMS
            and not (len(parts) > 1 and odd_one(parts))
            and all(
                len(part.split()) <= spec.max_words
                and len(part) <= MAX_ITEM
                and compiled(spec.holds).search(part)
                and not (spec.avoids and compiled(spec.avoids).search(part.strip()))
                for part in parts
            )
        ):
            try:
                return _whole(_trimmed(parts, spec), (opened, start + len(words)))
            except ValueError:
                pass
    if spec.each and (count := how_many(spec, text)):
        return count._replace(value=[f"{spec.each} {at + 1}" for at in range(count.value)])
    return None


def _parts(spec: SlotSpec, words: str) -> list[str]:
    if "\n" in words.strip():
        return words.splitlines()
    if spec.kind == "lines":
        parts = re.split(r"\s*;\s*|\.\s+", words)
        return parts if len(parts) > 1 else _items(words)
    return _items(words)


def _as_pairs(parts: list[str]) -> list[list[Any]]:
    pairs: list[list[Any]] = []
    for part in parts:
        if (found := _PAIR.match(part)) and (label := found["label"].strip(" -*•:")):
            pairs.append([label[:MAX_ITEM], _to_number(found["number"])])
    return [[label, int(n) if float(n).is_integer() else n] for label, n in pairs][:MAX_ITEMS]


def _pairs(spec: SlotSpec, text: str) -> Found | None:
    best: Found | None = None
    for opening in re.finditer(r":\s|\?\s|\n|\b(?:of|for|with)\s", text):
        words = cut(text[opening.end() :])
        parts = (
            words.splitlines()
            if "\n" in words.strip()
            else re.split(r"\s*[,;]\s*(?:and\s+)?|\s+and\s+", words.strip(" ."))
        )
        parts = [part for part in parts if part.strip()]
        pairs = _as_pairs(parts)
        if len(pairs) < max(2, spec.at_least) or len(pairs) < len(parts):  # too many are cut off
            continue
        if len({label for label, _ in pairs}) < len(pairs):  # two rows of numbers, not one
            continue
        # Of two that read the same, the one that begins later.
        if best is None or len(pairs) >= len(best.value):
            best = _whole(pairs, (opening.start(), opening.end() + len(words)))
    return best
