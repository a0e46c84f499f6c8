"""One column of a table, seen cell by cell: its type, its smallest and largest value, what is empty, what is distinct."""

import datetime
import re
import time
from collections.abc import Iterable
from itertools import chain, islice
from typing import Any

MAX_CELL = 60
MAX_COLUMNS = 40
MAX_DISTINCT = 1000
SAMPLE = 5
MOSTLY = 0.95  # this share of the filled cells makes a column one of numbers or dates
EMPTY = {"", "-", "na", "n/a", "null", "none", "nan"}
POINT = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d+)?(\.\d+)?(e[+-]?\d+)?", re.IGNORECASE)
COMMA = re.compile(r"[+-]?(\d{1,3}([. ’']\d{3})+|\d+)?(,\d+)?")
CURRENCY = re.compile(r"^[€$£\s]+|(?:[€$£%\s]|EUR|USD)+$")
DATES = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%y", "%Y/%m/%d", "%d-%m-%Y", "%Y%m%d")
TIME = re.compile(r"[T ]\d{1,2}:\d{2}(:\d{2})?(\.\d+)?( ?[ap]m)?(Z|[+-]\d{2}:?\d{2})?$", re.IGNORECASE)


def clip(value: object, most: int = MAX_CELL) -> str:
    """One line of printable text, at most `most` characters."""
    text = "".join(c if c.isprintable() else " " for c in str(value)[: most * 4])
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


def number(text: str, comma: bool) -> float | None:
    """The number that a cell shows, currency and % aside; `comma`: 1.234,5 and not 1,234.5."""
    bare = CURRENCY.sub("", text).replace("−", "-")
    if not bare or not bare[-1].isdigit() or not (COMMA if comma else POINT).fullmatch(bare):
        return None
    if comma:
        bare = re.sub(r"[. ’']", "", bare).replace(",", ".")
    try:
        found = float(bare.replace(",", ""))
    except ValueError:
        return None
    return found if abs(found) < 1e18 else None


def date(text: str, form: str) -> datetime.date | None:
    bare = TIME.sub("", text.strip())
    if not 6 <= len(bare) <= 10 or not bare[0].isdigit():
        return None
    try:
        return datetime.datetime.strptime(bare, form).date()
    except ValueError:
        return None


class Column:
    def __init__(self, name: str) -> None:
        self.name = name
        self.filled = self.empty = 0
        self.seen: set[str] = set()
        self.more = False
        self.numbers: dict[bool, list[float]] = {False: [], True: []}  # by comma: [how many, least, most]
        self.dates: dict[str, list[Any]] = {}
        self.forms = list(DATES)
        self.lengths = [10**9, 0]

    def take(self, cell: object) -> None:
        if cell is None or (isinstance(cell, str) and cell.strip().lower() in EMPTY):
            self.empty += 1
            return
        self.filled += 1
        text = str(cell)
        if len(self.seen) < MAX_DISTINCT:
            self.seen.add(text[:200])
        elif text[:200] not in self.seen:
            self.more = True
        self.lengths = [min(self.lengths[0], len(text)), max(self.lengths[1], len(text))]
        if isinstance(cell, datetime.date):
            _note(self.dates.setdefault("", []), cell.date() if isinstance(cell, datetime.datetime) else cell)
        elif isinstance(cell, int | float) and not isinstance(cell, bool) and abs(cell) < 1e18:
            _note(self.numbers[False], float(cell))
        elif len(text) <= 40:
            self._take_text(text)

    def _take_text(self, text: str) -> None:
        for comma in (False, True):
            if (found := number(text, comma)) is not None:
                _note(self.numbers[comma], found)
        if not any(c.isdigit() for c in text):
            return
        if self.filled == 200:  # what was no date in two hundred cells is not looked for any more
            self.forms = [f for f in self.forms if f in self.dates]
        for form in self.forms:
            if (day := date(text, form)) is not None:
                _note(self.dates.setdefault(form, []), day)

    def facts(self) -> dict[str, Any]:
        made: dict[str, Any] = {
            "name": clip(self.name, 80), "type": "text", "empty": self.empty, "distinct": len(self.seen),
            "more": self.more, "low": "", "high": "", "form": "",
        }  # fmt: skip
        enough = max(1.0, MOSTLY * self.filled)
        form, days = max(self.dates.items(), key=lambda pair: pair[1][0], default=("", [0]))
        comma = (self.numbers[True] or [0])[0] > (self.numbers[False] or [0])[0]
        counted = self.numbers[comma]
        if not self.filled:
            made["type"] = "empty"
        elif days[0] >= enough:
            made |= {"type": "date", "low": str(days[1]), "high": str(days[2]), "form": form}
        elif counted and counted[0] >= enough:
            made |= {"type": "number", "low": f"{counted[1]:.10g}", "high": f"{counted[2]:.10g}"}
            made["form"] = "1.234,5" if comma else ""
        else:
            made |= {"low": str(self.lengths[0]), "high": f"{self.lengths[1]} characters"}
        return made


def _note(kept: list[Any], value: Any) -> None:
    kept[:] = [kept[0] + 1, min(kept[1], value), max(kept[2], value)] if kept else [1, value, value]


def looks_like_header(cells: list[object]) -> bool:
    """Names and nothing else: no empty one, no two alike, no number and no date."""
    texts = [str(c).strip() if c is not None else "" for c in cells]
    return (
        bool(texts)
        and all(texts)
        and len({t.lower() for t in texts}) == len(texts)
        and all(isinstance(c, str) for c in cells)
        and all(number(t, False) is None and number(t, True) is None for t in texts)
        and not any(date(t, form) for t in texts for form in DATES)
    )


def table(
    rows: Iterable[list[object]], *, name: str = "", cells: int = 150_000, seconds: float = 6.0
) -> dict[str, Any]:
    """The facts of a table. The first `cells` cells are looked at, rows are counted for `seconds` at most.

    Lines above the header (a bank's address, a title) are those that are narrower than the rows below.
    """
    until = time.monotonic() + seconds
    source = iter(rows)
    first = list(islice(source, 60))
    filled = [[c for c in row if c not in (None, "")] for row in first]
    widths = [len(row) for row in filled if row]
    width = max(set(widths), key=lambda w: (widths.count(w) * min(w, 3), w), default=0)
    top = next((at for at, row in enumerate(filled) if len(row) >= width), 0)
    body = first[top:]
    header = bool(body) and len(body) > 1 and looks_like_header(_trimmed(body[0]))
    names = [str(c) for c in _trimmed(body.pop(0))] if header else []
    columns = [Column(n) for n in names[:MAX_COLUMNS]]
    count = looked = wide = 0
    left = cells
    more = False
    sample: list[list[str]] = []
    for row in chain(body, source):
        if time.monotonic() > until:
            more = True
            break
        if not any(c not in (None, "") for c in row):
            continue
        count += 1
        wide = max(wide, len(row))
        if left <= 0:
            continue
        looked, left = count, left - len(row[:MAX_COLUMNS])
        while len(columns) < min(len(row), MAX_COLUMNS):
            columns.append(Column(f"column {len(columns) + 1}"))
            columns[-1].empty = count - 1
        for at, column in enumerate(columns):
            column.take(row[at] if at < len(row) else None)
        if len(sample) < SAMPLE:
            sample.append(["" if c is None else clip(c) for c in row[:MAX_COLUMNS]])
    return {
        "name": clip(name, 80), "rows": count, "more": more, "looked": looked, "header": header, "skipped": top,
        "columns": [c.facts() for c in columns], "all_columns": max(len(names), wide), "sample": sample,
    }  # fmt: skip


def _trimmed(row: list[object]) -> list[object]:
    end = len(row)
    while end and row[end - 1] in (None, ""):
        end -= 1
    return row[:end]
