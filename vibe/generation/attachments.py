"""Attached files as facts: what goes into the box that looks into them, and what may be believed of its answer.

A stranger's file is never parsed in our process. The box answers in JSON, which is hostile like every other output
of a box: each text has a length, each list a size, and what does not fit is thrown away whole. The texts in a Summary
(names of columns, cells, words) are the stranger's: they go to a model in a data block only (context.data_block).
"""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from sandbox.limits import MIB, Limits
from sandbox.outcome import Outcome
from sandbox.source import Source
from vibe.generation.steps import Json

INSPECTOR = Path(__file__).with_name("inspector")
MOST_FILES = 40  # are to be looked into at once; a model is shown fewer still
SHORT = 1200  # characters that a model reads of one file
PICTURE = 210_000  # characters of base64


def _plain(text: str) -> str:
    """Text that cannot play with what stands around it: no control, no direction, no invisible characters."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)


def _jpeg(text: str) -> str:
    if text and not base64.b64decode(text, validate=True).startswith(b"\xff\xd8\xff"):
        raise ValueError("not a JPEG")
    return text


def _text(most: int) -> AfterValidator:
    def check(text: str) -> str:
        if len(text) > most:
            raise ValueError("too long")
        return _plain(text)

    return AfterValidator(check)


Line = Annotated[str, _text(100)]
Count = Annotated[int, Field(ge=0, le=10**15)]
_MODEL = ConfigDict(extra="ignore", frozen=True)


class Column(BaseModel):
    """`low` and `high` are the least and largest value, of a text its lengths. `form`: how dates or decimals stand."""

    model_config = _MODEL
    name: Line = ""
    type: Literal["number", "date", "text", "empty"] = "text"
    empty: Count = 0
    distinct: Count = 0
    more: bool = False  # there are more distinct values than were counted
    low: Annotated[str, _text(40)] = ""
    high: Annotated[str, _text(40)] = ""
    form: Literal[
        "",
        "1.234,5",
        "%Y-%m-%d",
        "%d.%m.%Y",
        "%d/%m/%Y",
        "%m/%d/%Y",
        "%d.%m.%y",
        "%Y/%m/%d",
        "%d-%m-%Y",
        "%Y%m%d",
    ] = ""


class Table(BaseModel):
    """`rows` without the header; `looked` of them were looked at cell by cell; `skipped` lines stand above."""

    model_config = _MODEL
    name: Line = ""
    rows: Count = 0
    more: bool = False  # there are more rows than were counted
    looked: Count = 0
    header: bool = False
    skipped: Count = 0
    columns: list[Column] = Field(default=[], max_length=40)
    all_columns: Count = 0
    sample: list[Annotated[list[Annotated[str, _text(60)]], Field(max_length=40)]] = Field(
        default=[], max_length=5
    )


Kind = Literal["table", "workbook", "json", "text", "pdf", "picture", "archive", "other"]
Note = Literal["", "too_large", "slow", "broken", "locked", "no_text", "unread", "head"]


class Summary(BaseModel):
    """What is known of one file. `size` in bytes; `note` says why something is missing."""

    model_config = _MODEL
    kind: Kind = "other"
    what: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9 /+-]{0,40}$")] = ""
    size: Count = 0
    note: Note = ""
    encoding: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{0,12}$")] = ""
    separator: Literal["", ",", ";", "\t", "|"] = ""
    tables: list[Table] = Field(default=[], max_length=8)
    all_tables: Count = 0
    lines: Count = 0
    words: Count = 0
    pages: Count = 0
    width: Count = 0
    height: Count = 0
    mode: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9;]{0,12}$")] = ""
    names: list[Line] = Field(default=[], max_length=40)
    all_names: Count = 0
    unpacked: Count = 0
    shape: Annotated[str, _text(400)] = ""
    text: Annotated[str, _text(1000)] = ""
    picture: Annotated[str, Field(max_length=PICTURE), AfterValidator(_jpeg)] = ""

    def as_json(self) -> Json:
        """The parts that say something; what the journal keeps."""
        return self.model_dump(exclude_defaults=True)


# --- the box ----------------------------------------------------------------------------------------------------


def source(files: Mapping[str, bytes], *, pictures: bool = False) -> Source:
    """The box that looks into `files`, {name: bytes}; `pictures`: it also answers with the pictures, made small.

    Files lie under numbers, so that no name of theirs is ever a path.
    """
    names = list(files)
    laid = {f"inspector/{p.name}": p.read_bytes() for p in sorted(INSPECTOR.glob("*.py"))}
    laid |= {f"in/{number}": files[name] for number, name in enumerate(names)}
    job = {"files": [[name, f"in/{number}"] for number, name in enumerate(names)], "pictures": pictures}
    laid["files.json"] = json.dumps(job).encode()
    return Source("python", ("python3", "-B", "-m", "inspector"), laid)


def limits() -> Limits:
    """Of one look into all the files: half a gigabyte and half a minute (each file: less, see the inspector)."""
    return Limits(time_s=30.0, memory_bytes=512 * MIB, output_bytes=4 * MIB, artifacts=0, artifact_bytes=0)


def read(outcome: Outcome, sizes: Mapping[str, int]) -> dict[str, Json]:
    """{name: summary} for every name in `sizes` (bytes), whatever the box answered."""
    try:
        raw = json.loads(outcome.stdout) if outcome.ok else {}
    except (ValueError, RecursionError):
        raw = {}
    raw = raw if isinstance(raw, dict) else {}
    return {name: _believed(raw.get(name), size).as_json() for name, size in sizes.items()}


def _believed(raw: object, size: int) -> Summary:
    try:
        return Summary.model_validate(
            {**raw, "size": size} if isinstance(raw, dict) else {"note": "unread", "size": size}
        )
    except (ValidationError, ValueError):
        return Summary(note="broken", size=size)


TEXTS = (".csv", ".tsv", ".txt", ".md", ".json", ".xml", ".html", ".log", ".ics")


def without_box(name: str, size: int, head: bytes) -> Json:
    """What can be said without parsing anything: the first lines of a text, and nothing of any other file."""
    if not name.lower().endswith(TEXTS):
        return Summary(note="unread", size=size).as_json()
    text = head[:20_000].decode("utf-8", "replace")
    lines = [line[:200] for line in text.splitlines()[:12]]
    return Summary(kind="text", note="head", size=size, text=_plain("\n".join(lines))[:1000]).as_json()


# --- in words ---------------------------------------------------------------------------------------------------

NOTES: dict[Note, str] = {
    "too_large": "too large to look into",
    "slow": "not looked into: it took too long",
    "broken": "could not be read as what it seems to be",
    "locked": "locked with a password",
    "no_text": "without text that can be read (perhaps scanned)",
    "unread": "not looked into",
    "head": "its first lines only",
}


def summary_text(summary: Json, *, samples: bool = True) -> str:
    """A summary for a model, at most 1,200 characters; without `samples` no rows and no words of the file."""
    try:
        s = Summary.model_validate(summary)
    except ValidationError:
        s = Summary(note="broken")
    lines = [", ".join(_facts(s))]
    if s.shape and not s.tables:
        lines.append(f"shape: {s.shape}")
    room = SHORT - len(lines[0]) - len(s.shape)
    for table in s.tables:
        lines += _table_lines(table, samples, max(250, room // len(s.tables)))
    if s.names:
        lines.append("holds: " + "; ".join(s.names))
    if samples and s.text:
        lines.append(("shows: " if s.kind == "json" else "begins:\n") + s.text)
    return _cut("\n".join(lines), SHORT)


def _facts(s: Summary) -> Iterable[str]:
    yield {"other": f"{s.what or 'unknown'} file", "picture": f"{s.what} picture".strip(), "json": "JSON"}.get(
        s.kind, s.kind
    )
    yield f"{s.size} bytes"
    if s.encoding:
        yield f"encoding {s.encoding}"
    if s.separator:
        yield f"separated by {'tab' if s.separator == chr(9) else s.separator!r}"
    for count, one, many in (
        (s.pages, "page", "pages"), (s.lines, "line", "lines"), (s.words, "word", "words"),
        (s.all_tables, "sheet", "sheets"), (s.all_names, "file inside", "files inside"),
    ):  # fmt: skip
        if count:
            yield f"{count} {one if count == 1 else many}"
    if s.width:
        yield f"{s.width} × {s.height} px, mode {s.mode}"
    if s.note:
        yield NOTES[s.note]


def _table_lines(table: Table, samples: bool, room: int) -> list[str]:
    head = f"{f'sheet “{table.name}”: ' if table.name else ''}{'over ' if table.more else ''}{table.rows} rows, {table.all_columns} columns"
    head += (
        ", no header" if not table.header else f", header in line {table.skipped + 1}" if table.skipped else ""
    )
    if table.looked < table.rows:
        head += f", types from the first {table.looked} rows"
    columns = [f"- {_column(c)}" for c in table.columns]
    lines = [head, *_most(columns, room * 2 // 3 if samples else room, "columns")]
    if samples and table.sample:
        used = sum(map(len, lines))
        lines += ["first rows:", *_most([" | ".join(row) for row in table.sample], room - used, "rows")]
    return lines


def _column(c: Column) -> str:
    form = f" ({c.form})" if c.form else ""
    span = f" {c.low} to {c.high}" if c.low and c.type != "empty" else ""
    empty = f", {c.empty} empty" if c.empty else ""
    distinct = f", {'over ' if c.more else ''}{c.distinct} different" if c.distinct else ""
    return f"{c.name}: {c.type}{form}{span}{empty}{distinct}"


Row = TypeVar("Row", bound=str)


def _most(lines: Sequence[Row], room: int, noun: str) -> list[str]:
    """As many lines as there is room for, at least one, and how many were left out."""
    kept: list[str] = []
    for line in lines:
        room -= len(line) + 1
        if room < 0 and kept:
            return [*kept, f"(and {len(lines) - len(kept)} more {noun})"]
        kept.append(line)
    return kept


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
