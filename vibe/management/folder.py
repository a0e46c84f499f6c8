"""Folder: a place on the person's disk where made files go. Nothing there is written over unasked, no link followed."""

import contextlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


class NoFolder(Exception):
    """Raised when files cannot go there; `sentence` says why and what to do."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


def trouble_with(path: Path, *, force: bool) -> str:
    """Why made files cannot go into `path`; empty when they can. Looked at before anything is made."""
    if path.is_symlink():
        return f"{path} is a link, and I follow none: name the folder itself."
    if not path.exists():
        there = next(p for p in path.absolute().parents if p.exists())
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            return f"{path} cannot be made: {there} takes no new folder."
        return ""
    if not path.is_dir():
        return f"{path} is a file: name a folder."
    try:
        full = any(path.iterdir())
    except OSError as problem:
        return f"{path} cannot be used: {problem.strerror}."
    if not os.access(path, os.W_OK | os.X_OK):
        return f"Nothing may be written into {path}: name another folder."
    if full and not force:
        return f"{path} is not empty: name another folder, or add --force to write over what has the same name."
    return ""


def free_one(title: str) -> Path:
    """A folder that is not there yet, named by `title`: "tea", "tea-2"."""
    stem = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60] or "program"
    number, path = 2, Path(stem)
    while path.exists() or path.is_symlink():
        number, path = number + 1, Path(f"{stem}-{number}")
    return path


def fill(path: Path, files: Mapping[str, str], *, force: bool) -> None:
    """Write `files`, {relative path: text}, into `path`. Raises NoFolder; what was written until then stays."""
    if trouble := trouble_with(path, force=force):
        raise NoFolder(trouble)
    try:
        path.mkdir(parents=True, exist_ok=True)
        top = os.open(path, _DIRECTORY)
        try:
            for name, text in files.items():
                _write(top, name.split("/"), text.encode("utf-8", "replace"), force=force)
        finally:
            os.close(top)
    except OSError as problem:
        raise NoFolder(f"The files could not be written to {path}: {problem.strerror}.") from problem


def _write(folder: int, parts: list[str], data: bytes, *, force: bool) -> None:
    name, *rest = parts
    if name in {"", ".", ".."}:
        raise OSError(0, f"{'/'.join(parts)} is no plain name")
    if rest:
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, dir_fd=folder)
        inner = os.open(name, _DIRECTORY, dir_fd=folder)
        try:
            _write(inner, rest, data, force=force)
        finally:
            os.close(inner)
        return
    how = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | (os.O_TRUNC if force else os.O_EXCL)
    with os.fdopen(os.open(name, how, 0o666, dir_fd=folder), "wb") as out:
        out.write(data)
