"""JavaScript with everything that is not code blanked out, at the same length: strings, comments, patterns, the text
of templates (their ${…} stays). It need not understand the language, only where code ends.

Programs are a stranger's, too: every character is looked at a fixed number of times.
"""

import re

from vibe.generation.bundle.markup import Markup

_PATTERN_AFTER = re.compile(
    r"(?:^|[(,=:\[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|in|of|do|else|void|delete))\s*$"
)
_PATTERN = re.compile(r"/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*+\]|[^/\\\[\n])++/[a-z]*+")
_STRING = re.compile(r"""'(?:\\.|[^'\\\n])*'?|"(?:\\.|[^"\\\n])*"?""", re.DOTALL)


def scripts_of_html(text: str) -> str:
    """A page with all but its own classic scripts blanked out."""
    result, at = [], 0
    for tag in Markup(text).tags:
        kind = (tag.get("type") or "").split(";")[0].strip().lower()
        if tag.name != "script" or kind not in {"", "module", "text/javascript", "application/javascript"}:
            continue
        result += [_blank(text[at : tag.end]), javascript(text[tag.end : tag.body_end])]
        at = tag.body_end
    return "".join([*result, _blank(text[at:])])


def javascript(text: str) -> str:
    """`text` with all that is not code blanked out."""
    code: list[str] = []
    depth: list[int] = []  # braces that are open inside each ${ of a template
    at = no_pattern_before = 0
    while at < len(text):
        char = text[at]
        skipped = _skip(text, at, code, patterns=at >= no_pattern_before)
        if skipped is None:  # no pattern begins here, so none does before the line ends
            no_pattern_before = text.find("\n", at) + 1 or len(text)
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


def _skip(text: str, at: int, code: list[str], *, patterns: bool) -> int | None:
    """The length of the comment, string or pattern that begins here; 0 when none does, None where a pattern would have."""
    if text.startswith("//", at):
        end = text.find("\n", at)
        return (end if end >= 0 else len(text)) - at
    if text.startswith("/*", at):
        end = text.find("*/", at + 2)
        return (end + 2 if end >= 0 else len(text)) - at
    if text[at] in "'\"":
        found = _STRING.match(text, at)
        return found.end() - at if found else 1
    if patterns and text[at] == "/" and _PATTERN_AFTER.search("".join(code[-40:])[-40:]):
        found = _PATTERN.match(text, at)
        return found.end() - at if found else None
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
