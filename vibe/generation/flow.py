"""The making, readable top to bottom: a generator that yields Steps and is sent their answers (DESIGN §3).

It knows no clock, no database, no network: what it decides depends on its Request and on the answers alone, so it
can be replayed after a crash, paused for a person, and tested without a mock. Here is the way in, and the ways that
need no model: a recipe, and files that the person edited. The way with a model is making.py.
"""

from collections.abc import Generator
from dataclasses import replace

from vibe import recipes
from vibe.choices import Origin
from vibe.generation import context
from vibe.generation.clashes import as_it_is
from vibe.generation.making import Making, with_model
from vibe.generation.request import Base, Request, Result
from vibe.generation.steps import Consult, Json, Question, Step, Tell
from vibe.generation.trial import finish, told, verify
from vibe.generation.work import Nothing, Work
from vibe.generation.write import held_to

FLOW = "5"  # raise it when the order or the meaning of the steps changes: open Jobs then begin anew


def generate(request: Request) -> Making:
    """Make or change one program. Returns a Result; never raises for what a model or a program does."""
    try:
        force = yield Consult("start")
        if request.files:
            return (yield from _by_hand(request, force))
        if request.settled and (made := (yield from as_it_is(request, force))):
            return made
        by_recipe = bool(request.recipe) or not force["model"]
        if by_recipe and not (request.base and not request.base.recipe and not request.recipe):
            return (yield from _by_recipe(request, force))
        if not force["model"]:
            raise Nothing(
                "I need an AI model to change a program that was written by one, and none is connected. "
                "Connect a model, then ask again. Nothing was lost."
            )
        return (yield from with_model(request, force))
    except Nothing as end:
        return Result(end.sentence)


# --- by hand ----------------------------------------------------------------------------------------------------


def _by_hand(request: Request, force: Json) -> Making:
    """The person wrote the files: they are checked as any others, and no model is asked."""
    title = request.base.title if request.base else context.title_from(request.description)
    tried = yield from held_to(Work(request, force), request.files)
    yield told(tried)
    return finish(request, tried, title=title, origin=Origin.PERSON)


# --- with a recipe ----------------------------------------------------------------------------------------------


def _by_recipe(request: Request, force: Json) -> Making:
    match = yield from _choose_recipe(request)
    if match is None:
        force = yield Consult("model")
        if not force["model"]:
            raise Nothing(
                "No AI model is connected yet. Your words are kept: connect one, then send them again."
            )
        return (yield from with_model(replace(request, recipe="", base=None), force))
    slug, origins, values, ignored = match
    built = recipes.build(slug, values, origins)
    slots = [{"name": s.name, "label": s.label, "value": s.said, "origin": s.origin} for s in built.slots]
    yield Tell("recipe-used", {"slug": slug, "name": recipes.name_of(slug), "slots": slots, "ignored": ignored})
    tried = yield from verify(request, built.files, built.checks)
    return finish(
        request,
        tried,
        title=request.base.title if request.base else built.title,
        origin=Origin.RECIPE,
        recipe=slug,
        slots={s.name: s.value for s in built.slots},
        sentence=built.summary,
    )


Chosen = tuple[str, dict[str, str], Json, list[str]]  # slug, origins, values, words that were not used


def _choose_recipe(request: Request) -> Generator[Step, Json, Chosen | None]:
    """The recipe and its values, or None when the person wants a model to write it."""
    if request.base and request.base.recipe:
        return _revised(request, request.base.recipe, request.base.slots)
    if request.recipe:
        if request.recipe not in {r.slug for r in recipes.catalog()}:
            raise Nothing("That recipe is not here any more. Choose another one, or connect an AI model.")
        found = recipes.revise(request.recipe, {}, request.description)
        return _with_typed(request.recipe, found, request.slots)
    heads = {u.name: u.head for u in request.uploads}
    found_or_offer = recipes.find(request.description, files=heads, shape=request.shape)
    if isinstance(found_or_offer, recipes.Match):
        return _with_typed(found_or_offer.slug, found_or_offer, {})
    return (yield from _offer(found_or_offer))


def _revised(request: Request, slug: str, before: Json) -> Chosen:
    if request.slots:
        typed, wrong = recipes.clean(slug, request.slots)
        return slug, dict.fromkeys(typed, "person"), {**before, **typed}, wrong
    revised = recipes.revise(slug, before, request.description)
    if revised is None:
        raise Nothing(
            f"This is the ready-made recipe “{recipes.name_of(slug)}”. Without an AI model I can change its "
            "settings, and I found none of them in what you wrote. Use the settings form, or connect a model."
        )
    return _with_typed(slug, revised, {})


def _with_typed(slug: str, found: "recipes.Match | None", typed: Json) -> Chosen:
    """What the words say, and over it what the person typed into the settings."""
    good, wrong = recipes.clean(slug, typed)
    slots = found.slots if found else ()
    words = {s.name: s.value for s in slots if s.origin != "default"}
    origins = {s.name: s.origin for s in slots}
    standard = {s.name: s.value for s in recipes.settings_of(slug, {})}
    # A form sends every setting: what still stands as the recipe has it was not typed, and words go before it.
    good = {name: value for name, value in good.items() if value != standard.get(name)}
    origins |= dict.fromkeys(good, "person")
    return slug, origins, {**words, **good}, [*(found.ignored if found else ()), *wrong]


def _offer(offer: "recipes.Offer") -> Generator[Step, Json, Chosen | None]:
    choices = [{"value": m.slug, "label": m.name, "line": recipes.about(m.slug)} for m in offer.nearest]
    choices.append(
        {
            "value": "model",
            "label": "I’ve connected an AI model: write it",
            "line": "Your words stay here until one is connected.",
        }
    )
    answer = yield Question(
        "recipe",
        "I have no AI model connected and no recipe that does just this. Is one of these near enough?",
        choices,
    )
    for match in offer.nearest:
        if match.slug == answer["choice"]:
            return _with_typed(match.slug, match, {})
    return None


__all__ = ["FLOW", "Base", "Making", "Request", "Result", "generate"]
