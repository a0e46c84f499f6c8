"""Tables: the beginning of a CSV that a program left, as rows of short cells. It is a stranger's text."""

import csv
import io
from dataclasses import dataclass

COLUMNS, CELL = 30, 300
BYTES = 2_000_000  # of a file that are looked at


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
    try:
        lines = [
            [cell[:CELL] for cell in line[:COLUMNS]]
            for line in csv.reader(io.StringIO(text), delimiter=delimiter)
        ]
    except csv.Error:
        return None
    lines = [line for line in lines if line]
    if not lines:
        return None
    head, body = lines[0], lines[1:]
    numeric = [
        all(_is_number(line[at]) for line in body[:50] if at < len(line)) and bool(body)
        for at in range(len(head))
    ]
    shown = min(rows, max(1, most // max(len(line) for line in lines) - 1))
    return Cells(head, body[:shown], numeric, max(0, len(body) - shown))


def _is_number(cell: str) -> bool:
    plain = cell.strip().replace(",", "").replace(" ", "").rstrip("%€$£")
    try:
        float(plain or "0")
    except ValueError:
        return False
    return True
