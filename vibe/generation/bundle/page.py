"""Goes through the tags of a page once and puts the one document together."""

import bisect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from vibe import sealed as seal
from vibe.generation.bundle import code, sheets
from vibe.generation.bundle.markup import Attribute, Lines, Markup, Tag
from vibe.generation.bundle.material import MAX_DOCUMENT, PAGE, SCHEME, Material, Problem
from vibe.generation.bundle.pictures import Pictures

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
            return PAGE, line
        first, file, start = self.places[at]
        return file, start + line - first


def bundle(files: Mapping[str, str], *, title: str = "", sealed: bool = True) -> Bundle:
    """The document of these files. Without an index.html there is an empty one, and a Problem that says so.

    `sealed` false makes a copy for a person's own disk: there the browser has all that a sealed frame lacks, and the
    copy brings its own rule that nothing may be fetched.
    """
    page = files.get(PAGE)
    if page is None:
        return Bundle("", (Problem(PAGE, 1, "There is no index.html."),))
    return _Bundler(files, page, title, sealed).run()


class _Bundler:
    def __init__(self, files: Mapping[str, str], page: str, title: str, sealed: bool) -> None:
        self.files, self.page, self.title, self.sealed = files, page, title, sealed
        self.material = Material(files, page)
        self.pictures = Pictures(self.material)
        self.sheets = sheets.Sheets(self.material, self.pictures)
        self.code = code.Code(self.material)
        self.cuts: list[tuple[int, int, str, str]] = []  # start, end, replacement, file that it came from
        self.late: list[tuple[str, str]] = []  # deferred scripts: they run when the page is there
        self.lines = Lines(page)

    def run(self) -> Bundle:
        markup = Markup(self.page)
        if markup.too_long:
            self.material.limit(
                f"The page has more than {markup.pieces - 1:,} tags and attributes: write fewer."
            )
        for tag in () if markup.too_long else markup.tags:
            self._tag(tag)
            if self.material.full:
                break
        self._insert_head(markup)
        self._insert_late(markup)
        document, places = self._join()
        if len(document) > MAX_DOCUMENT:
            self.material.too_large()
        drawn = markup.words or any(tag.name in _DRAWN for tag in markup.tags)
        return Bundle(document, tuple(self.material.problems), places, empty=not drawn)

    # --- one tag ------------------------------------------------------------------------------------------------

    def _tag(self, tag: Tag) -> None:
        if (style := tag.attributes.get("style")) and "(" in style.raw:
            self._replace(style, lambda css: self.sheets.inline(css, PAGE, self._line(tag), ()))
        for name, value in tag.attributes.items():
            if name.startswith("on") and value.raw:
                self.code.look_at(value.value, PAGE, self._line(tag), None)
        match tag.name:
            case "script":
                self._script(tag)
            case "link":
                self._link(tag)
            case "style":
                css = self.page[tag.end : tag.body_end]
                fresh = self.sheets.inline(css, PAGE, self._line(tag), ())
                if fresh != css:
                    self.cuts.append((tag.end, tag.body_end, sheets.safe(fresh), PAGE))
            case "a" | "area":
                self._leads(tag)
            case "use":
                self._use(tag)
            case "iframe" | "frame" | "embed" | "object":
                self._framed(tag)
            case "base" if tag.get("href"):
                self.material.problem(
                    PAGE, self._line(tag), "A <base> address does not work in a card: remove it."
                )
            case "meta" if (tag.get("http-equiv") or "").strip().lower() == "refresh":
                self.material.problem(
                    PAGE, self._line(tag), "A page cannot send itself elsewhere: remove the refresh."
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
            self.cuts.append((attribute.start, attribute.end, f'"{escape(after)}"', PAGE))

    def _script(self, tag: Tag) -> None:
        source = tag.get("src")
        kind = (tag.get("type") or "").split(";")[0].strip().lower()
        runs = kind in _SCRIPT_KINDS
        if source is None:
            if runs:
                body = self.page[tag.end : tag.body_end]
                self.code.look_at(body, PAGE, self._line(tag), kind == "module")
            return
        if tag.inert and self.material.path(source, PAGE) not in self.files:
            return
        text = self.material.local(source, PAGE, self._line(tag), "script")
        if text is None or not self.material.spend(len(text)):
            return
        path = self.material.path(source, PAGE)
        if runs:
            self.code.look_at(text, path, 1, kind == "module")
        gone = {"src", "integrity", "crossorigin", "charset", "referrerpolicy"}
        late = runs and kind != "module" and not tag.inert and bool({"defer", "async"} & set(tag.attributes))
        kept = "".join(
            f' {name}="{escape(value.value)}"'
            for name, value in tag.attributes.items()
            if name not in gone and not (late and name in {"defer", "async"})
        )
        text = code.safe(text) if runs else re.sub(r"</(?=script)", r"<\\/", text, flags=re.IGNORECASE)
        inlined = f"<script{kept}>{text}</script>"
        if late:
            self.late.append((inlined, path))
            inlined = ""
        self.cuts.append((tag.start, tag.close, inlined, path))

    def _link(self, tag: Tag) -> None:
        rel, href = (tag.get("rel") or "").lower().split(), tag.get("href") or ""
        if "stylesheet" in rel:
            css = (
                None
                if tag.inert and self.material.path(href, PAGE) not in self.files
                else self._sheet(tag, href)
            )
            if css is not None:
                path = self.material.path(href, PAGE)
                kept = "".join(f' {n}="{escape(tag.get(n) or "")}"' for n in ("media", "id") if tag.get(n))
                fresh = sheets.safe(self.sheets.inline(css, path, 1, (path,)))
                self.cuts.append((tag.start, tag.end, f"<style{kept}>{fresh}</style>", path))
        elif _HINTS & set(rel) and not href.startswith("data:"):
            self.cuts.append((tag.start, tag.end, "", PAGE))  # nothing is fetched here: hints at it go

    def _sheet(self, tag: Tag, href: str) -> str | None:
        text = self.material.local(href, PAGE, self._line(tag), "style sheet")
        return text if text is not None and self.material.spend(len(text)) else None

    def _leads(self, tag: Tag) -> None:
        """A link: to a part of the page, out into the world, or to what does not exist in a card."""
        href = next((tag.attributes[n] for n in ("href", "xlink:href") if n in tag.attributes), None)
        if href is None or tag.inert or SCHEME.match(href.value) or href.value.strip().startswith(("#", "//")):
            return
        path = self.material.path(href.value, PAGE)
        text = self.files.get(path)
        if "download" in tag.attributes and text is not None:
            kind = _KINDS_OF_FILE.get(path.rpartition(".")[2].lower(), "application/octet-stream")
            data = self.pictures.data(path, text, kind)
            self._replace(href, lambda before: data or before)
        elif text is not None or code.ANOTHER_PAGE.match(href.value):
            self.material.problem(PAGE, self._line(tag), code.other_page(href.value.strip()[:80]))

    def _framed(self, tag: Tag) -> None:
        value = tag.get(_FRAMES[tag.name])
        if value and value.strip() and not tag.inert and not value.strip().startswith("about:"):
            what = f"A <{tag.name}> shows nothing in a card"
            self.material.problem(
                PAGE,
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
                    attribute, lambda value: self.pictures.address(value, PAGE, self._line(tag), tag.inert)
                )
        if attribute := tag.attributes.get("srcset"):
            self._replace(attribute, lambda value: self.pictures.in_set(value, self._line(tag), tag.inert))

    def _use(self, tag: Tag) -> None:
        for name in ("href", "xlink:href"):
            attribute = tag.attributes.get(name)
            value = attribute.value.strip() if attribute else ""
            if attribute is None or not value or value.startswith("#"):
                continue
            if part := self.pictures.part(value, self._line(tag), tag.inert):
                self.cuts.append((attribute.start, attribute.end, f'"{escape(part)}"', PAGE))

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
        supplied = f"<script>{code.safe(SHIM)}</script>" if self.sealed else ""
        self.cuts.append((at, at, head + supplied, "shim"))

    def _insert_late(self, markup: Markup) -> None:
        at = markup.ends.get("body", markup.ends.get("html", len(self.page)))
        for path, sprite in self.pictures.sprites.items():
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
            add(self.page[at:start], PAGE, self.lines.of(at))
            ours = file in {"shim", PAGE}
            add(fresh, PAGE if ours else file, self.lines.of(start) if ours else 1)
            at = end
        add(self.page[at:], PAGE, self.lines.of(at))
        return "".join(out), tuple(places)
