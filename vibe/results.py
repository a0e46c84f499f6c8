"""What came out of a run, as a person sees it: pictures, tables, and files to save."""

import csv
import io
from dataclasses import dataclass, field

from vibe.models import Run, RunFile

ROWS, COLUMNS, CELL = 200, 30, 300
TABLES, CELLS = 3, 6000  # shown in place, all together; the rest is a file to save, as everything is
MAGIC = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}


@dataclass(frozen=True)
class Table:
    file: RunFile
    head: list[str]
    rows: list[list[str]]
    numeric: list[bool]
    left_out: int


@dataclass(frozen=True)
class Shown:
    """Every file is in `files`; pictures and tables are shown as well."""

    files: list[RunFile] = field(default_factory=list)
    pictures: list[RunFile] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)


def shown(run: Run) -> Shown:
    """The results of a run. Bytes come from a stranger's program: nothing here trusts a name or a type."""
    made = list(run.files.filter(made=True))
    pictures = [row for row in made if picture_type(row)]
    tables: list[Table] = []
    like_tables = [row for row in made if row.name.lower().endswith((".csv", ".tsv"))]
    left = CELLS
    for at, row in enumerate(like_tables):
        if len(tables) == TABLES:
            break
        share = left // min(TABLES - len(tables), len(like_tables) - at)
        if table := _table(row, share):
            tables.append(table)
            left -= sum(len(line) for line in (table.head, *table.rows))
    return Shown(made, pictures, tables)


def picture_type(row: RunFile) -> str:
    """The type of a picture by its first bytes, or "" for what is none (SVG is a program, not a picture)."""
    if not row.path.exists():
        return ""
    with row.path.open("rb") as source:
        head = source.read(16)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), "")


def _table(row: RunFile, cells: int) -> Table | None:
    """The beginning of a table, at most about `cells` cells of it; None when it is none."""
    if not row.path.exists():
        return None
    text = row.path.read_bytes()[:2_000_000].decode("utf-8-sig", "replace").replace("\0", "")
    first = text.split("\n", 1)[0]
    delimiter = (
        "\t" if row.name.lower().endswith(".tsv") else ";" if first.count(";") > first.count(",") else ","
    )
    try:
        rows = [
            [cell[:CELL] for cell in line[:COLUMNS]]
            for line in csv.reader(io.StringIO(text), delimiter=delimiter)
        ]
    except csv.Error:
        return None
    rows = [line for line in rows if line]
    if not rows:
        return None
    head, body = rows[0], rows[1:]
    numeric = [
        all(_is_number(line[at]) for line in body[:50] if at < len(line)) and bool(body)
        for at in range(len(head))
    ]
    most = min(ROWS, max(1, cells // max(len(line) for line in rows) - 1))
    return Table(row, head, body[:most], numeric, max(0, len(body) - most))


def _is_number(cell: str) -> bool:
    plain = cell.strip().replace(",", "").replace(" ", "").rstrip("%€$£")
    try:
        float(plain or "0")
    except ValueError:
        return False
    return True
