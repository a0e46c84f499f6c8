"""The images that there are: their folders, their settings, and the tag that each has in its current form."""

import hashlib
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.errors import ImageMissing

FOLDER = Path(__file__).with_name("images")
RUNNER = Path(__file__).with_name("runner") / "runner.py"


@cache
def names() -> tuple[str, ...]:
    return tuple(sorted(p.parent.name for p in FOLDER.glob("*/image.toml")))


@cache
def settings(name: str) -> dict[str, Any]:
    """image.toml of `name`. Raises ImageMissing for a name that is no image folder."""
    path = FOLDER / name / "image.toml"
    if name not in names():
        raise ImageMissing(f"There is no image called {name[:40]!r}; there are: {', '.join(names())}.")
    return tomllib.loads(path.read_text(encoding="utf-8"))


@cache
def tag(name: str) -> str:
    """vibe-<name>:<12 hex digits over everything that goes into the image>."""
    settings(name)
    digest = hashlib.sha256()
    for path in sorted((FOLDER / name).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.relative_to(FOLDER).as_posix().encode() + b"\0" + path.read_bytes())
    digest.update(RUNNER.read_bytes())
    return f"vibe-{name}:{digest.hexdigest()[:12]}"
