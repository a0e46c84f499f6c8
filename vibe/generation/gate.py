"""The static gate: what can be known to be wrong before any box is opened."""

import ast
import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.errors import BadSource
from sandbox.source import check_name
from vibe.generation.bundle import bundle
from vibe.generation.tool import BadTool, ToolSpec

MAX_FILE, MAX_ALL = 1_000_000, 4_000_000  # characters


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
        found = re.search(r'^title\s*=\s*"([^"\n]{1,120})"', files["tool.toml"], re.MULTILINE)
    else:
        found = re.search(r"<title[^>]*>([^<]{1,200})</title>", files.get("index.html", ""), re.IGNORECASE)
    return html.unescape(" ".join(found[1].split()))[:80] if found else ""


def gate(files: Mapping[str, str], shape: str) -> list[Fault]:
    """Every fault that is certain, with its place. An empty list lets the program into a box."""
    faults = _sizes(files)
    if shape == "tool":
        faults += _tool(files)
    else:
        faults += [Fault(p.file, p.line, p.sentence) for p in bundle(files).problems]
        faults += _page(files.get("index.html", ""))
    for path, text in files.items():
        if path.endswith(".py"):
            faults += _python(path, text)
        elif path.endswith(".json"):
            try:
                json.loads(text)
            except ValueError as problem:
                faults.append(Fault(path, getattr(problem, "lineno", 1), f"This is not JSON: {problem}"))
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
    if sum(map(len, files.values())) > MAX_ALL:
        faults.append(Fault("", 1, "All files together are larger than four million characters."))
    return faults


def _page(page: str) -> list[Fault]:
    visible = re.sub(
        r"<!--.*?-->|<(script|style|head|title)\b.*?</\1\s*>|<[^>]+>",
        " ",
        page,
        flags=re.DOTALL | re.IGNORECASE,
    )
    builds_itself = re.search(r"<(script|canvas|svg|input|button|img)\b", page, re.IGNORECASE)
    if page and not visible.strip() and not builds_itself:
        return [Fault("index.html", 1, "The page has nothing in it.")]
    return []


def _tool(files: Mapping[str, str]) -> list[Fault]:
    try:
        spec = ToolSpec.parse(files.get("tool.toml", ""))
    except BadTool as problem:
        return [Fault("tool.toml", problem.line or 1, problem.sentence)]
    main = next((part for part in spec.run[1:] if part.endswith(".py")), None)
    if main is None or main.removeprefix("./") not in files:
        return [Fault("tool.toml", 1, f"run names {main or 'no file'}, which is not among the files.")]
    return []


def _python(path: str, text: str) -> list[Fault]:
    try:
        ast.parse(text, path)
    except SyntaxError as problem:
        return [Fault(path, problem.lineno or 1, f"Python cannot read this line: {problem.msg}.")]
    except ValueError as problem:  # a NUL byte
        return [Fault(path, 1, f"Python cannot read this file: {problem}.")]
    return []
