"""Which recipe does a request ask for? Accept only with a margin and when it does all that is asked; else offer the nearest three."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from vibe.recipes.cover import Cover, cover, without
from vibe.recipes.phrases import compiled
from vibe.recipes.readers import from_words, how_many, multiple
from vibe.recipes.recipe import Recipe
from vibe.recipes.slots import Found, Slot, Span
from vibe.recipes.words import mend, normalise, stem, with_digits

MARGIN = 2.0  # points over the second
READ = 6000  # characters; what is not read is not used

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
    text = mend(with_digits(normalise(description[: READ + 1])), _known(catalog))
    scored = sorted((_score(r, text, files, shape) for r in catalog), key=lambda s: -s.match.score)
    fitting = [s for s in scored if s.fits and len(description) <= READ]
    if fitting and (len(fitting) == 1 or fitting[0].match.score >= fitting[1].match.score + MARGIN):
        return fitting[0].match
    return Offer(tuple(s.match for s in [*fitting, *(s for s in scored if s not in fitting)][:3]))


def _known(catalog: tuple[Recipe, ...]) -> frozenset[str]:
    """Every word that some recipe understands."""
    said = {
        word
        for r in catalog
        for part in (*r.words, *(n for g in r.needs for n in g))
        for word in re.findall("[a-z]{3,}", part)
    }
    return frozenset(said | {stem(word) for word in said})


def read_slots(recipe: Recipe, text: str) -> dict[str, Found]:
    """The settings that the text gives. What gives one is used once."""
    found: dict[str, Found] = {}
    left = text
    # Lists and pairs first: what stands in them is not a title; then what has the tightest form.
    order = {"pairs": 0, "list": 0, "lines": 0, "date": 1, "number": 2, "choice": 4, "text": 3}
    for spec in sorted(recipe.slots, key=lambda s: order[s.kind]):
        one = from_words(spec, left, {other.core for other in found.values()})
        if one is None:
            continue
        found[spec.name] = one
        # Numbers and choices are found by the words around them, which others need too.
        if spec.kind not in {"choice", "number"} and one.core == one.span:
            left = without(left, [one.span])
    return _counted(recipe, left, _multiplied(recipe, text, found))


def _multiplied(recipe: Recipe, text: str, found: dict[str, Found]) -> dict[str, Found]:
    """ "Double the recipe for 3 people": for 3, so 6."""
    for spec in recipe.slots:
        if not spec.times:
            continue
        given = found.get(spec.of, found.get(spec.name))
        base = given.value if given else next(s.default for s in recipe.slots if s.name == spec.of)
        one = multiple(spec, text, base)
        if one is None or (spec.of in found and spec.name in found):
            continue
        found = {**found, spec.name: one} | ({spec.of: given} if given else {})
    return found


def _counted(recipe: Recipe, left: str, found: dict[str, Found]) -> dict[str, Found]:
    """ "The three of us: Ada, Bo, Cem" says three twice; where the numbers differ, one is left over."""
    for spec in recipe.slots:
        if (
            spec.counted
            and spec.name in found
            and (count := how_many(spec, left))
            and count.value == len(found[spec.name].value)
        ):
            found = {**found, f"{spec.name} counted": count}
    return found


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
    found = read_slots(recipe, text)
    hits = [hit for group in recipe.needs if (hit := _first(group, text))]
    covered = _cover(recipe, text, found)
    score = 3.0 * len(hits) + len(covered.used) + 1.5 * len(found)
    if not _shape_fits(recipe, shape):
        score -= 4
    bare = without(text, [*(f.span for f in found.values()), *hits, *_meant(recipe, text)])
    fits = (
        len(hits) == len(recipe.needs)
        and covered.harmless
        and not _BEYOND.search(bare)
        and not any(compiled(rf"\b(?:{veto})\b").search(text) for veto in recipe.vetoes)
        and all(spec.name in found or not spec.required for spec in recipe.slots)
        and _shape_fits(recipe, shape)
        and _files_fit(recipe, files)
    )
    return _Scored(Match(recipe.slug, recipe.name, fill(recipe, found), covered.ignored, score), fits)


def _cover(recipe: Recipe, text: str, found: Mapping[str, Found], more: tuple[str, ...] = ()) -> Cover:
    hits = [hit for group in recipe.needs if (hit := _first(group, text))]
    return cover(text, found.values(), [*hits, *_meant(recipe, text)], (*recipe.words, *more))


def _meant(recipe: Recipe, text: str) -> list[Span]:
    """Where the request says, in more than a word, what the recipe does."""
    return [
        hit.span() for phrase in recipe.phrases for hit in compiled(rf"\b(?:{phrase})(?!\w)").finditer(text)
    ]


def _first(group: tuple[str, ...], text: str) -> Span | None:
    found = compiled(rf"\b(?:{'|'.join(group)})\b").search(text)
    return found.span() if found else None


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
    labels = tuple(word for slot in recipe.slots for word in slot.label.split())
    return _cover(recipe, text, found, (*labels, *_CHANGING)).ignored


_CHANGING = ("change", "add", "remove", "drop", "longer", "shorter", "call", "rename", "title", "name", "minutes", "instead")  # fmt: skip


def edited_lists(
    recipe: Recipe, values: Mapping[str, object], text: str, found: Mapping[str, Found]
) -> dict[str, Found]:
    """ "add milk and eggs", "remove the tent": the list before, edited. Only the last line says so: searched for over many
    lines, the patterns take time by the cube."""
    edited: dict[str, Found] = {}
    begins = text.rfind("\n") + 1
    line = text[begins:]
    for spec in recipe.slots:
        if spec.kind != "list" or spec.name in found:
            continue
        items = list(values.get(spec.name, spec.default))  # type: ignore[call-overload]
        more = re.search(
            r"\b(?:add|include|put in)\s+(.+?)(?:\s+to\s+(?:the|my|it)\b.*)?[.!]?$", line, re.IGNORECASE
        )
        less = re.search(
            r"\b(?:remove|delete|drop|take out|leave out)\s+(?:the\s+)?(.+?)(?:\s+from\s+.*)?[.!]?$",
            line,
            re.IGNORECASE,
        )
        if more:
            fresh = [part.strip() for part in re.split(r",\s*(?:and\s+)?|\s+and\s+", more[1]) if part.strip()]
            span = begins + more.start(), begins + more.end()
            edited[spec.name] = Found([*items, *(f for f in fresh if f not in items)][:60], span, span)
        elif less:
            gone = {part.strip().lower() for part in re.split(r",\s*(?:and\s+)?|\s+and\s+", less[1])}
            rest = [item for item in items if str(item).lower() not in gone]
            if rest and len(rest) < len(items):
                span = begins + less.start(), begins + less.end()
                edited[spec.name] = Found(rest, span, span)
    return edited
