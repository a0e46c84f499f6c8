"""Patterns: the part of regular expressions that can be matched in time proportional to the text.

A pattern comes from a model or a stranger and the text from a stranger's program; Python's own engine can be made to
think for hours by such a pair. So a pattern is read into a small machine whose states are all followed at once.
Known: characters, `.`, classes, \\d \\w \\s \\b and their opposites, groups, `|`, `? * + {m,n}` (a lazy `?` changes
nothing here), `^` and `$` (start and end of the text, as in Python). Not known: look-around and back-references.
"""

import re
from collections.abc import Callable
from functools import lru_cache

MAX_LENGTH, MAX_STATES, MAX_REPEAT, MAX_TEXT = 300, 1500, 100, 8000

_Test = Callable[[str], bool]
_Where = Callable[[str, int], bool]


class BadPattern(ValueError):
    """Raised when a pattern cannot be used; its text is a sentence that says why."""


def found(pattern: str, text: str) -> bool:
    """Whether `pattern` occurs in the first 8,000 characters of `text`. Raises BadPattern."""
    return _machine(pattern).search(text[:MAX_TEXT])


def check(pattern: str) -> None:
    """Raises BadPattern when the pattern cannot be used."""
    _machine(pattern)


class _Machine:
    """States by number. A state takes a character and leads on, or leads on for nothing, perhaps only at some places."""

    def __init__(self) -> None:
        self.takes: dict[int, tuple[_Test, int]] = {}
        self.free: dict[int, list[tuple[_Where | None, int]]] = {}
        self.size = 0
        self.start = self.end = 0

    def state(self) -> int:
        self.size += 1
        if self.size > MAX_STATES:
            raise BadPattern("The pattern repeats too much.")
        return self.size - 1

    def link(self, a: int, b: int, where: _Where | None = None) -> None:
        self.free.setdefault(a, []).append((where, b))

    def search(self, text: str) -> bool:
        now: set[int] = set()
        for at in range(len(text) + 1):
            now = self._settled({*now, self.start}, text, at)
            if self.end in now:
                return True
            if at < len(text):
                char = text[at]
                now = {to for s in now if s in self.takes for test, to in [self.takes[s]] if test(char)}
        return False

    def _settled(self, states: set[int], text: str, at: int) -> set[int]:
        waiting, seen = list(states), set(states)
        while waiting:
            for where, to in self.free.get(waiting.pop(), ()):
                if to not in seen and (where is None or where(text, at)):
                    seen.add(to)
                    waiting.append(to)
        return seen


@lru_cache(maxsize=256)
def _machine(pattern: str) -> _Machine:
    if len(pattern) > MAX_LENGTH:
        raise BadPattern(f"A pattern has at most {MAX_LENGTH} characters.")
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as problem:
        raise BadPattern(f"“{pattern}” is no pattern: {problem}.") from problem
    reader = _Reader(pattern)
    machine = reader.machine
    machine.start = machine.state()
    machine.end = reader.either(machine.start)
    if reader.at != len(pattern):
        raise BadPattern(f"“{pattern}” has a closing bracket too many.")
    return machine


def _word(text: str, at: int) -> bool:
    return 0 <= at < len(text) and (text[at].isalnum() or text[at] == "_")


_PLACES: dict[str, _Where] = {
    "^": lambda text, at: at == 0,
    "A": lambda text, at: at == 0,
    "$": lambda text, at: at == len(text) or (at == len(text) - 1 and text[at] == "\n"),
    "Z": lambda text, at: at == len(text),
    "b": lambda text, at: _word(text, at - 1) != _word(text, at),
    "B": lambda text, at: _word(text, at - 1) == _word(text, at),
}


class _Reader:
    """Reads a pattern that Python accepts, piece by piece; each piece is built from a state and returns the state after."""

    def __init__(self, pattern: str) -> None:
        self.text, self.at = pattern, 0
        self.machine = _Machine()
        self.folds = pattern.startswith("(?i)")
        if self.folds:
            self.at = 4

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def either(self, start: int) -> int:
        after = self.machine.state()
        self.machine.link(self._row(start), after)
        while self.peek() == "|":
            self.at += 1
            self.machine.link(self._row(start), after)
        return after

    def _row(self, start: int) -> int:
        here = self.machine.state()
        self.machine.link(start, here)
        while self.peek() not in {"", "|", ")"}:
            here = self._repeated(here)
        return here

    def _repeated(self, start: int) -> int:
        begin = self.at
        end = self._piece(start)
        after_piece = self.at
        low, high = self._times()
        if (low, high) == (1, 1):
            return end
        done = self.at
        if high == 0:
            return start
        copies = [(start, end)]
        for _ in range(max(low, high or 1) - 1):
            self.at = begin
            copies.append((copies[-1][1], self._piece(copies[-1][1])))
            assert self.at == after_piece
        self.at = done
        last = self.machine.state()
        for number, (first, then) in enumerate(copies, 1):
            if number > low:
                self.machine.link(first, last)
            if number == len(copies):
                self.machine.link(then, last)
        if high is None:
            # A loop needs a state of its own: its start may be the end of something else.
            loop = self.machine.state()
            self.machine.link(last, loop)
            self.at = begin
            self.machine.link(self._piece(loop), loop)
            self.at = done
            return loop
        return last

    def _times(self) -> tuple[int, int | None]:
        sign = self.peek()
        times: tuple[int, int | None] = (1, 1)
        counted = re.compile(r"\{(\d*)(,?)(\d*)\}").match(self.text, self.at)
        if sign and sign in "?*+":
            times = {"?": (0, 1), "*": (0, None), "+": (1, None)}[sign]
            self.at += 1
        elif counted and (counted[1] or counted[3]):
            low = int(counted[1] or 0)
            times = (low, (int(counted[3]) if counted[3] else None) if counted[2] else low)
            if max(low, times[1] or 0) > MAX_REPEAT:
                raise BadPattern(f"A pattern repeats a part at most {MAX_REPEAT} times.")
            self.at = counted.end()
        else:
            return times
        if self.peek() == "?":
            self.at += 1
        elif self.peek() == "+":
            raise BadPattern("“+” after a repetition is more than I can match.")
        return times

    def _piece(self, start: int) -> int:
        char = self.peek()
        if char == "(":
            return self._group(start)
        if char in {"^", "$"}:
            self.at += 1
            return self._place(start, _PLACES[char])
        if char == "\\":
            name = self.text[self.at + 1 : self.at + 2]
            if name in {"b", "B", "A", "Z"}:
                self.at += 2
                return self._place(start, _PLACES[name])
            if name.isdigit():
                raise BadPattern("A pattern cannot point back to a group.")
        end = self.machine.state()
        self.machine.takes[fresh := self.machine.state()] = (self._one(), end)
        self.machine.link(start, fresh)
        return end

    def _place(self, start: int, where: _Where) -> int:
        end = self.machine.state()
        self.machine.link(start, end, where)
        return end

    def _group(self, start: int) -> int:
        self.at += 1
        if self.peek() == "?":
            named = re.compile(r"\?(?::|P<\w+>)").match(self.text, self.at)
            if not named:
                raise BadPattern("A pattern cannot look ahead or behind.")
            self.at = named.end()
        inner = self.machine.state()
        self.machine.link(start, inner)
        end = self.either(inner)
        self.at += 1  # the closing bracket: Python accepted the pattern, so it is there
        return end

    def _one(self) -> _Test:
        """The test of one character: itself, a class, an escape."""
        piece = re.compile(
            r"\[\^?\]?(?:\\.|[^\]\\])*\]|\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|.", re.DOTALL
        ).match(self.text, self.at)
        assert piece
        self.at = piece.end()
        text = piece[0]
        flags = re.IGNORECASE if self.folds else 0
        if len(text) == 1 and text != ".":
            return (lambda c: c.lower() == text.lower()) if self.folds else (lambda c: c == text)
        single = re.compile(text, flags)  # one character against one class: nothing to think about
        return lambda c: single.fullmatch(c) is not None
