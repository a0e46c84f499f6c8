"""Finds what a style sheet asks for: url(), @import, image-set(). It knows no files and no pages.

Comments and texts are passed over; every character is looked at once.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_PIECES = 50_000  # comments, texts, addresses of all style sheets of a page

_WS = r"[ \t\n\f\r]*+"
_TOKEN = re.compile(
    r"/\*|[\"'\\]|(?<![\w-])url\(|@import(?![\w-])|@namespace(?![\w-])|(?<![\w-])(?:-webkit-)?image-set\(",
    re.IGNORECASE,
)
_TEXT = {
    '"': re.compile(r'"([^"\\\n]*+(?:\\.[^"\\\n]*+)*+)("?)', re.DOTALL),
    "'": re.compile(r"'([^'\\\n]*+(?:\\.[^'\\\n]*+)*+)('?)", re.DOTALL),
}
_BARE = re.compile(rf"([^\"'()\\ \t\n\f\r]*+(?:\\.[^\"'()\\ \t\n\f\r]*+)*+){_WS}(\)?)", re.DOTALL)
_BLANK = re.compile(r"[ \t\n\f\r]*+(?:/\*[^*]*+(?:\*(?!/)[^*]*+)*+\*/[ \t\n\f\r]*+)*+")
_TAIL = re.compile(r"[^;{}]*+")
_REMARK = re.compile(r"/\*[^*]*+(?:\*(?!/)[^*]*+)*+\*/")
_LAYER = re.compile(r"\s*layer(?:\(\s*([\w.-]+)\s*\))?(?![\w(-])\s*", re.IGNORECASE)
_SUPPORTS = re.compile(r"\s*supports\(", re.IGNORECASE)


@dataclass(frozen=True)
class Reference:
    """`kind`: url, import, or set (a text inside image-set()); `value` is the address that stands there.

    `around`: what an imported sheet is wrapped in, outermost first; None when it cannot be understood.
    """

    kind: str
    start: int
    end: int
    value: str
    around: tuple[str, ...] | None = ()


class Styles:
    """The references of one sheet. `left_open` closes what the sheet leaves open; `pieces` is how many were read."""

    def __init__(self, css: str, limit: int = MAX_PIECES) -> None:
        self.css, self.left_open, self.pieces, self.too_long = css, "", 0, False
        self._limit = limit
        self.references = tuple(self._read())

    def _read(self) -> Iterator[Reference]:
        css, at = self.css, 0
        while found := _TOKEN.search(css, at):
            self.pieces += 1
            if self.pieces > self._limit:
                self.too_long = True
                return
            sign, start, at = found[0].lower(), found.start(), found.end()
            if sign == "\\":
                at += 1
            elif sign == "/*":
                at = self._past("*/", at)
            elif sign in _TEXT:
                _, at = self._text(start)
            elif sign == "url(":
                value, at = self._address(start)
                if value is not None:
                    yield Reference("url", start, at, value)
            elif sign == "@namespace":
                at = self._past(";", at)
            elif sign == "@import":
                reference = self._import(start, at)
                at = reference.end
                yield reference
            elif (text := _TEXT_AHEAD.match(css, at)) is not None:
                value, at = self._text(text.end() - 1)
                yield Reference("set", start, at, value)

    def _past(self, what: str, at: int) -> int:
        found = self.css.find(what, at)
        if found < 0 and what == "*/":
            self.left_open = "*/"
        return len(self.css) if found < 0 else found + len(what)

    def _text(self, at: int) -> tuple[str, int]:
        """The text whose quote stands at `at`, and where it ends; a line's end closes it too."""
        quote = self.css[at]
        found = _TEXT[quote].match(self.css, at)
        assert found
        if not found[2] and found.end() >= len(self.css):
            self.left_open = quote
        return _plain(found[1]), found.end()

    def _address(self, start: int) -> tuple[str | None, int]:
        """The address of the url( at `start`; None when a browser would not understand it."""
        css = self.css
        blank = _BLANKS.match(css, start + 4)
        assert blank
        at = blank.end()
        if css[at : at + 1] in _TEXT:
            value, at = self._text(at)
            past = self._past(")", at)
            return (value if not css[at : past - 1].strip() else None), past
        found = _BARE.match(css, at)
        assert found
        if found[2] or found.end() >= len(css):
            return _plain(found[1]), found.end()
        return None, self._past(")", found.end())

    def _import(self, start: int, at: int) -> Reference:
        css = self.css
        blank = _BLANK.match(css, at)
        at = blank.end() if blank else at
        value: str | None = None
        if css[at : at + 1] in _TEXT:
            value, at = self._text(at)
        elif css[at : at + 4].lower() == "url(":
            value, at = self._address(at)
        tail = _TAIL.match(css, at)
        assert tail
        at = tail.end()
        whole = css[at : at + 1] in {";", ""}
        around = _around(tail[0]) if value is not None and whole else None
        return Reference("import", start, at + (css[at : at + 1] == ";"), value or "", around)


_BLANKS = re.compile(_WS)
_TEXT_AHEAD = re.compile(rf"{_WS}[\"']")


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL).replace("\n", "").strip()


def _around(tail: str) -> tuple[str, ...] | None:
    """`layer(a) supports(b: c) screen` as the rules that mean the same; None when it cannot be understood."""
    if len(tail) > 1000:
        return None
    tail = _REMARK.sub(" ", tail)
    layer = _LAYER.match(tail)
    inner = (f"@layer {layer[1] or ''}".rstrip(),) if layer else ()
    tail = tail[layer.end() :] if layer else tail
    if begins := _SUPPORTS.match(tail):
        depth, at = 1, begins.end()
        while at < len(tail) and depth:
            depth += {"(": 1, ")": -1}.get(tail[at], 0)
            at += 1
        if depth:
            return None
        inner = (f"@supports ({tail[begins.end() : at - 1].strip()})", *inner)
        tail = tail[at:]
    media = tail.strip()
    if media.count("(") != media.count(")") or '"' in media or "'" in media or "/*" in media:
        return None
    return (f"@media {media}", *inner) if media else inner
