"""Bundles a page's files into the one document that the check, the preview and the card all show.

Local styles, classic scripts and pictures go inline where they stand; everything else stays byte for byte as it was
written (tags are found by position, the page is never re-serialised). What cannot work in a sealed card is a Problem
with its place: module imports between files, and anything that would come from the internet.
"""

import base64
import bisect
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from html.parser import HTMLParser
from pathlib import Path

MAX_DOCUMENT = 4_000_000  # characters
_REMOTE = re.compile(r"^\s*(?:https?:)?//", re.IGNORECASE)
_IMPORT = re.compile(
    r"""^\s*import\s+(?:[\w*{][^;'"]*from\s*)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]""", re.MULTILINE
)
_EXPORT = re.compile(r"^\s*export\s+(?:default|const|let|var|function|class|async|\{)", re.MULTILINE)
_CALLS = re.compile(
    r"""\b(?:fetch|importScripts|new\s+(?:WebSocket|EventSource|Worker|SharedWorker))\s*\(\s*[`'"]((?:https?|wss?):)?//"""
    r"""|\.open\(\s*['"][A-Z]+['"]\s*,\s*[`'"](?:https?:)?//"""
)
_CSS_URL = re.compile(r"""url\(\s*(['"]?)([^'")]+)\1\s*\)""")
_CSS_IMPORT = re.compile(r"""@import\s+(?:url\(\s*)?['"]?([^'")\s;]+)['"]?\s*\)?\s*([^;]*);""")

SHIM = " ".join(
    line.strip()
    for line in Path(__file__).with_name("shim.js").read_text(encoding="utf-8").splitlines()
    if line.strip() and not line.strip().startswith("//")
)


@dataclass(frozen=True)
class Problem:
    file: str
    line: int
    sentence: str


@dataclass(frozen=True)
class Bundle:
    document: str
    problems: tuple[Problem, ...] = ()
    # (first line in the document, file, first line in that file), ascending
    places: tuple[tuple[int, str, int], ...] = field(default=(), repr=False)

    def where(self, line: int) -> tuple[str, int]:
        """The file and line that line `line` (from 1) of the document came from."""
        at = bisect.bisect_right([p[0] for p in self.places], line) - 1
        if at < 0:
            return "index.html", line
        first, file, start = self.places[at]
        return file, start + line - first


def bundle(files: Mapping[str, str], *, title: str = "", sealed: bool = True) -> Bundle:
    """The document of these files. Without an index.html there is an empty one, and a Problem that says so.

    `sealed` false makes a copy for a person's own disk: there the browser has all that a sealed frame lacks.
    """
    page = files.get("index.html")
    if page is None:
        return Bundle("", (Problem("index.html", 1, "There is no index.html."),))
    return _Bundler(files, page, title, sealed).run()


@dataclass
class _Tag:
    name: str
    attrs: dict[str, str]
    start: int
    end: int  # just past the start tag
    line: int
    body_end: int = -1  # of script and style: where their end tag begins
    close: int = -1  # just past the end tag


class _Tags(HTMLParser):
    """Finds tags and their places; it builds nothing."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=False)
        self.text = text
        self.starts = [0, *[m.end() for m in re.finditer("\n", text)]]
        self.found: list[_Tag] = []
        self.ends: dict[str, int] = {}
        self._open: _Tag | None = None
        self.feed(text)
        self.close()

    def _offset(self) -> int:
        line, column = self.getpos()
        return self.starts[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        start = self._offset()
        end = start + len(self.get_starttag_text() or "")
        found = _Tag(tag, {k: v or "" for k, v in reversed(attrs)}, start, end, self.getpos()[0])
        self.found.append(found)
        if tag in {"script", "style"}:
            self._open = found

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        start = self._offset()
        self.ends[tag] = start
        if self._open and self._open.name == tag:
            self._open.body_end = start
            past = self.text.find(">", start)
            self._open.close = past + 1 if past >= 0 else len(self.text)
            self._open = None


class _Bundler:
    def __init__(self, files: Mapping[str, str], page: str, title: str, sealed: bool) -> None:
        self.files, self.page, self.title, self.sealed = files, page, title, sealed
        self.problems: list[Problem] = []
        self.cuts: list[tuple[int, int, str, str]] = []  # start, end, replacement, file that it came from
        self.late: list[tuple[str, str]] = []  # deferred scripts: they run when the page is there

    def run(self) -> Bundle:
        tags = _Tags(self.page)
        for tag in tags.found:
            self._tag(tag)
        self._insert_shim(tags)
        self._insert_late(tags)
        document, places = self._join()
        if len(document) > MAX_DOCUMENT:
            self._problem("index.html", 1, "The page is larger than 4 million characters.")
        return Bundle(document, tuple(self.problems), places)

    # --- one tag ------------------------------------------------------------------------------------------------

    def _tag(self, tag: _Tag) -> None:
        match tag.name:
            case "script":
                self._script(tag)
            case "link":
                self._link(tag)
            case "style" if tag.body_end >= 0:
                css = self.page[tag.end : tag.body_end]
                fresh = self._css(css, "index.html", tag.line)
                if fresh != css:
                    self.cuts.append((tag.end, tag.body_end, fresh, "index.html"))
            case (
                "img" | "audio" | "video" | "source" | "iframe" | "embed" | "object" | "input" | "image" | "use"
            ):
                for name in ("src", "poster", "data", "href", "xlink:href"):
                    if value := tag.attrs.get(name):
                        self._picture(tag, value)
            case "base" if tag.attrs.get("href"):
                self._problem("index.html", tag.line, "A <base> address does not work in a card: remove it.")
            case "meta" if tag.attrs.get("http-equiv", "").lower() == "refresh":
                self._problem(
                    "index.html", tag.line, "A page cannot send itself elsewhere: remove the refresh."
                )

    def _script(self, tag: _Tag) -> None:
        source = tag.attrs.get("src")
        kind = tag.attrs.get("type", "").strip().lower()
        close = tag.close if tag.close >= 0 else len(self.page)
        if source is None:
            body = self.page[tag.end : tag.body_end if tag.body_end >= 0 else close]
            if kind in {"", "text/javascript", "application/javascript", "module"}:
                self._javascript(body, "index.html", tag.line, module=kind == "module")
            return
        text = self._local(source, "index.html", tag.line, "script")
        if text is None:
            return
        path = self._path(source, "index.html")
        self._javascript(text, path, 1, module=kind == "module")
        attrs = f' type="{escape(kind)}"' if kind == "module" else ""
        inlined = f"<script{attrs}>{_safe_script(text)}</script>"
        if kind != "module" and ("defer" in tag.attrs or "async" in tag.attrs):
            self.late.append((inlined, path))
            inlined = ""
        self.cuts.append((tag.start, close, inlined, path))

    def _javascript(self, text: str, path: str, first: int, *, module: bool) -> None:
        for found in _IMPORT.finditer(text):
            name = found[1] or found[2]
            place = "the internet" if _REMOTE.match(name) else "another file"
            self._problem(
                path, first + text.count("\n", 0, found.start()),
                f"It imports “{name}” from {place}. Cards have one page: put the code into a classic script.",
            )  # fmt: skip
        if not module and path != "index.html" and (export := _EXPORT.search(text)):
            self._problem(
                path,
                first + text.count("\n", 0, export.start()),
                "A classic script cannot export: remove “export”.",
            )
        for found in _CALLS.finditer(text):
            self._problem(
                path, first + text.count("\n", 0, found.start()),
                "It asks the internet for something. Cards have no internet: put what is needed into the page.",
            )  # fmt: skip

    def _link(self, tag: _Tag) -> None:
        rel, href = tag.attrs.get("rel", "").lower().split(), tag.attrs.get("href", "")
        if "stylesheet" in rel:
            css = self._local(href, "index.html", tag.line, "style sheet")
            if css is not None:
                path = self._path(href, "index.html")
                media = f' media="{escape(tag.attrs["media"])}"' if tag.attrs.get("media") else ""
                fresh = _safe_style(self._css(css, path, 1))
                self.cuts.append((tag.start, tag.end, f"<style{media}>{fresh}</style>", path))
        elif {"icon", "manifest", "preload", "modulepreload", "preconnect", "dns-prefetch", "prefetch"} & set(
            rel
        ):
            if href.startswith("data:"):
                return
            self.cuts.append((tag.start, tag.end, "", "index.html"))  # nothing is fetched here: hints at it go

    def _picture(self, tag: _Tag, value: str) -> None:
        if value.startswith(("data:", "blob:", "#", "about:", "javascript:")) or not value.strip():
            return
        if tag.name == "input" and tag.attrs.get("type") != "image":
            return
        text = self._local(value, "index.html", tag.line, "picture")
        if text is None or not value.split("?")[0].lower().endswith(".svg"):
            return
        raw = self.page[tag.start : tag.end]
        at = raw.find(value)
        if at >= 0:
            begin = tag.start + at
            self.cuts.append((begin, begin + len(value), _svg_data(text), "index.html"))

    def _css(self, css: str, path: str, first: int) -> str:
        def line_of(at: int) -> int:
            return first + css.count("\n", 0, at)

        def imported(found: re.Match[str]) -> str:
            text = self._local(found[1], path, line_of(found.start()), "style sheet")
            if text is None:
                return ""
            inner = self._css(text, self._path(found[1], path), 1)
            return f"@media {found[2]} {{ {inner} }}" if found[2].strip() else inner

        def linked(found: re.Match[str]) -> str:
            target = found[2].strip()
            if target.startswith(("data:", "#", "blob:")):
                return found[0]
            text = self._local(target, path, line_of(found.start()), "picture or font")
            if text is None or not target.lower().endswith(".svg"):
                return "none" if text is None else found[0]
            return f'url("{_svg_data(text)}")'

        return _CSS_URL.sub(linked, _CSS_IMPORT.sub(imported, css))

    # --- names --------------------------------------------------------------------------------------------------

    @staticmethod
    def _path(reference: str, base: str) -> str:
        bare = reference.strip().split("?")[0].split("#")[0]
        return posixpath.normpath(posixpath.join(posixpath.dirname(base), bare)).lstrip("/")

    def _local(self, reference: str, base: str, line: int, what: str) -> str | None:
        """The text of a local file; None, with a Problem, when it is remote or not there."""
        if _REMOTE.match(reference):
            self._problem(
                base, line,
                f"A {what} comes from the internet ({reference.strip()[:80]}). Cards have none: write it into the page.",
            )  # fmt: skip
            return None
        path = self._path(reference, base)
        if path not in self.files:
            self._problem(base, line, f"The {what} “{reference.strip()[:80]}” is not among the files.")
            return None
        return self.files[path]

    def _problem(self, file: str, line: int, sentence: str) -> None:
        self.problems.append(Problem(file, line, sentence))

    # --- putting it together ------------------------------------------------------------------------------------

    def _insert_shim(self, tags: _Tags) -> None:
        """Before any script of the program: after <head>, else after <html>, else after the doctype."""
        first = {t.name: t.end for t in reversed(tags.found)}
        doctype = re.match(r"\s*<!doctype[^>]*>", self.page, re.IGNORECASE)
        at = first.get("head") or first.get("html") or (doctype.end() if doctype else 0)
        head = "" if doctype else "<!doctype html>"
        if "title" not in first and self.title:
            head += f"<title>{escape(self.title)}</title>"
        if "meta" not in first:
            head += '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        supplied = f"<script>{_safe_script(SHIM)}</script>" if self.sealed else ""
        self.cuts.append((at, at, head + supplied, "shim"))

    def _insert_late(self, tags: _Tags) -> None:
        if not self.late:
            return
        at = tags.ends.get("body", tags.ends.get("html", len(self.page)))
        for text, path in self.late:
            self.cuts.append((at, at, text, path))

    def _join(self) -> tuple[str, tuple[tuple[int, str, int], ...]]:
        out: list[str] = []
        places: list[tuple[int, str, int]] = []
        line, at = 1, 0

        def add(text: str, file: str, first: int) -> None:
            nonlocal line
            if text:
                places.append((line, file, first))
                out.append(text)
                line += text.count("\n")

        for start, end, fresh, file in sorted(self.cuts, key=lambda cut: (cut[0], cut[1])):
            if start < at:
                continue  # inside something that was replaced already
            add(self.page[at:start], "index.html", 1 + self.page.count("\n", 0, at))
            add(
                fresh,
                "index.html" if file == "shim" else file,
                1 + (self.page.count("\n", 0, start) if file in {"shim", "index.html"} else 0),
            )
            at = end
        add(self.page[at:], "index.html", 1 + self.page.count("\n", 0, at))
        return "".join(out), tuple(places)


def _safe_script(text: str) -> str:
    """`text` such that no script end, and no comment start that swallows one, stands in it."""
    return (
        re.sub(r"<(?=/script|!--)", r"\\x3c", text, flags=re.IGNORECASE)
        if "<!--" in text
        else re.sub(r"</(?=script)", r"<\\/", text, flags=re.IGNORECASE)
    )


def _safe_style(text: str) -> str:
    return re.sub(r"</(?=style)", r"<\\/", text, flags=re.IGNORECASE)


def _svg_data(text: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(text.encode()).decode()
