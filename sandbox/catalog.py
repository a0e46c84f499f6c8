"""The images that there are: their folders, their settings, and the tag that each has in its current form."""

import hashlib
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.errors import ImageMissing

FOLDER = Path(__file__).with_name("images")
RUNNER = Path(__file__).with_name("runner")  # every image has runner.py; some have what it imports besides


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


def warm(name: str) -> Mapping[str, Any]:
    """What a box of `name` does before its job comes (image.toml, [warm]); empty: nothing.

    imports: modules that the runner has loaded when it forks for a Python file. start: a command that is started at
    once and stands in for `command`. memory_mb: what that takes. boxes: how many are kept ready (2).
    """
    made: Mapping[str, Any] = settings(name).get("warm", {})
    return made


def runner_files() -> list[Path]:
    """The files of the runner, as they lie beside the Dockerfile when an image is built."""
    return sorted(path for path in RUNNER.glob("*.py") if path.name != "__init__.py")


@cache
def tag(name: str) -> str:
    """vibe-<name>:<12 hex digits over everything that goes into the image>."""
    settings(name)
    digest = hashlib.sha256()
    for path in sorted((FOLDER / name).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.relative_to(FOLDER).as_posix().encode() + b"\0" + path.read_bytes())
    for path in runner_files():
        digest.update(path.read_bytes())
    return f"vibe-{name}:{digest.hexdigest()[:12]}"
