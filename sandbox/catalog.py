"""The images that there are: their folders, their settings, the languages that each starts, and its current tag."""

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from sandbox.errors import ImageMissing

FOLDER = Path(__file__).with_name("images")
RUNNER = Path(__file__).with_name("runner")  # every image has all of it


@dataclass(frozen=True)
class Language:
    """How a file of one language is started in the box of `image`: `start` goes before it.

    endings: of its files, with the dot. words: what people say before the file; words[0] is what we suggest.
    compiled: further source files may follow the first, and no options may stand before it.
    """

    name: str
    image: str
    endings: tuple[str, ...]
    words: tuple[str, ...]
    start: tuple[str, ...]
    compiled: bool = False


@cache
def names() -> tuple[str, ...]:
    """All images, those that Vibe cannot do without first."""
    found = sorted(p.parent.name for p in FOLDER.glob("*/image.toml"))
    return tuple(sorted(found, key=lambda name: not _read(name).get("needed", False)))


def needed() -> tuple[str, ...]:
    """The images without which nothing is made; any other one is needed by what is written for it."""
    return tuple(name for name in names() if settings(name).get("needed", False))


@cache
def languages() -> tuple[Language, ...]:
    return tuple(
        Language(
            one["name"], image, tuple(one["endings"]), tuple(one["words"]), tuple(one["start"]),
            one.get("compiled", False),
        )
        for image in names()
        for one in settings(image).get("languages", [])
    )  # fmt: skip


def language_of(path: str) -> Language | None:
    """The language of a file, by its ending."""
    ending = PurePosixPath(path).suffix.lower()
    return next((one for one in languages() if ending in one.endings), None)


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / name / "image.toml").read_text(encoding="utf-8"))


@cache
def settings(name: str) -> dict[str, Any]:
    """image.toml of `name`. Raises ImageMissing for a name that is no image folder."""
    if name not in names():
        raise ImageMissing(f"There is no image called {name[:40]!r}; there are: {', '.join(names())}.")
    return _read(name)


def file(name: str, path: str) -> bytes:
    """A file out of the folder of an image."""
    return (FOLDER / name / path).read_bytes()


def warm(name: str) -> Mapping[str, Any]:
    """What a box of `name` does before its job comes (image.toml, [warm]); empty: nothing.

    imports: modules that the runner has loaded when it forks for a Python file. start: a command that is started at
    once and stands in for `command`. memory_mb: what that takes. boxes: how many are kept ready (2).
    """
    made: Mapping[str, Any] = settings(name).get("warm", {})
    return made


def runner_files() -> dict[str, Path]:
    """The files of the runner, by where they lie beside the Dockerfile when an image is built."""
    found = {path.relative_to(RUNNER).as_posix(): path for path in sorted(RUNNER.rglob("*.py"))}
    return {name: path for name, path in found.items() if name != "__init__.py"}


@cache
def tag(name: str) -> str:
    """vibe-<name>:<12 hex digits over everything that goes into the image>."""
    settings(name)
    digest = hashlib.sha256()
    for path in sorted((FOLDER / name).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.relative_to(FOLDER).as_posix().encode() + b"\0" + path.read_bytes())
    for name_there, path in runner_files().items():
        digest.update(name_there.encode() + b"\0" + path.read_bytes())
    return f"vibe-{name}:{digest.hexdigest()[:12]}"
