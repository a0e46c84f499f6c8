"""Suite: a list of requests in a TOML file.

title = "Everyday requests"

[[requests]]
id = "split-tips"                            # names its cassette, too
text = "Split tips by hours worked"          # as a person would type it
shape = "page"                               # optional: auto, page, tool, slides …
files = ["hours.csv"]                        # optional, beside the suite
checks = "split-tips.json"                   # optional, beside the suite: checks of your own (docs/checks.md), a JSON list

No model is ever shown those checks: they are run on what the product made and on what the bare model made.
"""

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vibe.choices import Shape
from vibe.forms import MAX_FILE, DescribeForm, clean_name
from vibe.generation import checks as checking
from vibe.generation.steps import Json

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")


class BadSuite(Exception):
    """Raised when a suite cannot be used; str() says where and what to write instead."""


@dataclass(frozen=True)
class Asked:
    """One request. `files` are paths on disk, by the names under which they are given; `checks` are the suite's own."""

    id: str
    text: str
    shape: str
    files: dict[str, Path]
    checks: list[Json]


@dataclass(frozen=True)
class Suite:
    name: str
    title: str
    requests: tuple[Asked, ...]


def read(path: Path) -> Suite:
    """The Suite of a file. Raises BadSuite."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as problem:
        raise BadSuite(f"{path} cannot be read: {problem.strerror}.") from problem
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise BadSuite(f"{path} is no TOML: {problem}") from problem
    rows = data.get("requests")
    if not isinstance(rows, list) or not rows:
        raise BadSuite(f"{path} has no [[requests]].")
    requests = tuple(_asked(row, path, number) for number, row in enumerate(rows, 1))
    ids = [one.id for one in requests]
    if twice := next((id_ for id_ in ids if ids.count(id_) > 1), None):
        raise BadSuite(f"{path}: two requests have the id “{twice}”.")
    return Suite(path.stem, str(data.get("title", path.stem)), requests)


def _asked(row: Any, path: Path, number: int) -> Asked:
    where = f"{path}, request {number}"
    if not isinstance(row, dict):
        raise BadSuite(f"{where} is no table: write [[requests]].")
    if unknown := set(row) - {"id", "text", "shape", "files", "checks"}:
        known = "id, text, shape, files and checks"
        raise BadSuite(f"{where}: “{sorted(unknown)[0]}” is not known; there are {known}.")
    id_, text, shape = str(row.get("id", "")), str(row.get("text", "")), str(row.get("shape", "auto"))
    if not _ID.fullmatch(id_):
        raise BadSuite(f"{where}: an id of small letters, digits and “-” is needed, not “{id_}”.")
    if trouble := DescribeForm.trouble_with(text):
        raise BadSuite(f"{where} ({id_}): {trouble}")
    if shape not in set(Shape):
        raise BadSuite(f"{where} ({id_}): there is no shape “{shape}”.")
    files = {clean_name(Path(name).name): path.parent / str(name) for name in row.get("files", [])}
    for file in files.values():
        if not file.is_file() or file.stat().st_size > MAX_FILE:
            raise BadSuite(f"{where} ({id_}): {file} is not there, or larger than {MAX_FILE >> 20} MB.")
    checks = _checks(path.parent / str(row["checks"]), f"{where} ({id_})") if "checks" in row else []
    return Asked(id_, text, shape, files, checks)


def _checks(path: Path, where: str) -> list[Json]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise BadSuite(f"{where}: {path} cannot be read: {problem}") from problem
    if not isinstance(rows, list) or not rows:
        raise BadSuite(f"{where}: {path} is no list of checks.")
    made = []
    for number, row in enumerate(rows, 1):
        if isinstance(check := checking.read(row, source="person"), str):
            raise BadSuite(f"{where}: {path}, check {number}: {check}")
        made.append(check.as_json())
    ids = [check["id"] for check in made]
    if twice := next((id_ for id_ in ids if ids.count(id_) > 1), None):
        raise BadSuite(f"{where}: {path}: two checks have the id “{twice}”.")
    return made
