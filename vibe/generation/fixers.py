"""Mends what is certain without a model: a missing import of a library that we serve, a page under another name.

Each fixer says what it did, in words; where there is any doubt it does nothing.
"""

import ast
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass

# What people call them → how they are imported. Only what is in the box (sandbox/images/python).
_USUAL = {
    "np": "import numpy as np",
    "numpy": "import numpy",
    "pd": "import pandas as pd",
    "pandas": "import pandas",
    "plt": "import matplotlib.pyplot as plt",
    "Image": "from PIL import Image",
    "openpyxl": "import openpyxl",
    "Path": "from pathlib import Path",
    "datetime": "import datetime",
    "defaultdict": "from collections import defaultdict",
    "Counter": "from collections import Counter",
    "Decimal": "from decimal import Decimal",
}
_NAME_ERROR = re.compile(r"NameError: name '(\w+)' is not defined")


@dataclass(frozen=True)
class Fixed:
    files: dict[str, str]
    did: str


def before(files: Mapping[str, str]) -> Fixed | None:
    """What can be mended before anything runs."""
    return _page_name(files)


def after(files: Mapping[str, str], evidence: str) -> Fixed | None:
    """What the evidence of a run names with certainty."""
    found = _NAME_ERROR.search(evidence)
    return _import(files, found[1]) if found else None


def _page_name(files: Mapping[str, str]) -> Fixed | None:
    """A page whose only HTML file has another name than index.html."""
    if "index.html" in files or "tool.toml" in files:
        return None
    pages = [path for path in files if re.search(r"\.html?$", path, re.IGNORECASE)]
    if len(pages) != 1:
        return None
    renamed = {("index.html" if path == pages[0] else path): text for path, text in files.items()}
    return Fixed(renamed, f"{pages[0]} is called index.html now")


def _import(files: Mapping[str, str], name: str) -> Fixed | None:
    """Python only: the one file that uses `name` without having it gets its import."""
    line = _USUAL.get(name) or (f"import {name}" if name in sys.stdlib_module_names else "")
    if not line:
        return None
    lacking = [path for path in files if path.endswith(".py") and _lacks(files[path], name)]
    if len(lacking) != 1:
        return None
    path = lacking[0]
    return Fixed({**files, path: _placed(files[path], line)}, f"{path} was missing “{line}”")


def _lacks(text: str, name: str) -> bool:
    """Whether the file reads `name` and nothing in it gives that name a value."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    read, bound = False, False
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == name:
            read, bound = read or isinstance(node.ctx, ast.Load), bound or not isinstance(node.ctx, ast.Load)
        elif isinstance(node, ast.alias):
            bound = bound or (node.asname or node.name).split(".")[0] == name
        elif isinstance(node, ast.arg | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound = bound or (node.arg if isinstance(node, ast.arg) else node.name) == name
    return read and not bound


def _placed(text: str, line: str) -> str:
    """`line` before the first statement that is neither a docstring nor a __future__ import."""
    body = ast.parse(text).body
    at = 0
    for node in body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and node is body[0]
        future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        if not (docstring or future):
            break
        at = node.end_lineno or at
    lines = text.splitlines(keepends=True)
    return "".join([*lines[:at], line + "\n", *lines[at:]])
