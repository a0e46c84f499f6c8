"""Which recipe does a request ask for? Accept only with a margin; else offer the nearest three."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from vibe.recipes.recipe import Recipe
from vibe.recipes.slots import Found, Slot, SlotSpec, Span, from_words
from vibe.recipes.words import STOP, WORD, normalise, stem, with_digits

MARGIN = 2.0  # points over the second
MOST_IGNORED = 0.34  # of the words that say something

# What no recipe does, however near the rest of the sentence is.
_BEYOND = re.compile(
    r"\b(multi-?player|log ?-?in|sign ?-?(?:in|up)|(?:user|their|own|an) accounts?|accounts (?:for|with)|passwords?|databases?|servers?|apis?|online|internet|sync(?:ed|s)?|"
    r"real-?time|e-?mails?|sms|text message|notif\w+|push|chat\w*|bots?|ai|gpt|voice|speech|camera|webcam|scan\w*|photos?|"
    r"videos?|music|maps?|gps|weather|stocks?|crypto|bitcoin|news|translat\w+|pdfs?|3d|games?|shop|payments?|pay online|"
    r"facebook|whatsapp|instagram|google|excel macro|instead of|not an?|rather than|except|but|unlike)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Match:
    """A recipe with the settings that were found. `ignored`: words of the request that it does not use."""

    slug: str
    name: str
    slots: tuple[Slot, ...]
    ignored: tuple[str, ...] = ()
    score: float = 0.0


@dataclass(frozen=True)
class Offer:
    """No recipe does just this; these come nearest."""

    nearest: tuple[Match, ...]


@dataclass(frozen=True)
class _Scored:
    match: Match
    fits: bool


def find(
    catalog: tuple[Recipe, ...], description: str, *, files: Mapping[str, bytes], shape: str
) -> Match | Offer:
    text = with_digits(normalise(description))
    scored = sorted((_score(r, text, files, shape) for r in catalog), key=lambda s: -s.match.score)
    fitting = [s for s in scored if s.fits]
    if fitting and (len(fitting) == 1 or fitting[0].match.score >= fitting[1].match.score + MARGIN):
        return fitting[0].match
    return Offer(tuple(s.match for s in [*fitting, *(s for s in scored if not s.fits)][:3]))


def read_slots(
    recipe: Recipe, text: str, only: tuple[SlotSpec, ...] | None = None
) -> tuple[dict[str, Found], list[Span]]:
    """The settings that the text gives, and the spans that they used. A span is used once."""
    found: dict[str, Found] = {}
    left = text
    # Lists and pairs first: what stands in them is not a title; then what has the tightest form.
    order = {"pairs": 0, "list": 0, "lines": 0, "date": 1, "number": 2, "choice": 4, "text": 3}
    for spec in sorted(only or recipe.slots, key=lambda s: order[s.kind]):
        if (one := from_words(spec, left)) is not None:
            found[spec.name] = one
            start, end = one[1]
            if spec.kind not in {
                "choice",
                "number",
            }:  # these are found by the words around them, which others need too
                left = left[:start] + re.sub(r"[^\n]", "\x1f", left[start:end]) + left[end:]
    return found, [one[1] for one in found.values()]


def fill(
    recipe: Recipe, found: dict[str, Found], known: Mapping[str, object] | None = None
) -> tuple[Slot, ...]:
    """All settings of a recipe: from the words, else as known before, else its own."""
    known = known or {}
    made = []
    for spec in recipe.slots:
        if spec.name in found:
            value, origin = found[spec.name][0], "words"
            if spec.name == "title":
                value = value[:1].upper() + value[1:]
        elif spec.name in known:
            value = known[spec.name]
            origin = "default" if value == spec.default else "before"
        else:
            value, origin = spec.default, "default"
        made.append(Slot(spec.name, spec.label, spec.kind, value, origin, spec.choices, spec.hint))
    return tuple(made)


def _score(recipe: Recipe, text: str, files: Mapping[str, bytes], shape: str) -> _Scored:
    found, spans = read_slots(recipe, text)
    groups = [_first(group, text) for group in recipe.needs]
    hits = [g for g in groups if g]
    spans += hits
    vocabulary = {stem(w) for w in recipe.words}
    used, ignored = set(), []
    for word in WORD.finditer(text):
        plain = word[0].lower()
        if any(a <= word.start() < b for a, b in spans):
            continue
        if stem(plain) in vocabulary:
            used.add(stem(plain))
        elif plain not in STOP and not plain.isdigit() and len(plain) > 1:
            ignored.append(word[0])
    score = 3.0 * len(hits) + len(used) + 1.5 * len(found)
    content = len(used) + 2 * len(hits) + 2 * len(found) + len(ignored)
    fits = (
        len(hits) == len(groups)
        and not _BEYOND.search(_without(text, spans))
        and not any(re.search(rf"\b(?:{veto})\b", text, re.IGNORECASE) for veto in recipe.vetoes)
        and all(spec.name in found or not spec.required for spec in recipe.slots)
        and len(ignored) <= max(1, MOST_IGNORED * content)
        and _shape_fits(recipe, shape)
        and _files_fit(recipe, files)
    )
    if not _shape_fits(recipe, shape):
        score -= 4
    return _Scored(
        Match(recipe.slug, recipe.name, fill(recipe, found), tuple(dict.fromkeys(ignored))[:12], score), fits
    )


def _first(group: tuple[str, ...], text: str) -> Span | None:
    found = re.search(rf"\b(?:{'|'.join(group)})\b", text, re.IGNORECASE)
    return found.span() if found else None


def _without(text: str, spans: list[Span]) -> str:
    """The request without its lists and titles: "pack: camera, charger" asks for no camera."""
    for start, end in spans:
        text = text[:start] + " " * (end - start) + text[end:]
    return text


def _shape_fits(recipe: Recipe, shape: str) -> bool:
    if shape == "auto":
        return True
    if shape in {"page", "tool"}:
        return recipe.shape == shape
    return recipe.stock == shape


def _files_fit(recipe: Recipe, files: Mapping[str, bytes]) -> bool:
    """A request that brings files wants something done with them: a page recipe reads none."""
    return not files or (
        recipe.shape == "tool" and all(name.lower().endswith(recipe.accepts) for name in files)
    )


def unused(recipe: Recipe, text: str, found: Mapping[str, Found]) -> tuple[str, ...]:
    """Words of a change that said nothing to this recipe."""
    spans = [one[1] for one in found.values()]
    vocabulary = {
        stem(w) for w in (*recipe.words, *(w for s in recipe.slots for w in s.label.split()), *_CHANGING)
    }
    words = [w[0] for w in WORD.finditer(text) if not any(a <= w.start() < b for a, b in spans)]
    return tuple(w for w in words if w.lower() not in STOP and stem(w) not in vocabulary and not w.isdigit())[
        :12
    ]


_CHANGING = (
    "change",
    "add",
    "remove",
    "drop",
    "longer",
    "shorter",
    "call",
    "rename",
    "title",
    "name",
    "minutes",
    "instead",
)


def edited_lists(
    recipe: Recipe, values: Mapping[str, object], text: str, found: Mapping[str, Found]
) -> dict[str, Found]:
    """ "add milk and eggs", "remove the tent": the list before, edited."""
    edited: dict[str, Found] = {}
    for spec in recipe.slots:
        if spec.kind != "list" or spec.name in found:
            continue
        items = list(values.get(spec.name, spec.default))  # type: ignore[call-overload]
        more = re.search(
            r"\b(?:add|include|put in)\s+(.+?)(?:\s+to\s+(?:the|my|it)\b.*)?[.!]?$", text, re.IGNORECASE
        )
        less = re.search(
            r"\b(?:remove|delete|drop|take out|leave out)\s+(?:the\s+)?(.+?)(?:\s+from\s+.*)?[.!]?$",
            text,
            re.IGNORECASE,
        )
        if more:
            fresh = [part.strip() for part in re.split(r",\s*(?:and\s+)?|\s+and\s+", more[1]) if part.strip()]
            edited[spec.name] = ([*items, *(f for f in fresh if f not in items)][:60], more.span())
        elif less:
            gone = {part.strip().lower() for part in re.split(r",\s*(?:and\s+)?|\s+and\s+", less[1])}
            rest = [item for item in items if str(item).lower() not in gone]
            if rest and len(rest) < len(items):
                edited[spec.name] = (rest, less.span())
    return edited
