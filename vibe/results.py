"""What came out of a run, as a person sees it: pictures, tables, and files to save."""

from dataclasses import dataclass, field

from vibe.generation import tables
from vibe.models import Run, RunFile

ROWS = 200
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
    found: list[Table] = []
    like_tables = [row for row in made if tables.is_table(row.name)]
    left = CELLS
    for at, row in enumerate(like_tables):
        if len(found) == TABLES:
            break
        share = left // min(TABLES - len(found), len(like_tables) - at)
        if table := _table(row, share):
            found.append(table)
            left -= sum(len(line) for line in (table.head, *table.rows))
    return Shown(made, pictures, found)


def picture_type(row: RunFile) -> str:
    """The type of a picture by its first bytes, or "" for what is none (SVG is a program, not a picture)."""
    if not row.path.exists():
        return ""
    with row.path.open("rb") as source:
        head = source.read(16)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), "")


def _table(row: RunFile, most: int) -> Table | None:
    """The beginning of a table, at most about `most` cells of it; None when it is none."""
    found = tables.cells(row.path.read_bytes(), row.name, rows=ROWS, most=most) if row.path.exists() else None
    return Table(row, found.head, found.rows, found.numeric, found.left_out) if found else None
