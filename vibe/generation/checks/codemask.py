"""JavaScript with everything that is not code blanked out, at the same length: strings, comments, patterns, the text
of templates (their ${…} stays). It need not understand the language, only where code ends."""

import re

_SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script\s*>", re.DOTALL | re.IGNORECASE)
_PATTERN_AFTER = re.compile(
    r"(?:^|[(,=:\[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|in|of|do|else|void|delete))\s*$"
)
_PATTERN = re.compile(r"/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\[\n])+/[a-z]*")
_STRING = re.compile(r"""'(?:\\.|[^'\\\n])*'?|"(?:\\.|[^"\\\n])*"?""", re.DOTALL)


def scripts_of_html(text: str) -> str:
    """A page with all but its own classic scripts blanked out."""
    blank, at, result = _blank(text), 0, ""
    for found in _SCRIPT.finditer(text):
        kind = re.search(r"""type\s*=\s*['"]?([\w/+-]+)""", found[1])
        if kind and kind[1].lower() not in {"module", "text/javascript", "application/javascript"}:
            continue
        result += blank[at : found.start(2)] + javascript(found[2])
        at = found.end(2)
    return result + blank[at:]


def javascript(text: str) -> str:
    """`text` with all that is not code blanked out."""
    code: list[str] = []
    depth: list[int] = []  # braces that are open inside each ${ of a template
    at = 0
    while at < len(text):
        char = text[at]
        skipped = _skip(text, at, code)
        if skipped:
            code.append(_blank(text[at : at + skipped]))
            at += skipped
        elif char == "`" or (char == "}" and depth and depth[-1] == 0):
            if char == "}":
                depth.pop()
            end, opens = _template(text, at + 1)
            code.append(_blank(text[at:end]))
            at = end
            if opens:
                depth.append(0)
        else:
            if depth and char in "{}":
                depth[-1] += 1 if char == "{" else -1
            code.append(char)
            at += 1
    return "".join(code)


def _skip(text: str, at: int, code: list[str]) -> int:
    """The length of the comment, string or pattern that begins here; 0 when none does."""
    if text.startswith("//", at):
        end = text.find("\n", at)
        return (end if end >= 0 else len(text)) - at
    if text.startswith("/*", at):
        end = text.find("*/", at + 2)
        return (end + 2 if end >= 0 else len(text)) - at
    if text[at] in "'\"":
        found = _STRING.match(text, at)
        return found.end() - at if found else 1
    if text[at] == "/" and _PATTERN_AFTER.search("".join(code[-40:])[-40:]):
        found = _PATTERN.match(text, at)
        return found.end() - at if found else 0
    return 0


def _template(text: str, at: int) -> tuple[int, bool]:
    """Where the text of a template ends, and whether a ${ opens there (its two signs belong to the text)."""
    while at < len(text):
        if text[at] == "\\":
            at += 2
        elif text[at] == "`":
            return at + 1, False
        elif text.startswith("${", at):
            return at + 2, True
        else:
            at += 1
    return len(text), False


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)
