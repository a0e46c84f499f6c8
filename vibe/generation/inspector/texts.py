"""Files that are text: tables with separators, JSON, and plain words."""

import csv
import io
import json
from collections.abc import Iterable
from itertools import chain, islice
from typing import Any

from .columns import clip, table

BEGINNING = 700
SEPARATORS = (",", ";", "\t", "|")


def decode(data: bytes) -> tuple[str, str]:
    """(text, the name of its encoding). NULs become �: nothing after here has to know them."""
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(name, "replace").replace("\0", "�"), name
    try:
        return data.decode("utf-8").replace("\0", "�"), "utf-8"
    except UnicodeDecodeError:
        # 0x80-0x9f are letters and the euro sign on Windows and nothing at all in latin-1.
        windows = any(0x80 <= b <= 0x9F for b in data[:200_000])
        name = "cp1252" if windows else "latin-1"
        return data.decode(name, "replace").replace("\0", "�"), name


def separator(text: str, guess: str = "") -> str:
    """The separator that cuts the first lines most evenly into most cells; "" when none does."""
    lines = [line[:20_000] for line in islice(io.StringIO(text, newline=None), 60)]
    best, mark = 0.0, guess
    for one in SEPARATORS:
        widths = [len(row) for row in csv.reader(lines, delimiter=one) if row]
        common = max(set(widths), key=lambda w: (widths.count(w), w), default=1)
        score = widths.count(common) / len(widths) * min(common, 50) if common > 1 else 0.0
        if score > best:
            best, mark = score, one
    return mark


def separated(data: bytes, guess: str) -> dict[str, Any]:
    text, encoding = decode(data)
    mark = separator(text, guess)
    csv.field_size_limit(2**31 - 1)
    rows: Iterable[list[object]] = csv.reader(io.StringIO(text, newline=""), delimiter=mark)  # type: ignore[assignment]
    return {"kind": "table", "encoding": encoding, "separator": mark, "tables": [table(rows)]}


def words(data: bytes) -> dict[str, Any]:
    text, encoding = decode(data)
    lines = text.count("\n") + (not text.endswith("\n") and bool(text))
    return {
        "kind": "text", "encoding": encoding, "lines": lines, "words": len(text.split()), "text": text[:BEGINNING],
    }  # fmt: skip


def structured(data: bytes) -> dict[str, Any]:
    """JSON, or one JSON a line. What cannot be read as such is text."""
    text, encoding = decode(data)
    try:
        value = json.loads(text)
    except ValueError:
        try:
            value = [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError:
            return {**words(data), "note": "broken"}
    made: dict[str, Any] = {
        "kind": "json", "encoding": encoding, "shape": shape(value)[:400],
        "text": json.dumps(_small(value), ensure_ascii=False)[:BEGINNING],
    }  # fmt: skip
    if isinstance(value, list) and value and all(isinstance(v, dict) for v in value):
        names = list(dict.fromkeys(str(k) for v in value[:1000] for k in v))
        rows = ([_cell(v.get(n)) for n in names] for v in value)
        made["tables"] = [table(chain([list(names)], rows))]
        made["text"] = ""  # the rows of the table say it
    return made


def _cell(value: object) -> object:
    return value if value is None or isinstance(value, str | int | float) else json.dumps(value)[:200]


def shape(value: object, depth: int = 0) -> str:
    """list of 12 objects {id: number, tags: list of text}."""
    if isinstance(value, bool):
        return "yes or no"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "text"
    if value is None:
        return "nothing"
    if isinstance(value, list):
        if not value:
            return "empty list"
        return f"list of {len(value)} × {shape(value[0], depth + 1) if depth < 3 else '…'}"
    if isinstance(value, dict):
        if depth >= 3:
            return "object"
        inner = ", ".join(f"{clip(k, 40)}: {shape(v, depth + 1)}" for k, v in islice(value.items(), 12))
        return f"object {{{inner}{', …' if len(value) > 12 else ''}}}"
    return "text"


def _small(value: object, depth: int = 0) -> object:
    """A value with long lists and texts cut, to be shown."""
    if depth > 4:
        return "…"
    if isinstance(value, list):
        return [_small(v, depth + 1) for v in value[:3]]
    if isinstance(value, dict):
        return {clip(k, 40): _small(v, depth + 1) for k, v in islice(value.items(), 12)}
    return clip(value) if isinstance(value, str) else value
