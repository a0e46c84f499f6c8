"""What a language itself says when a program breaks: a place and its words. No program says such a thing to a person.

Python has its syntax looked at before any box is opened (gate.py). The others are read by their own compiler or
interpreter, in the box: nothing else reads them as surely, and what it says is the evidence that a repair works on.
"""

import re
from dataclasses import dataclass

MOST = 200_000  # characters of output that are looked through

_FILE = r"(?:file://)?(?:/box/|\./)?(?P<file>[\w.][\w./+-]{0,120})"
# Each of these begins at the start of a line and crosses it in one pass: what is printed is hostile text.
_PLACED = (
    # gcc and g++: main.c:3:5: error: expected …
    re.compile(
        rf"^{_FILE}:(?P<line>\d{{1,7}}):\d{{1,7}}: (?:fatal )?error: (?P<what>.{{1,300}})", re.MULTILINE
    ),
    # rustc: error[E0308]: mismatched types / --> main.rs:4:18
    re.compile(
        rf"^error(?:\[E\d{{1,5}}\])?: (?P<what>.{{1,300}})\n {{1,9}}--> {_FILE}:(?P<line>\d{{1,7}}):\d",
        re.MULTILINE,
    ),
    # a panic of Rust: thread 'main' panicked at '…', main.rs:4:5
    re.compile(
        rf"^thread '[^'\n]{{1,60}}' panicked at '(?P<what>[^\n]{{0,300}})', {_FILE}:(?P<line>\d{{1,7}}):\d",
        re.MULTILINE,
    ),
    # bash: main.sh: line 3: … ; dash: main.sh: 3: …
    re.compile(rf"^{_FILE}(?<=sh): (?:line )?(?P<line>\d{{1,7}}): (?P<what>.{{1,300}})", re.MULTILINE),
)
_NODE_PLACE = re.compile(rf"^{_FILE}:(?P<line>\d{{1,7}})$", re.MULTILINE)
_NODE_WORDS = re.compile(r"^(?P<what>(?:Uncaught )?\w{0,40}Error(?: \[\w{1,60}\])?: .{1,300})", re.MULTILINE)
_NODE_END = re.compile(r"^(?:    at .{1,300}|Node\.js v\d.*)$", re.MULTILINE)
_LINKER = re.compile(r"undefined reference to .{1,200}")
_UNCOMPILED = re.compile(r"^(\S{1,120}) could not be compiled\.$", re.MULTILINE)


@dataclass(frozen=True)
class Complaint:
    """`file` and `line` are "" and 0 where nothing says them."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        place = f"{self.file}, line {self.line}: " if self.line else f"{self.file}: " if self.file else ""
        return f"{place}{self.what}."


def complaint(printed: str) -> Complaint | None:
    """The first complaint of a compiler or interpreter in what was printed; None when there is none."""
    text = printed if len(printed) <= MOST else printed[: MOST // 2] + printed[-MOST // 2 :]
    if "Traceback (most recent call last)" in text:
        return Complaint("", 0, text.rstrip().rsplit("\n", 1)[-1][:300].rstrip("."))
    found = [match for pattern in _PLACED if (match := pattern.search(text))]
    if found:
        first = min(found, key=lambda match: match.start())
        return Complaint(first["file"], int(first["line"]), first["what"].rstrip(". "))
    if (words := _NODE_WORDS.search(text)) and _NODE_END.search(text, words.end()):
        place = _NODE_PLACE.search(text, 0, words.start())
        return Complaint(
            place["file"] if place else "", int(place["line"]) if place else 0, words["what"].rstrip(". ")
        )
    if file := uncompiled(text):
        missing = _LINKER.search(text)
        return Complaint(file, 0, missing[0] if missing else "it could not be compiled")
    return None


def uncompiled(printed: str) -> str:
    """The file that could not be compiled, as images/native/compiled says it last; "" when it could."""
    last = printed[-400:].rstrip().rsplit("\n", 1)[-1]
    found = _UNCOMPILED.match(last)
    return found[1] if found else ""
