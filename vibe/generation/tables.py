"""Tables: the beginning of a CSV that a program left, as rows of short cells. It is a stranger's text."""

import csv
import io
from dataclasses import dataclass

COLUMNS, CELL = 30, 300
BYTES = 2_000_000  # of a file that are looked at
LOOKED = 50  # rows that say whether a column is numbers


@dataclass(frozen=True)
class Cells:
    """numeric: for each column of the head whether its cells are numbers. left_out: how many rows are not shown."""

    head: list[str]
    rows: list[list[str]]
    numeric: list[bool]
    left_out: int


def is_table(name: str) -> bool:
    return name.lower().endswith((".csv", ".tsv"))


def cells(data: bytes, name: str, *, rows: int, most: int = 6000) -> Cells | None:
    """At most `rows` rows of a CSV or TSV, and about `most` cells; None when it is none."""
    text = data[:BYTES].decode("utf-8-sig", "replace").replace("\0", "")
    first = text.split("\n", 1)[0]
    delimiter = "\t" if name.lower().endswith(".tsv") else ";" if first.count(";") > first.count(",") else ","
    lines: list[list[str]] = []
    there, widest = 0, 1
    try:  # the rest is only counted: two million empty rows take more than a hundred megabytes
        for line in filter(None, csv.reader(io.StringIO(text), delimiter=delimiter)):
            there += 1
            widest = max(widest, min(len(line), COLUMNS))
            if len(lines) <= max(rows, LOOKED):
                lines.append([cell[:CELL] for cell in line[:COLUMNS]])
    except csv.Error:
        return None
    if not lines:
        return None
    head, body = lines[0], lines[1:]
    numeric = [
        all(_is_number(line[at]) for line in body[:LOOKED] if at < len(line)) and bool(body)
        for at in range(len(head))
    ]
    shown = min(rows, max(1, most // widest - 1))
    return Cells(head, body[:shown], numeric, max(0, there - 1 - shown))


def _is_number(cell: str) -> bool:
    plain = cell.strip().replace(",", "").replace(" ", "").rstrip("%€$£")
    try:
        float(plain or "0")
    except ValueError:
        return False
    return True
