"""The static gate: what can be known to be wrong before any box is opened."""

import ast
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.errors import BadSource
from sandbox.source import check_name, check_names
from vibe.generation.bundle import bundle
from vibe.generation.tool import BadTool, ToolSpec

MAX_FILE, MAX_ALL = 1_000_000, 4_000_000  # characters
MAX_PYTHON = 200_000  # characters of all Python: a million takes seconds and hundreds of megabytes to read
HEAD = 50_000  # a title stands in so many first characters
TOO_DEEP = "it is nested too deeply"
LONG_NUMBER = "A number in it has thousands of digits: write a shorter one."
LAID_BESIDE = ("input.json", "in/a file", "values/a value")  # in a tool's box (vibe.generation.tool)
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Fault:
    file: str
    line: int
    sentence: str


def shape_of(files: Mapping[str, str]) -> str | None:
    """page or tool, by the files that are there; None when they are neither."""
    if "tool.toml" in files:
        return "tool"
    return "page" if "index.html" in files else None


def title_of(files: Mapping[str, str]) -> str:
    """The title that the program gives itself, or ""."""
    if "tool.toml" in files:
        found = re.search(r'^title[ \t]*+=[ \t]*+"([^"\n]{1,120})"', files["tool.toml"][:HEAD], re.MULTILINE)
    else:
        page = files.get("index.html", "")[:HEAD]
        found = re.search(r"<title[^<>]{0,200}>([^<]{1,200})</title>", page, re.IGNORECASE)
    return html.unescape(" ".join(found[1].split()))[:80] if found else ""


def gate(files: Mapping[str, str], shape: str) -> list[Fault]:
    """Every fault that is certain, with its place. An empty list lets the program into a box."""
    if faults := _sizes(files):  # the rest is not worth reading, and may be too much to read
        return faults
    if shape == "tool":
        faults = _tool(files)
    else:
        made = bundle(files)
        faults = [Fault(p.file, p.line, p.sentence) for p in made.problems]
        if files.get("index.html") and made.empty:
            faults.append(Fault("index.html", 1, "The page has nothing in it."))
    for path, text in files.items():
        if path.endswith(".py"):
            faults += _python(path, text)
        elif path.endswith(".json"):
            faults += _json(path, text)
    return faults


def _sizes(files: Mapping[str, str]) -> list[Fault]:
    faults = []
    for path, text in files.items():
        try:
            check_name(path)
        except BadSource as problem:
            faults.append(Fault(path[:60], 1, problem.sentence))
        if len(text) > MAX_FILE:
            faults.append(Fault(path, 1, "The file is larger than a million characters."))
        elif half := _HALF.search(text):
            line = 1 + text.count("\n", 0, half.start())
            faults.append(
                Fault(path, line, "Half a character stands in this line: write it whole, or leave it out.")
            )
    try:
        if not faults:
            check_names([*files, *(LAID_BESIDE if "tool.toml" in files else ())])
    except BadSource as problem:
        faults.append(Fault("", 1, problem.sentence))
    if sum(len(text) for path, text in files.items() if path.endswith(".py")) > MAX_PYTHON:
        path = max((p for p in files if p.endswith(".py")), key=lambda p: len(files[p]))
        faults.append(
            Fault(
                path,
                1,
                "All Python together is longer than 200,000 characters: put what is data into files of its own.",
            )
        )
    if sum(map(len, files.values())) > MAX_ALL:
        faults.append(Fault("", 1, "All files together are larger than four million characters."))
    return faults


def _tool(files: Mapping[str, str]) -> list[Fault]:
    try:
        spec = ToolSpec.parse(files.get("tool.toml", ""))
    except BadTool as problem:
        return [Fault("tool.toml", problem.line or 1, problem.sentence)]
    if spec.main not in files:
        return [Fault("tool.toml", 1, f"run names {spec.main}, which is not among the files.")]
    return []


def _python(path: str, text: str) -> list[Fault]:
    try:
        ast.parse(text, path)
    except SyntaxError as problem:
        return [Fault(path, problem.lineno or 1, f"Python cannot read this line: {problem.msg}.")]
    except (RecursionError, MemoryError):
        return [Fault(path, _longest_line(text), f"Python cannot read this line: {TOO_DEEP}.")]
    except ValueError as problem:  # a NUL byte
        return [Fault(path, 1, f"Python cannot read this file: {problem}.")]
    return []


def _json(path: str, text: str) -> list[Fault]:
    try:
        json.loads(text)
    except RecursionError:
        return [Fault(path, _longest_line(text), f"This cannot be read: {TOO_DEEP}.")]
    except ValueError as problem:
        what = f"This is not JSON: {problem}" if isinstance(problem, json.JSONDecodeError) else LONG_NUMBER
        return [Fault(path, getattr(problem, "lineno", _longest_line(text)), what)]
    return []


def _longest_line(text: str) -> int:
    """Where what is nested too deeply is most likely to be: those who see it do not say where."""
    lines = text.split("\n")
    return 1 + max(range(len(lines)), key=lambda n: len(lines[n]))
