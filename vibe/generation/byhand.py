"""The person's own files: which names and texts can be kept, and which of their lines a later change lost."""

from collections import Counter
from collections.abc import Iterable, Mapping

from sandbox.errors import BadSource
from sandbox.source import check_name
from vibe.generation.gate import MAX_ALL, MAX_FILE
from vibe.generation.reply import MAX_FILES

TELLING = 3  # characters that a lost line must have beyond brackets to be worth a word


class NotKept(Exception):
    """Raised when files of a person cannot be kept; str() says what to enter instead."""


def files_by_hand(pairs: Iterable[tuple[str, str]], before: Mapping[str, str]) -> dict[str, str]:
    """{path: text} of the (path, text) pairs of a form, in its order. Raises NotKept.

    A pair without name and text is an empty row. A browser sends every line end as CR LF: a file gets back the kind
    that it had in `before`, a new one gets LF. Line ends apart, nothing is changed.
    """
    files: dict[str, str] = {}
    for raw, typed in pairs:
        path, text = raw.strip(), typed.replace("\r\n", "\n").replace("\r", "\n")
        if not path:
            if text.strip():
                raise NotKept(f"Give the file that begins with “{text.strip()[:30]}” a name, such as notes.js.")
            continue
        _check(path, text, files)
        old = before.get(path, "")
        files[path] = (
            text.replace("\n", "\r\n") if "\n" in old and old.count("\r\n") == old.count("\n") else text
        )
    if not files:
        raise NotKept("Keep at least one file.")
    if len(files) > MAX_FILES:
        raise NotKept(f"Keep at most {MAX_FILES} files. These are {len(files)}.")
    if sum(map(len, files.values())) > MAX_ALL:
        raise NotKept("Keep all files together under four million characters.")
    return files


def _check(path: str, text: str, taken: Mapping[str, str]) -> None:
    try:
        check_name(path)
    except BadSource:
        raise NotKept(
            f"Use a plain name instead of “{path[:60]}”, such as notes.js or parts/notes.js."
        ) from None
    if path in taken:
        raise NotKept(f"Two files are called {path[:60]}: give one another name.")
    if len(text) > MAX_FILE:
        raise NotKept(f"Keep {path[:60]} under a million characters.")
    if "\0" in text:
        raise NotKept(f"{path[:60]} holds a character that cannot be kept (NUL). Type that place again.")


def lost_by_hand(
    person_files: Mapping[str, str],
    previous_files: Mapping[str, str],
    new_files: Mapping[str, str],
    base_files: Mapping[str, str] | None = None,
) -> list[str]:
    """Sentences about lines that the person wrote by hand and that `new_files` no longer hold, one a line.

    `person_files` is the version they made, `previous_files` the one that they started from. `base_files` is what
    the change started from: a line that was not there any more was not lost now. Lines that moved to another file
    are not lost; brackets and blank lines are not worth a word. Whether the person asked for it is for the caller
    (refusals.asks_for_less).
    """
    now = _telling_lines(new_files)
    lost = []
    for path, text in sorted(person_files.items()):
        wrote = Counter(_lines(text)) - Counter(_lines(previous_files.get(path, "")))
        there = Counter(_lines(base_files.get(path, ""))) if base_files is not None else wrote
        for line in wrote:
            if _tells(line) and line in there and line not in now:
                lost.append(f"Your line “{_short(line)}” in {path} is gone.")
    return lost


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.split("\n")]


def _telling_lines(files: Mapping[str, str]) -> set[str]:
    return {line for text in files.values() for line in _lines(text)}


def _tells(line: str) -> bool:
    return sum(c.isalnum() for c in line) >= TELLING


def _short(line: str) -> str:
    return line if len(line) <= 60 else line[:59] + "…"
