"""Finds what a script asks for that a card cannot give: modules, the internet, other pages. It knows no files.

A script is first blanked: remarks, texts and templates become spaces, so that only code is read as code. Where a slash
begins a pattern is guessed from what stands before it; every character is looked at a fixed number of times.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_PIECES = 250_000  # texts, remarks and patterns of one page's scripts

_WORTH = re.compile(
    r"import|export|fetch|WebSocket|EventSource|Worker|sendBeacon|\.open|location|(?<![\w$.])open"
)
_CODE = re.compile(r"[\"'`/]")
_NESTED = re.compile(r"[\"'`/{}]")
_TEXT = {
    '"': re.compile(r'"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"?', re.DOTALL),
    "'": re.compile(r"'[^'\\\n]*+(?:\\.[^'\\\n]*+)*+'?", re.DOTALL),
}
_TEMPLATE = re.compile(r"[^`\\$]*+(?:(?:\\.|\$(?!\{))[^`\\$]*+)*+", re.DOTALL)
_PATTERN = re.compile(
    r"/(?![*/])[^/\\\[\n]*+(?:(?:\\[^\n]|\[[^\]\\\n]*+(?:\\[^\n][^\]\\\n]*+)*+\])[^/\\\[\n]*+)*+/"
)
_WORD = re.compile(r"[\w$]+$")
_BEFORE_PATTERN = frozenset(
    [
        "return",
        "typeof",
        "case",
        "do",
        "else",
        "in",
        "of",
        "void",
        "delete",
        "instanceof",
        "new",
        "throw",
        "yield",
        "await",
    ]
)

_IMPORT = re.compile(
    r"(?<![\w$.#])import(?![\w$])(?:\s*+\(\s*+|(?P<clause>(?:(?!(?<![\w$])import(?![\w$]))[^;\"'`()=:])*+))[\"'`]"
)
_EXPORT = re.compile(r"(?<![\w$.#])export(?![\w$])\s*+(?:default|const|let|var|function|class|async|[{*])")
_CALL = re.compile(
    r"(?<![\w$])(?:fetch|importScripts|WebSocket|EventSource|Worker|SharedWorker|sendBeacon)\s*+\(\s*+[\"'`]"
    r"|\.open\s*+\(\s*+([\"']) *+\1\s*+,\s*+[\"'`]"
)
_GO = re.compile(
    r"(?<!let )(?<!var )(?<!const )(?<![\w$])location\s*+(?:\.\s*+href\s*+)?=(?!=)\s*+[\"'`]"
    r"|(?<![\w$])location\s*+\.\s*+(?:assign|replace)\s*+\(\s*+[\"'`]"
    r"|(?<![\w$.])(?:window\s*+\.\s*+)?open\s*+\(\s*+[\"'`]"
)
_KINDS = (("import", _IMPORT), ("export", _EXPORT), ("call", _CALL), ("go", _GO))


@dataclass(frozen=True)
class Found:
    """`kind`: import, export, call (something is fetched) or go (the page leaves); `value` is the address, if any."""

    kind: str
    at: int
    value: str


class Script:
    """What one script asks for. `pieces` is how many texts, remarks and patterns were read."""

    def __init__(self, text: str, limit: int = MAX_PIECES) -> None:
        self.text, self.pieces, self.too_long, self._limit = text, 0, False, limit
        self.found: tuple[Found, ...] = ()
        if _WORTH.search(text):
            self.found = tuple(self._findings(self._blanked()))

    def _findings(self, code: str) -> Iterator[Found]:
        for kind, pattern in _KINDS:
            for match in pattern.finditer(code):
                if kind == "import" and not _is_import(match["clause"]):
                    continue
                yield Found(kind, match.start(), "" if kind == "export" else self._value(code, match.end()))

    def _value(self, code: str, at: int) -> str:
        """The text that begins at `at`, up to its closing quote, at most 300 characters of it."""
        past = code.find(code[at - 1], at, at + 300)
        return self.text[at : past if past >= 0 else at + 300]

    def _blanked(self) -> str:
        text, out, at = self.text, list[str](), 0
        depths: list[int] = []  # of each template that is open: how many braces are open inside its ${
        operand, no_pattern_before = False, 0
        while found := (_NESTED if depths else _CODE).search(text, at):
            self.pieces += 1
            if self.pieces > self._limit:
                self.too_long = True
                return "".join(out)
            start, sign = found.start(), found[0]
            if before := text[at:start].rstrip():
                operand = _is_operand(before)
            out.append(text[at:start])
            at = found.end()
            if sign in _TEXT:
                whole = _TEXT[sign].match(text, start)
                assert whole
                at, operand = whole.end(), True
                out.append(_hollow(whole[0]))
            elif sign == "`" or (sign == "}" and depths and depths[-1] == 0):
                if sign == "}":
                    depths.pop()
                out.append(sign)
                at = self._template(at, out, depths)
                operand = text[at - 1] != "{"
            elif sign in "{}":
                depths[-1] += 1 if sign == "{" else -1
                out.append(sign)
                operand = False
            elif text.startswith(("/", "*"), at):
                at = self._remark(text, at)
                out.append(" " * (at - start))
            elif operand or start < no_pattern_before:
                out.append(sign)
                operand = False
            elif pattern := _PATTERN.match(text, start):
                at, operand = pattern.end(), True
                out.append(" " * (at - start))
            else:  # no pattern begins here, so none does before the line ends
                no_pattern_before = text.find("\n", at) + 1 or len(text)
                out.append(sign)
        out.append(text[at:])
        return "".join(out)

    def _template(self, at: int, out: list[str], depths: list[int]) -> int:
        """Blanks a template's text from `at` on; just past its closing sign, or past the ${ where code goes on."""
        text = _TEMPLATE.match(self.text, at)
        assert text
        out.append(" " * (text.end() - at))
        at = text.end()
        if self.text.startswith("`", at):
            out.append("`")
            return at + 1
        if self.text.startswith("${", at):
            out.append("${")
            depths.append(0)
            return at + 2
        return len(self.text)

    @staticmethod
    def _remark(text: str, at: int) -> int:
        """Just past the remark whose second sign stands at `at`."""
        if text[at] == "/":
            past = text.find("\n", at)
            return past if past >= 0 else len(text)
        past = text.find("*/", at + 1)
        return past + 2 if past >= 0 else len(text)


def _hollow(text: str) -> str:
    closed = len(text) > 1 and text[-1] == text[0]
    return text[0] + " " * (len(text) - 1 - closed) + (text[0] if closed else "")


def _is_operand(before: str) -> bool:
    """Whether a slash after this code divides."""
    if word := _WORD.search(before[-12:]):
        return word[0] not in _BEFORE_PATTERN
    return before[-1] in ")]"


def _is_import(clause: str | None) -> bool:
    """Whether the words between `import` and its text are those of an import; None is import()."""
    return clause is None or not clause.strip() or re.search(r"(?:^|[\s}*])from\s*$", clause[-20:]) is not None
