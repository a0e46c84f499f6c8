"""Recipes: built-in, parameterised programs that need no model and no internet. Pure: no Django, no clock.

`find` takes a request in words and files and returns the one recipe that does it, or an offer of the nearest three.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vibe.recipes import match, recipe
from vibe.recipes.match import Match, Offer
from vibe.recipes.readers import from_form
from vibe.recipes.recipe import Built, Recipe
from vibe.recipes.slots import Slot, wanted
from vibe.recipes.words import normalise, with_digits

# The order of the shelf on the home page: what most people would be glad to see first.
_ORDER = ("split-bill", "monthly-totals", "checklist", "focus-timer", "chart", "picker", "flashcards", "countdown",
          "clean-table", "slides", "scale-recipe", "count-words")  # fmt: skip


def catalog() -> tuple[Recipe, ...]:
    return tuple(sorted(recipe.load_all(), key=lambda r: _ORDER.index(r.slug) if r.slug in _ORDER else 99))


def _of(slug: str) -> Recipe:
    return next(r for r in recipe.load_all() if r.slug == slug)


def name_of(slug: str) -> str:
    return _of(slug).name


def about(slug: str) -> str:
    return _of(slug).about


def find(description: str, *, files: Mapping[str, bytes] | None = None, shape: str = "auto") -> Match | Offer:
    """The recipe that a request asks for, or the nearest three. `files` are {name: first bytes}."""
    return match.find(recipe.load_all(), description, files=files or {}, shape=shape)


def revise(slug: str, values: Mapping[str, Any], description: str) -> Match | None:
    """A change in words of a recipe's settings; None when the words name none of them, or are more than is read."""
    if len(description) > match.READ:
        return None
    one = _of(slug)
    text = with_digits(normalise(description))
    found = match.read_slots(one, text)
    found = {**found, **match.edited_lists(one, values, text, found)}
    if not found:
        return None
    return Match(slug, one.name, match.fill(one, found, values), match.unused(one, text, found))


def clean(slug: str, raw: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Settings as a form gave them: (the good values, what could not be used, in words)."""
    good: dict[str, Any] = {}
    wrong: list[str] = []
    for spec in _of(slug).slots:
        if spec.name not in raw:
            continue
        try:
            good[spec.name] = from_form(spec, raw[spec.name])
        except (ValueError, TypeError):
            wrong.append(f"{spec.label}: {str(raw[spec.name])[:40]}")
    return good, wrong


def settings_of(slug: str, values: Mapping[str, Any]) -> tuple[Slot, ...]:
    """All settings of a made recipe, for its form."""
    known = {r.slug for r in recipe.load_all()}
    return match.fill(_of(slug), {}, values) if slug in known else ()


@dataclass(frozen=True)
class Field:
    """A setting in its form: the text that stands in it, and what to enter instead ("" when that can be used)."""

    slot: Slot
    text: str
    wrong: str = ""


def fields(slug: str, values: Mapping[str, Any], typed: Mapping[str, str] | None = None) -> list[Field]:
    """The settings form of a recipe made with `values`; over it stands what a person `typed`."""
    typed = typed or {}
    wrong = problems(slug, typed)
    return [Field(s, typed.get(s.name, s.shown), wrong.get(s.name, "")) for s in settings_of(slug, values)]


def problems(slug: str, typed: Mapping[str, Any]) -> dict[str, str]:
    """What to enter instead, {setting: sentence}, for each typed text that cannot be used."""
    found: dict[str, str] = {}
    for spec in _of(slug).slots:
        if spec.name in typed:
            good, _ = clean(slug, {spec.name: typed[spec.name]})
            if spec.name not in good:
                found[spec.name] = wanted(spec)
    return found


def changed(slug: str, values: Mapping[str, Any], typed: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the typed texts that say something else than the recipe made with `values`."""
    now = {s.name: s.value for s in settings_of(slug, values)}
    good, _ = clean(slug, typed)
    return {name: typed[name] for name, value in good.items() if value != now.get(name)}


def build(slug: str, values: Mapping[str, Any], origins: Mapping[str, str] | None = None) -> Built:
    """The program of a recipe with these values, the rest at its defaults."""
    one = _of(slug)
    good, _ = clean(slug, values)
    slots = [_with_origin(s, origins or {}) for s in match.fill(one, {}, good)]
    return one.build(tuple(slots))


def _with_origin(slot: Slot, origins: Mapping[str, str]) -> Slot:
    origin = origins.get(slot.name, slot.origin)
    return Slot(slot.name, slot.label, slot.kind, slot.value, origin, slot.choices, slot.hint)


__all__ = [
    "Built", "Field", "Match", "Offer", "Recipe", "Slot", "about", "build", "catalog", "changed", "clean", "fields", "find",
    "name_of", "problems", "revise", "settings_of",
]  # fmt: skip
