"""The reply format: prose, FILE and EDIT blocks, DONE; read strictly and line by line while it streams (DESIGN §4).

The parser never repairs and never un-escapes: what a model wrote in a block is what the file holds, byte for byte
(15 % of real small apps hold &lt; and would be broken by an un-escaping reader). What cannot be read is a Problem.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from sandbox.errors import BadSource
from sandbox.source import check_name
from vibe.generation.placeholders import placeholders

_HEADER = re.compile(
    r"^\s{0,3}(?:[#>*-]+\s*)?(?:\*\*)?`?(FILE|EDIT|File|Edit)\b:?\s+[`\"'*]*([^\s`\"'*:]+)[`\"'*:]*\s*$"
)
_FENCE = re.compile(r"^\s{0,3}(`{3,}|~{3,})\s*([\w+.#-]*)\s*$")
_PATH = re.compile(r"^[\w][\w./-]*\.[A-Za-z0-9]{1,8}$")
SEARCH, MIDDLE, REPLACE = "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE"
MAX_FILES = 40
MAX_PROBLEMS = 100  # nobody reads more of them
LONG = 1000  # characters: no header and no fence is as long, and a hostile one costs a pattern too much
_PIECE = 65_536  # characters that `parse` feeds at once


@dataclass(frozen=True)
class Prose:
    text: str


@dataclass(frozen=True)
class FileOpen:
    path: str
    kind: str  # file or edit


@dataclass(frozen=True)
class FileText:
    path: str
    text: str


@dataclass(frozen=True)
class FileClose:
    path: str


@dataclass(frozen=True)
class Hunk:
    path: str
    search: str
    replace: str


@dataclass(frozen=True)
class Done:
    pass


@dataclass(frozen=True)
class Problem:
    line: int
    sentence: str


Item = Prose | FileOpen | FileText | FileClose | Hunk | Done | Problem


@dataclass(frozen=True)
class Parsed:
    """truncated: the path of a block that never closed, or "" for a reply without its end; None when it is whole."""

    prose: str = ""
    files: dict[str, str] = field(default_factory=dict)
    edits: list[Hunk] = field(default_factory=list)
    done: bool = False
    problems: list[Problem] = field(default_factory=list)
    truncated: str | None = None
    adopted: bool = False


class ReplyParser:
    """feed(text) as it arrives, close(finish) at its end. The items are the same for every way of cutting the text."""

    def __init__(self) -> None:
        self._line: list[str] = []  # of the current line, what is not handed on yet
        self._number = 0
        self._state = "prose"  # prose, fence (a header was read), file, edit
        self._path = self._kind = self._fence = ""
        self._streamed = False  # part of the current line is out already
        self._seen: set[str] = set()
        self._hunk: tuple[list[str], list[str]] | None = None
        self._part = 0  # of a hunk: 0 outside, 1 search, 2 replace
        self._first = True
        self.done = False

    def feed(self, text: str) -> list[Item]:
        if self._first and text:
            text, self._first = text.removeprefix("\ufeff"), False
        items: list[Item] = []
        start = 0
        while (end := text.find("\n", start)) >= 0:
            items += self._whole_line("".join((*self._line, text[start:end])))
            self._line.clear()
            start = end + 1
        if start < len(text):
            self._line.append(text[start:])
        items += self._stream_part()
        return items

    def close(self, finish: str = "stop") -> list[Item]:
        """The items that only the end decides. `finish` is the model's own reason for ending."""
        items: list[Item] = []
        if self._line or self._streamed:
            items += self._whole_line("".join(self._line), last=True)
            self._line.clear()
        if self._state == "fence":
            items.append(self._problem(f"{self._kind} {self._path}: no fenced block follows."))
        elif self._state in {"file", "edit"}:
            items.append(self._problem(f"{self._path} was cut off before its closing fence."))
        return items

    # --- lines --------------------------------------------------------------------------------------------------

    def _stream_part(self) -> list[Item]:
        """Hand on the part of an unfinished line of a file, once it can no longer be its closing fence."""
        if self._state != "file" or not self._line:
            return []
        held = "".join(self._line)
        if not self._streamed and len(held) < LONG:
            bare = held.strip()
            if not bare or self._fence.startswith(bare) or bare == self._fence:
                return []
        ready = held.removesuffix("\r")
        self._line = [held[len(ready) :]] if len(held) > len(ready) else []
        if not ready:
            return []
        self._streamed = True
        return [FileText(self._path, ready)]

    def _whole_line(self, line: str, *, last: bool = False) -> list[Item]:
        self._number += 1
        line = line.removesuffix("\r")
        if self._state == "file":
            return self._file_line(line, last=last)
        if self._state == "edit":
            return self._edit_line(line)
        if self._state == "fence":
            return self._fence_line(line)
        return self._prose_line(line)

    def _prose_line(self, line: str) -> list[Item]:
        header = _HEADER.match(line) if len(line) < LONG else None
        if header and _PATH.match(header[2]):
            return self._open_header(header[1].upper(), header[2])
        if line.strip() == "DONE":
            self.done = True
            return [Done()]
        return [Prose(line + "\n")]

    def _open_header(self, kind: str, path: str) -> list[Item]:
        self._kind, self._path, self._state = kind, path, "fence"
        try:
            check_name(path)
        except BadSource as problem:
            self._state = "prose"
            return [self._problem(f"{path}: {problem.sentence}.")]
        if kind == "FILE" and path in self._seen:
            return [self._problem(f"{path} is written twice in one reply.")]
        if len(self._seen) >= MAX_FILES:
            return [self._problem(f"More than {MAX_FILES} files.")]
        self._seen.add(path)
        return []

    def _fence_line(self, line: str) -> list[Item]:
        if not line.strip():
            return []
        fence = _FENCE.match(line) if len(line) < LONG else None
        if not fence:
            self._state = "prose"
            problem = self._problem(
                f"{self._kind} {self._path}: a line of ``` should follow, there was {line[:40]!r}."
            )
            return [problem, *self._prose_line(line)]
        self._fence = fence[1]
        if self._path.endswith(".md") and len(self._fence) < 4:
            self._state = "prose"
            return [self._problem(f"{self._path}: a .md file needs a fence of four backticks.")]
        self._state = "file" if self._kind == "FILE" else "edit"
        self._part = 0
        return [FileOpen(self._path, self._state)]

    def _file_line(self, line: str, *, last: bool) -> list[Item]:
        if not self._streamed and len(line) < LONG and line.strip() == self._fence:
            self._state = "prose"
            return [FileClose(self._path)]
        self._streamed = False
        text = line if last else line + "\n"
        return [FileText(self._path, text)] if text else []

    def _edit_line(self, line: str) -> list[Item]:
        mark = line.rstrip()
        if self._part == 0:
            if mark.strip() == self._fence:
                self._state = "prose"
                return [FileClose(self._path)]
            if mark.strip() == SEARCH:
                self._part, self._hunk = 1, ([], [])
            elif mark:
                return [self._problem(f"EDIT {self._path}: a line {SEARCH!r} should stand here.")]
            return []
        assert self._hunk is not None
        if self._part == 1 and mark == MIDDLE:
            self._part = 2
        elif self._part == 2 and mark == REPLACE:
            self._part = 0
            search, replace = self._hunk
            return [Hunk(self._path, "\n".join(search), "\n".join(replace))]
        elif mark in {SEARCH, REPLACE} or mark == self._fence:
            self._part = 0
            return [self._problem(f"EDIT {self._path}: {mark!r} stands in the middle of a change.")]
        else:
            self._hunk[self._part - 1].append(line)
        return []

    def _problem(self, sentence: str) -> Problem:
        return Problem(self._number, f"Line {self._number}: {sentence}")


def parse(text: str, finish: str = "stop", old: Mapping[str, str] | None = None) -> Parsed:
    """A whole reply at once. A single fence without a header is adopted as the one file that it must be.

    A placeholder for code is a Problem, unless the same line stands in that file of `old`.
    """
    parser = ReplyParser()
    prose: list[str] = []
    parts: dict[str, list[str]] = {}
    closed: set[str] = set()
    edits: list[Hunk] = []
    problems: list[Problem] = []
    opened = ""
    for item in _read(parser, text, finish):
        match item:
            case Prose(line):
                prose.append(line)
            case FileOpen(path, kind):
                opened = path
                if kind == "file":
                    parts[path] = []
            case FileText(path, piece):
                parts[path].append(piece)
            case FileClose(path):
                closed.add(path)
                opened = ""
            case Hunk():
                edits.append(item)
            case Problem() if len(problems) < MAX_PROBLEMS:
                problems.append(item)
    truncated = opened or ("" if finish == "length" and not parser.done else None)
    if truncated:
        problems = [p for p in problems if "was cut off" not in p.sentence]
    files = {path: "".join(pieces) for path, pieces in parts.items() if path in closed}
    problems += islice(_left_out(files, edits, old or {}), MAX_PROBLEMS)
    if not parts and not edits and (one := _only_fence(text)):
        return Parsed(one[0], {one[1]: one[2]}, [], parser.done, [], truncated, adopted=True)
    return Parsed("".join(prose), files, edits, parser.done, problems, truncated)


def _read(parser: ReplyParser, text: str, finish: str) -> Iterator[Item]:
    for at in range(0, len(text), _PIECE):
        yield from parser.feed(text[at : at + _PIECE])
    yield from parser.close(finish)


def _left_out(files: Mapping[str, str], edits: Sequence[Hunk], old: Mapping[str, str]) -> Iterator[Problem]:
    """Placeholders of files and of what edits put in; what an edit found there, it may put back."""
    texts = [(path, text, old.get(path, "")) for path, text in files.items()]
    texts += [(hunk.path, hunk.replace, hunk.search) for hunk in edits]
    for path, text, before in texts:
        for number, line in placeholders(text, before.split("\n")):
            yield Problem(
                number, f"{path}, line {number}: a placeholder stands where code should be: {line[:60]!r}."
            )


_BEGINS = re.compile(r"(`{3,})([\w+-]*)[ \t]*\r?")
_ENDS = re.compile(r"(`{3,})[ \t]*\r?")
_NAMES = {"html": "index.html", "htm": "index.html"}


def _only_fence(text: str) -> tuple[str, str, str] | None:
    """(prose, name, content) when the reply is prose around exactly one block that names itself by its language.

    Only a whole HTML page is adopted: a tool is never a single file, it needs its tool.toml.
    """
    lines = text.split("\n")
    blocks = list(_blocks(lines))
    if len(blocks) != 1:
        return None
    begin, end, language = blocks[0]
    name, content = _NAMES.get(language.lower()), "".join(line + "\n" for line in lines[begin + 1 : end])
    if name is None or "<" not in content or placeholders(content):
        return None
    prose = "\n".join([*lines[:begin], "", *lines[end + 1 :]]).replace("DONE", "").strip()
    return prose, name, content


def _blocks(lines: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """(line that begins it, line that ends it, its language) of each fenced block. A fence that nothing ends is none."""
    ends: dict[str, list[int]] = {}
    for at, line in enumerate(lines):
        if found := _ENDS.fullmatch(line):
            ends.setdefault(found[1], []).append(at)
    past = -1
    for at, line in enumerate(lines):
        if at > past and (found := _BEGINS.fullmatch(line)):
            later = ends.get(found[1], [])
            place = bisect_right(later, at)
            if place < len(later):
                past = later[place]
                yield at, past, found[2]
