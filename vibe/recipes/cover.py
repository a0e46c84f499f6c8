"""Which words of a request a recipe uses. What it does not use is mostly the very wish, so that it decides."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from vibe.recipes.slots import Found, Span
from vibe.recipes.words import ASIDE, ASKING, GLUE, LOOKS, WORD, stem

MOST = 4  # words about looks and company that a request may have and still be taken


@dataclass(frozen=True)
class Cover:
    """`used`: words of the recipe's own. `ignored`: what says something and is used by nothing, numbers included."""

    used: frozenset[str]
    ignored: tuple[str, ...]
    harmless: bool  # what is ignored is only about looks, for whom, or when


def cover(text: str, found: Iterable[Found], spans: Iterable[Span], vocabulary: Iterable[str]) -> Cover:
    """`spans` are parts of the text that mean the recipe itself; `vocabulary` is words that fit it anywhere."""
    given, whole = list(found), [*spans, *(asking.span() for asking in ASKING.finditer(text))]
    asides = [aside.span() for aside in ASIDE.finditer(text)]
    known, used, ignored, heavy = {stem(word) for word in vocabulary}, set(), [], 0
    for word in WORD.finditer(text):
        plain, at = word[0].lower(), word.start()
        # Only a setting uses a number, and only one; the words beside it may belong to two.
        places = [f.core for f in given] if plain[0].isdigit() else [*(f.span for f in given), *whole]
        if any(start <= at < end for start, end in places):
            continue
        if stem(plain) in known and not plain[0].isdigit():
            used.add(stem(plain))
        elif plain not in GLUE:
            ignored.append(word[0])
            heavy += not (plain in LOOKS or any(start <= at < end for start, end in asides))
    return Cover(frozenset(used), tuple(dict.fromkeys(ignored))[:12], not heavy and len(ignored) <= MOST)


def without(text: str, spans: Iterable[Span]) -> str:
    """The request without its lists and titles: "pack: camera, charger" asks for no camera."""
    for start, end in spans:
        text = text[:start] + re.sub(r"[^\n]", "\x1f", text[start:end]) + text[end:]
    return text
