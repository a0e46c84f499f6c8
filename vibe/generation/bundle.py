"""Bundles a page's files into the one document that the check, the preview and the card all show.

Local styles, classic scripts and pictures go inline where they stand; everything else stays byte for byte as it was
written (tags are found by position, the page is never re-serialised). What cannot work in a sealed card is a Problem
with its place: module imports between files, other pages, and anything that would come from the internet. Nothing is
left dead in silence, and no page costs more than its size: there are limits, each with a sentence.
"""

import base64
import bisect
import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from vibe import sealed as seal
from vibe.generation import scripts, styles
from vibe.generation.markup import Attribute, Lines, Markup, Tag

MAX_DOCUMENT = 4_000_000  # characters
MAX_PROBLEMS = 100
MAX_IMPORTS = 200  # style sheets that import style sheets
_REMOTE = re.compile(r"\s*(?:(?:https?|wss?):)?//", re.IGNORECASE)
_SCHEME = re.compile(r"\s*[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_PAGE = re.compile(r"[^?#]*\.(?:html?|php)\s*(?:[?#]|$)", re.IGNORECASE)
_SCRIPT_KINDS = frozenset({"", "text/javascript", "application/javascript", "module"})
_PICTURES = frozenset(
    {"img", "audio", "video", "source", "track", "input", "image", "feimage", "body", "table", "td"}
)
_HINTS = frozenset({"icon", "manifest", "preload", "modulepreload", "preconnect", "dns-prefetch", "prefetch"})
_FRAMES = {"iframe": "src", "frame": "src", "embed": "src", "object": "data"}
_DRAWN = frozenset({"script", "canvas", "svg", "input", "button", "img", "select", "video", "audio", "iframe"})

_KINDS_OF_FILE = {
    "csv": "text/csv", "json": "application/json", "txt": "text/plain", "md": "text/markdown", "ics": "text/calendar",
    "svg": "image/svg+xml", "html": "text/html", "xml": "text/xml",
}  # fmt: skip

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
    empty: bool = False  # there is nothing to read in it, and nothing that could draw something

    def where(self, line: int) -> tuple[str, int]:
        """The file and line that line `line` (from 1) of the document came from."""
        at = bisect.bisect_right(self.places, line, key=lambda place: place[0]) - 1
        if at < 0:
            return "index.html", line
        first, file, start = self.places[at]
        return file, start + line - first


def bundle(files: Mapping[str, str], *, title: str = "", sealed: bool = True) -> Bundle:
    """The document of these files. Without an index.html there is an empty one, and a Problem that says so.

    `sealed` false makes a copy for a person's own disk: there the browser has all that a sealed frame lacks, and the
    copy brings its own rule that nothing may be fetched.
    """
    page = files.get("index.html")
    if page is None:
        return Bundle("", (Problem("index.html", 1, "There is no index.html."),))
    return _Bundler(files, page, title, sealed).run()


@dataclass(frozen=True)
class _Sprite:
    """A drawing whose parts are used one by one: from its <svg> on, and the names of its parts."""

    text: str
    ids: frozenset[str]

    @classmethod
    def of(cls, text: str) -> "_Sprite":
        begin = text.find("<svg")
        drawing = text[begin:] if begin >= 0 else ""
        return cls(drawing, frozenset(re.findall(r"\sid\s*+=\s*+[\"']?([^\"'\s>/]++)", drawing)))


class _Bundler:
    def __init__(self, files: Mapping[str, str], page: str, title: str, sealed: bool) -> None:
        self.files, self.page, self.title, self.sealed = files, page, title, sealed
        self.problems: list[Problem] = []
        self.cuts: list[tuple[int, int, str, str]] = []  # start, end, replacement, file that it came from
        self.late: list[tuple[str, str]] = []  # deferred scripts: they run when the page is there
        self.sprites: dict[
            str, _Sprite
        ] = {}  # pictures whose parts are used by name: they go to the page's end
        self.lines = Lines(page)
        self.size = len(page)
        self.imports = 0
        self.css_pieces, self.script_pieces = styles.MAX_PIECES, scripts.MAX_PIECES
        self._told: set[str] = set()
        self._encoded: dict[tuple[str, str], str] = {}

    def run(self) -> Bundle:
        markup = Markup(self.page)
        if markup.too_long:
            self._limit(f"The page has more than {markup.pieces - 1:,} tags and attributes: write fewer.")
        for tag in () if markup.too_long else markup.tags:
            self._tag(tag)
            if len(self.problems) >= MAX_PROBLEMS:  # nobody reads more of them
                break
        self._insert_head(markup)
        self._insert_late(markup)
        document, places = self._join()
        if len(document) > MAX_DOCUMENT:
            self._too_large()
        drawn = markup.words or any(tag.name in _DRAWN for tag in markup.tags)
        return Bundle(document, tuple(self.problems), places, empty=not drawn)

    # --- one tag ------------------------------------------------------------------------------------------------

    def _tag(self, tag: Tag) -> None:
        if (style := tag.attributes.get("style")) and "(" in style.raw:
            self._replace(style, lambda css: self._css(css, "index.html", self._line(tag), ()))
        for name, value in tag.attributes.items():
            if name.startswith("on") and value.raw:
                self._javascript(value.value, "index.html", self._line(tag), None)
        match tag.name:
            case "script":
                self._script(tag)
            case "link":
                self._link(tag)
            case "style":
                css = self.page[tag.end : tag.body_end]
                fresh = self._css(css, "index.html", self._line(tag), ())
                if fresh != css:
                    self.cuts.append((tag.end, tag.body_end, _safe_style(fresh), "index.html"))
            case "a" | "area":
                self._leads(tag)
            case "use":
                self._use(tag)
            case "iframe" | "frame" | "embed" | "object":
                self._framed(tag)
            case "base" if tag.get("href"):
                self._problem(
                    "index.html", self._line(tag), "A <base> address does not work in a card: remove it."
                )
            case "meta" if (tag.get("http-equiv") or "").strip().lower() == "refresh":
                self._problem(
                    "index.html", self._line(tag), "A page cannot send itself elsewhere: remove the refresh."
                )
            case name if name in _PICTURES:
                self._pictures(tag)

    def _line(self, tag: Tag) -> int:
        return self.lines.of(tag.start)

    def _replace(self, attribute: Attribute, change: Callable[[str], str]) -> None:
        """Writes what `change` makes of an attribute's value in its place, if it makes anything of it."""
        before = attribute.value
        after = change(before)
        if after != before:
            self.cuts.append((attribute.start, attribute.end, f'"{escape(after)}"', "index.html"))

    def _script(self, tag: Tag) -> None:
        source = tag.get("src")
        kind = (tag.get("type") or "").split(";")[0].strip().lower()
        runs = kind in _SCRIPT_KINDS
        if source is None:
            if runs:
                body = self.page[tag.end : tag.body_end]
                self._javascript(body, "index.html", self._line(tag), kind == "module")
            return
        if tag.inert and self._path(source, "index.html") not in self.files:
            return
        text = self._local(source, "index.html", self._line(tag), "script")
        if text is None or not self._spend(len(text)):
            return
        path = self._path(source, "index.html")
        if runs:
            self._javascript(text, path, 1, kind == "module")
        gone = {"src", "integrity", "crossorigin", "charset", "referrerpolicy"}
        late = runs and kind != "module" and not tag.inert and bool({"defer", "async"} & set(tag.attributes))
        kept = "".join(
            f' {name}="{escape(value.value)}"'
            for name, value in tag.attributes.items()
            if name not in gone and not (late and name in {"defer", "async"})
        )
        text = _safe_script(text) if runs else re.sub(r"</(?=script)", r"<\\/", text, flags=re.IGNORECASE)
        inlined = f"<script{kept}>{text}</script>"
        if late:
            self.late.append((inlined, path))
            inlined = ""
        self.cuts.append((tag.start, tag.close, inlined, path))

    def _javascript(self, text: str, path: str, first: int, module: bool | None) -> None:
        """What a script asks for in vain. `module` is None for the few words of a handler."""
        script = scripts.Script(text, self.script_pieces)
        self.script_pieces -= script.pieces
        if script.too_long:
            self._limit(
                f"The scripts hold more than {scripts.MAX_PIECES:,} separate texts: put them into one long text."
            )
        lines = Lines(text) if script.found else None
        for found in script.found:
            if lines and (sentence := self._vain(found, path, module)):
                self._problem(path, first - 1 + lines.of(found.at), sentence)

    def _vain(self, found: scripts.Found, path: str, module: bool | None) -> str:
        value = found.value.strip()[:80]
        remote = _REMOTE.match(found.value) is not None
        match found.kind:
            case "import":
                place = "the internet" if remote else "another file"
                return f"It imports “{value}” from {place}. Cards have one page: put the code into a classic script."
            case "export":
                return "" if module else "A classic script cannot export: remove “export”."
            case "call" if remote:
                return "It asks the internet for something. Cards have no internet: put what is needed into the page."
            case "call" if value and self._path(value, "index.html") in self.files:
                return f"It fetches “{value}”. A card cannot fetch files: put what is in it into the page."
            case "go" if remote:
                return f"It leaves for “{value}”. A card cannot leave its page: make it a link."
            case "go" if _PAGE.match(value):
                return _other_page(value)
        return ""

    def _link(self, tag: Tag) -> None:
        rel, href = (tag.get("rel") or "").lower().split(), tag.get("href") or ""
        if "stylesheet" in rel:
            css = (
                None
                if tag.inert and self._path(href, "index.html") not in self.files
                else self._sheet(tag, href)
            )
            if css is not None:
                path = self._path(href, "index.html")
                kept = "".join(f' {n}="{escape(tag.get(n) or "")}"' for n in ("media", "id") if tag.get(n))
                fresh = _safe_style(self._css(css, path, 1, (path,)))
                self.cuts.append((tag.start, tag.end, f"<style{kept}>{fresh}</style>", path))
        elif _HINTS & set(rel) and not href.startswith("data:"):
            self.cuts.append((tag.start, tag.end, "", "index.html"))  # nothing is fetched here: hints at it go

    def _sheet(self, tag: Tag, href: str) -> str | None:
        text = self._local(href, "index.html", self._line(tag), "style sheet")
        return text if text is not None and self._spend(len(text)) else None

    def _leads(self, tag: Tag) -> None:
        """A link: to a part of the page, out into the world, or to what does not exist in a card."""
        href = next((tag.attributes[n] for n in ("href", "xlink:href") if n in tag.attributes), None)
        if href is None or tag.inert or _SCHEME.match(href.value) or href.value.strip().startswith(("#", "//")):
            return
        path = self._path(href.value, "index.html")
        text = self.files.get(path)
        if "download" in tag.attributes and text is not None:
            kind = _KINDS_OF_FILE.get(path.rpartition(".")[2].lower(), "application/octet-stream")
            data = self._data(path, text, kind)
            self._replace(href, lambda before: data or before)
        elif text is not None or _PAGE.match(href.value):
            self._problem("index.html", self._line(tag), _other_page(href.value.strip()[:80]))

    def _framed(self, tag: Tag) -> None:
        value = tag.get(_FRAMES[tag.name])
        if value and value.strip() and not tag.inert and not value.strip().startswith("about:"):
            what = f"A <{tag.name}> shows nothing in a card"
            self._problem(
                "index.html",
                self._line(tag),
                f"{what} (“{value.strip()[:80]}”): write what it shows into the page.",
            )

    # --- pictures -----------------------------------------------------------------------------------------------

    def _pictures(self, tag: Tag) -> None:
        if tag.name == "input" and (tag.get("type") or "").lower() != "image":
            return
        names = (
            ("background",) if tag.name in {"body", "table", "td"} else ("src", "poster", "href", "xlink:href")
        )
        for name in names:
            if attribute := tag.attributes.get(name):
                self._replace(
                    attribute, lambda value: self._picture(value, "index.html", self._line(tag), tag.inert)
                )
        if attribute := tag.attributes.get("srcset"):
            self._replace(attribute, lambda value: self._set(value, tag))

    def _set(self, value: str, tag: Tag) -> str:
        """A srcset, with each address in its place."""

        def one(found: re.Match[str]) -> str:
            address = found[1].rstrip(",")
            comma = found[1][len(address) :]
            return self._picture(address, "index.html", self._line(tag), tag.inert) + comma + found[2]

        return re.sub(r"([^\s,][^\s]*+)([^,]*+)", one, value)

    def _picture(self, value: str, base: str, line: int, inert: bool = False, what: str = "picture") -> str:
        """What stands for an address of a picture: its data; the address itself, with a Problem, when there is none."""
        bare = value.strip()
        if not bare or bare.startswith("#") or (_SCHEME.match(bare) and not _REMOTE.match(bare)):
            return value
        path = self._path(bare, base)
        if inert and path not in self.files:
            return value
        text = self._local(bare, base, line, what)
        if text is None:
            return value
        if not path.lower().endswith(".svg"):
            self._problem(base, line, f"The {what} “{bare[:80]}” cannot be shown in a card: draw it as an SVG.")
            return value
        data = self._data(path, text, "image/svg+xml")
        return data + _part(bare) if data else value

    def _data(self, path: str, text: str, kind: str) -> str:
        """The text as a data address, or "" when the page would grow too large."""
        if (path, kind) not in self._encoded:
            encoded = base64.b64encode(text.encode("utf-8", "replace")).decode()
            self._encoded[path, kind] = f"data:{kind};base64,{encoded}"
        data = self._encoded[path, kind]
        return data if self._spend(len(data)) else ""

    def _use(self, tag: Tag) -> None:
        """Browsers take parts of a drawing from the page alone: the drawing is laid at its end."""
        for name in ("href", "xlink:href"):
            attribute = tag.attributes.get(name)
            if attribute is None or attribute.value.strip().startswith("#") or not attribute.value.strip():
                continue
            value = attribute.value.strip()
            path, part = self._path(value, "index.html"), _part(value)
            if tag.inert and path not in self.files:
                continue
            text = self._local(value, "index.html", self._line(tag), "picture")
            if text is None:
                continue
            if path not in self.sprites:
                if not self._spend(len(text)):
                    continue
                self.sprites[path] = _Sprite.of(text)
            if part[1:] in self.sprites[path].ids:
                self.cuts.append((attribute.start, attribute.end, f'"{escape(part)}"', "index.html"))
            else:
                self._problem(
                    "index.html", self._line(tag), f"There is no part “{part[:80]}” in “{path[:80]}”."
                )

    # --- styles -------------------------------------------------------------------------------------------------

    def _css(self, css: str, path: str, first: int, within: tuple[str, ...]) -> str:
        """The sheet with everything in it that it asks for. `within`: the sheets that import this one, and itself."""
        sheet = styles.Styles(css, self.css_pieces)
        self.css_pieces -= sheet.pieces
        if sheet.too_long:
            self._limit(
                f"The style sheets have more than {styles.MAX_PIECES:,} texts and addresses: write fewer."
            )
        if not sheet.references:
            return css + (sheet.left_open if within else "")
        lines, out, at = Lines(css), list[str](), 0
        for one in sheet.references:
            if len(self.problems) >= MAX_PROBLEMS:
                break
            line = first - 1 + lines.of(one.start)
            out += (css[at : one.start], self._asked(one, css[one.start : one.end], path, line, within))
            at = one.end
        return "".join((*out, css[at:], sheet.left_open if within else ""))

    def _asked(self, one: styles.Reference, written: str, path: str, line: int, within: tuple[str, ...]) -> str:
        if one.kind == "import":
            return self._imported(one, path, line, within)
        if one.kind == "set":
            self._problem(path, line, f"Write url(…) around “{one.value[:80]}” in image-set().")
            return written
        fresh = self._picture(one.value, path, line, what="picture or font")
        return written if fresh == one.value else f'url("{fresh}")'

    def _imported(self, one: styles.Reference, path: str, line: int, within: tuple[str, ...]) -> str:
        if one.around is None:
            self._problem(path, line, "This @import cannot be read: write the style sheet into the page.")
            return ""
        text = self._local(one.value, path, line, "style sheet")
        there = self._path(one.value, path)
        if text is None:
            return ""
        if there in within:
            self._problem(path, line, f"The style sheet “{there}” imports itself: remove one @import.")
            return ""
        self.imports += 1
        if self.imports > MAX_IMPORTS or len(within) > 20:
            self._limit(f"The style sheets import each other more than {MAX_IMPORTS} times: put them into one.")
            return ""
        if not self._spend(len(text)):
            return ""
        inner = self._css(text, there, 1, (*within, there))
        return "".join(f"{rule} {{ " for rule in one.around) + inner + " }" * len(one.around)

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
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(Problem(file, line, sentence))

    def _limit(self, sentence: str) -> None:
        """A limit is told once, and first: what was found before it is of little use."""
        if sentence not in self._told:
            self._told.add(sentence)
            self.problems.insert(0, Problem("index.html", 1, sentence))

    def _too_large(self) -> None:
        self._limit("The page is larger than 4 million characters.")

    def _spend(self, characters: int) -> bool:
        """Whether the document has room for so many more."""
        self.size += characters
        if self.size > MAX_DOCUMENT:
            self._too_large()
        return self.size <= MAX_DOCUMENT

    # --- putting it together ------------------------------------------------------------------------------------

    def _insert_head(self, markup: Markup) -> None:
        """Ours stands before any tag of the program that could do something; a doctype before everything."""
        tags = markup.tags
        if self.page.startswith("\ufeff"):
            self.cuts.append((0, 1, "", "shim"))
        start = int(self.page.startswith("\ufeff"))
        if markup.doctype is None:
            self.cuts.append((start, start, "<!doctype html>", "shim"))
        at = markup.doctype or start
        for tag, name in zip(
            tags, ("html", "head") if tags and tags[0].name == "html" else ("head",), strict=False
        ):
            if tag.name == name:
                at = tag.end
        head = '<meta charset="utf-8">'
        if not self.sealed:
            head += f'<meta http-equiv="Content-Security-Policy" content="{escape(seal.COPY_POLICY)}">'
        if not any(t.name == "meta" and (t.get("name") or "").strip().lower() == "viewport" for t in tags):
            head += '<meta name="viewport" content="width=device-width, initial-scale=1">'
        if self.title and not any(t.name == "title" and not t.foreign and not t.inert for t in tags):
            head += f"<title>{escape(self.title)}</title>"
        supplied = f"<script>{_safe_script(SHIM)}</script>" if self.sealed else ""
        self.cuts.append((at, at, head + supplied, "shim"))

    def _insert_late(self, markup: Markup) -> None:
        at = markup.ends.get("body", markup.ends.get("html", len(self.page)))
        for path, sprite in self.sprites.items():
            style = "position:absolute;width:0;height:0;overflow:hidden"
            self.cuts.append((at, at, f'<div aria-hidden="true" style="{style}">{sprite.text}</div>', path))
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
            add(self.page[at:start], "index.html", self.lines.of(at))
            ours = file in {"shim", "index.html"}
            add(fresh, "index.html" if ours else file, self.lines.of(start) if ours else 1)
            at = end
        add(self.page[at:], "index.html", self.lines.of(at))
        return "".join(out), tuple(places)


def _other_page(value: str) -> str:
    return f"A card is one page: “{value}” opens nothing here. Show and hide parts of this page instead."


def _part(reference: str) -> str:
    """`#part` of an address, or ""."""
    _, sign, part = reference.partition("#")
    return sign + part


def _safe_script(text: str) -> str:
    """`text` such that no script end, and no comment start that swallows one, stands in it."""
    return (
        re.sub(r"<(?=/script|!--)", r"\\x3c", text, flags=re.IGNORECASE)
        if "<!--" in text
        else re.sub(r"</(?=script)", r"<\\/", text, flags=re.IGNORECASE)
    )


def _safe_style(text: str) -> str:
    return re.sub(r"</(?=style)", r"<\\/", text, flags=re.IGNORECASE)
