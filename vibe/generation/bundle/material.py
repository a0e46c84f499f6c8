"""What a page is bundled from: its files, the room that is left in the document, and the problems found so far."""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass

MAX_DOCUMENT = 4_000_000  # characters
MAX_PROBLEMS = 100
PAGE = "index.html"
REMOTE = re.compile(r"\s*(?:(?:https?|wss?):)?//", re.IGNORECASE)
SCHEME = re.compile(r"\s*[a-z][a-z0-9+.-]*:", re.IGNORECASE)


@dataclass(frozen=True)
class Problem:
    file: str
    line: int
    sentence: str


class Material:
    """`page` is the text of index.html; every other text that goes into the document is paid for with `spend`."""

    def __init__(self, files: Mapping[str, str], page: str) -> None:
        self.files = files
        self.problems: list[Problem] = []
        self._size = len(page)
        self._told: set[str] = set()

    @property
    def full(self) -> bool:
        """So many problems that nobody reads more of them."""
        return len(self.problems) >= MAX_PROBLEMS

    @staticmethod
    def path(reference: str, base: str) -> str:
        bare = reference.strip().split("?")[0].split("#")[0]
        return posixpath.normpath(posixpath.join(posixpath.dirname(base), bare)).lstrip("/")

    def local(self, reference: str, base: str, line: int, what: str) -> str | None:
        """The text of a local file; None, with a Problem, when it is remote or not there."""
        if REMOTE.match(reference):
            self.problem(
                base, line,
                f"A {what} comes from the internet ({reference.strip()[:80]}). Cards have none: write it into the page.",
            )  # fmt: skip
            return None
        path = self.path(reference, base)
        if path not in self.files:
            self.problem(base, line, f"The {what} “{reference.strip()[:80]}” is not among the files.")
            return None
        return self.files[path]

    def problem(self, file: str, line: int, sentence: str) -> None:
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(file, line, sentence))

    def limit(self, sentence: str) -> None:
        """A limit is told once, and first: what was found before it is of little use."""
        if sentence not in self._told:
            self._told.add(sentence)
            self.problems.insert(0, Problem(PAGE, 1, sentence))

    def too_large(self) -> None:
        self.limit("The page is larger than 4 million characters.")

    def spend(self, characters: int) -> bool:
        """Whether the document has room for so many more."""
        self._size += characters
        if self._size > MAX_DOCUMENT:
            self.too_large()
        return self._size <= MAX_DOCUMENT
