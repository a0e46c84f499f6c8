"""Finds the tags of a page and the exact place of every attribute. It builds nothing and knows no files.

Reads as a browser's tokenizer does, once and forward: no character is looked at twice, so a hostile page costs no more
than a long one. What a browser takes for text (comments, textarea, title, the inside of a script) is text here too.
"""

import bisect
import html
import re
from dataclasses import dataclass, field

MAX_PIECES = 100_000  # tags, end tags, comments and attributes of one page

_WS = " \t\n\f\r"
_OPENING = re.compile(
    rf"<(?:(?P<name>[a-zA-Z][^{_WS}/>]*+)|/(?P<end>[a-zA-Z][^{_WS}/>]*+)|(?P<comment>!--)|[!?/])"
)
_NAME = re.compile(rf"[{_WS}/]*+(?:(>)|([^{_WS}/>][^{_WS}/>=]*+)[{_WS}]*+)")
_VALUE = re.compile(rf"=[{_WS}]*+(?:\"([^\"]*+)\"|'([^']*+)'|(?![\"'])([^{_WS}>]*+))")
_COMMENT_END = re.compile(r"--!?>")
_SCRIPT = re.compile(rf"<!--|-->|<(/?)script(?=[{_WS}/>])", re.IGNORECASE)
_RAW = {
    name: re.compile(rf"</{name}(?=[{_WS}/>])", re.IGNORECASE)
    for name in ("style", "textarea", "title", "xmp", "iframe", "noembed", "noframes", "noscript")
}
_FOREIGN = {"svg", "math"}
_SHOWN = {"textarea", "xmp"}  # raw text that a person sees


@dataclass(frozen=True)
class Attribute:
    """`raw` is the value as it is written; start and end are its place in the page, with its quotes."""

    raw: str
    start: int
    end: int

    @property
    def value(self) -> str:
        return html.unescape(self.raw)


@dataclass
class Tag:
    """One start tag. `inert`: it stands in a template or in raw text and loads nothing of itself."""

    name: str
    start: int
    end: int = -1  # just past the start tag
    attributes: dict[str, Attribute] = field(default_factory=dict)
    inert: bool = False
    foreign: bool = False  # inside svg or math
    body_end: int = -1  # of raw text (script, style, title): where the end tag begins, or the page's end
    close: int = -1  # just past the end tag

    def get(self, name: str) -> str | None:
        found = self.attributes.get(name)
        return None if found is None else found.value


class Lines:
    """The line (from 1) of an offset in a text."""

    def __init__(self, text: str) -> None:
        self._starts = [m.end() for m in re.finditer("\n", text)]

    def of(self, at: int) -> int:
        return bisect.bisect_right(self._starts, at) + 1


class Markup:
    """The tags of a page.

    ends: {name: where its last end tag begins}. doctype: just past it, None without one. words: there is text to
    see. too_long: there were more pieces than MAX_PIECES; the rest was not read. pieces: how many were read.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.tags: list[Tag] = []
        self.ends: dict[str, int] = {}
        self.doctype: int | None = None
        self.words = False
        self.too_long = False
        self.pieces = 0
        self._foreign = self._templates = 0
        self._read()

    def _piece(self) -> bool:
        self.pieces += 1
        self.too_long = self.pieces > MAX_PIECES
        return not self.too_long

    def _read(self) -> None:
        text, at, seen = self.text, 0, 0
        while (found := _OPENING.search(text, at)) and self._piece():
            if not self.words and not self._templates and text[seen : found.start()].strip(_WS + "\ufeff"):
                self.words = True
            if found["name"]:
                at = self._start(found)
            elif found["end"]:
                at = self._end(found)
            else:
                at = self._remark(found)
            seen = at
        if not self.too_long and not self.words:
            self.words = bool(text[seen:].strip(_WS + "\ufeff"))

    def _remark(self, found: re.Match[str]) -> int:
        """A comment, a doctype, or what a browser takes for a comment."""
        text, at = self.text, found.end()
        if found["comment"]:
            if text.startswith((">", "->"), at):
                return text.index(">", at) + 1
            closed = _COMMENT_END.search(text, at)
            return closed.end() if closed else len(text)
        past = text.find(">", at) + 1 or len(text)
        if self.doctype is None and not self.tags and not self.words and text[at : at + 7].lower() == "doctype":
            self.doctype = past
        return past

    def _end(self, found: re.Match[str]) -> int:
        name = found["end"].lower()
        _, past = self._attributes(found.end())
        if name in _FOREIGN:
            self._foreign = max(0, self._foreign - 1)
        elif name == "template":
            self._templates = max(0, self._templates - 1)
        self.ends[name] = found.start()
        return len(self.text) if past is None else past

    def _start(self, found: re.Match[str]) -> int:
        attributes, past = self._attributes(found.end())
        if past is None:  # the page ends inside the tag: a browser drops it
            return len(self.text)
        tag = Tag(found["name"].lower(), found.start(), past, attributes)
        tag.inert, tag.foreign = self._templates > 0, self._foreign > 0
        self.tags.append(tag)
        closed = self.text[past - 2] == "/" and past - 2 > found.start()
        if tag.name in _FOREIGN and not closed:
            self._foreign += 1
        if tag.name == "template":
            self._templates += 1
        if tag.foreign and closed:
            return past
        if tag.name == "plaintext":
            return len(self.text)
        if tag.name == "script":
            tag.body_end = self._script_end(past)
        elif tag.name in _RAW:
            ended = _RAW[tag.name].search(self.text, past)
            tag.body_end = ended.start() if ended else len(self.text)
            if tag.name in _SHOWN and self.text[past : tag.body_end].strip():
                self.words = True
        else:
            return past
        if tag.body_end < len(self.text):
            _, ends = self._attributes(tag.body_end + 2 + len(tag.name))
            tag.close = len(self.text) if ends is None else ends
        else:
            tag.close = len(self.text)
        return tag.close

    def _attributes(self, at: int) -> tuple[dict[str, Attribute], int | None]:
        """The attributes from `at` on, and where the tag ends; None when the page ends before it does."""
        text, found = self.text, dict[str, Attribute]()
        while name := _NAME.match(text, at):
            if name[1]:
                return found, name.end()
            if not self._piece():
                return found, None
            at = name.end()
            raw, start = "", at
            if text.startswith("=", at):
                value = _VALUE.match(text, at)
                if value is None:
                    return found, None
                which = value.lastindex or 3
                raw, at = value[which], value.end()
                start = value.start(which) - (which < 3)
            found.setdefault(name[2].lower(), Attribute(raw, start, at))
        return found, None

    def _script_end(self, at: int) -> int:
        """Where the end tag of a script begins: `<!-- <script>` hides the next one, as browsers have it."""
        hidden = double = False
        while (found := _SCRIPT.search(self.text, at)) and self._piece():
            at = found.end()
            if found[0] == "<!--":
                hidden, at = True, at - 2  # the dashes may end it at once: <!-->
            elif found[0] == "-->":
                hidden = double = False
            elif found[1] and not double:
                return found.start()
            elif hidden:
                double = not found[1]
        return len(self.text)
