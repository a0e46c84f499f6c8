"""The making, readable top to bottom: a generator that yields Steps and is sent their answers (DESIGN §3).

It knows no clock, no database, no network: what it decides depends on its Request and on the answers alone, so it
can be replayed after a crash, paused for a person, and tested without a mock.
"""

from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any

from vibe import recipes
from vibe.choices import Origin, Verdict
from vibe.generation import checks as checking
from vibe.generation import context, gate, plan, reply
from vibe.generation.edits import EditFailed, apply_edits
from vibe.generation.policy import policy
from vibe.generation.prompt import fill, fingerprint
from vibe.generation.request import Base, Request, Result
from vibe.generation.steps import Approve, Ask, Consult, Json, Question, Run, Step, Tell
from vibe.llm.message import Message

FLOW = "1"  # raise it when the order or the meaning of the steps changes: open Jobs then begin anew

Making = Generator[Step, Json, Result]


@dataclass(frozen=True)
class Draft:
    """Files that a model wrote, with what came before them."""

    files: dict[str, str]
    said: str
    model: str


@dataclass(frozen=True)
class Nothing(Exception):
    """The flow cannot go on; `sentence` says why and what to do."""

    sentence: str


def generate(request: Request) -> Making:
    """Make or change one program. Returns a Result; never raises for what a model or a program does."""
    if request.files:  # ---- by hand; the one hunk of the branch wip-changes in this file ----
        return (yield from _by_hand(request))
    try:
        force = yield Consult("start")
        by_recipe = bool(request.recipe) or not force["model"]
        if by_recipe and not (request.base and not request.base.recipe and not request.recipe):
            return (yield from _by_recipe(request, force))
        if not force["model"]:
            raise Nothing(
                "I need an AI model to change a program that was written by one, and none is connected. "
                "Connect a model, then ask again. Nothing was lost."
            )
        return (yield from _by_model(request, force))
    except Nothing as end:
        return Result(end.sentence)


# --- with a model -----------------------------------------------------------------------------------------------


def _by_model(request: Request, force: Json) -> Making:
    if request.shape == "tool" and not force["engine"]:
        raise Nothing(
            "Tools need a sealed box to run in, and there is none on this machine now. "
            "I can make it as a page instead: choose Page and send it again."
        )
    agreed = yield from _plan(request, force)
    draft = yield from _write(request, agreed, force)
    title = _title(request, agreed, draft.files)
    best = yield from _verify(request, draft.files, title, model=draft.model)
    for round_ in range(1, 10):
        force = yield Consult(f"repair {round_}")
        allowed = policy(force["autonomy"], force["effort"])
        if best.verdict != Verdict.BROKEN or round_ > allowed.repairs or force["calls_used"] >= allowed.calls:
            break
        seen = best.signature
        mended = yield from _repair(request, best, force)
        if mended is None:
            break
        tried = yield from _verify(request, mended.files, title, model=mended.model)
        if tried.failing <= best.failing:
            best = tried
        if tried.signature == seen:  # the same failure twice: more of the same will not mend it
            break
    return _finish(request, best)


def _plan(request: Request, force: Json) -> Generator[Step, Json, Json | None]:
    if not policy(force["autonomy"], force["effort"]).shows_plan:
        return None
    answer = yield Ask(
        "plan",
        (Message("system", fill("plan")), Message("user", _plan_request(request))),
        prompt=fingerprint("plan"),
        max_tokens=2_000,
    )
    if fault := answer.get("fault"):
        raise Nothing(fault["sentence"])
    proposal = plan.read(answer["text"])
    if (
        proposal is None
    ):  # a model that cannot keep the form still deserves a person's look at what it understood
        proposal = {"title": "", "steps": [request.description], "checks": []}
    decision = yield Approve("plan", proposal)
    if not decision["yes"]:
        raise Nothing(
            "You left the plan, so nothing was made. Your words are kept: change them and send them again."
        )
    return plan.clean(proposal, decision.get("proposal", {}))


def _plan_request(request: Request) -> str:
    if request.base is None:
        return request.description
    return f"There is a program called “{request.base.title}”. The person wants this changed:\n{request.description}"


def _write(request: Request, agreed: Json | None, force: Json) -> Generator[Step, Json, Draft]:
    text = context.write_text(request, agreed, force["engine"])
    purpose = "change" if request.base else "write"
    draft = yield from _ask_for_files(
        request, purpose, text, force, old=request.base.files if request.base else {}
    )
    if isinstance(draft, Draft):
        return draft
    text = fill("again", problems="\n".join(f"- {p}" for p in draft), request=text)
    again = yield from _ask_for_files(
        request, "again", text, force, old=request.base.files if request.base else {}
    )
    if isinstance(again, Draft):
        return again
    raise Nothing(
        "The model answered twice in a form I can’t use, so there is no program. "
        f"The last trouble was: {again[0]} Try again, say it in smaller steps, or connect a stronger model."
    )


def _repair(request: Request, best: "Tried", force: Json) -> Generator[Step, Json, Draft | None]:
    text = context.repair_text(request, best.files, best.evidence)
    draft = yield from _ask_for_files(request, "repair", text, force, old=best.files)
    return draft if isinstance(draft, Draft) else None


def _ask_for_files(
    request: Request, purpose: str, text: str, force: Json, *, old: dict[str, str]
) -> Generator[Step, Json, Draft | list[str]]:
    """One call whose reply should be files. A Draft, or the problems in words. Raises Nothing on a fault."""
    answer = yield Ask(
        purpose,
        (Message("system", fill("system")), Message("user", text)),
        prompt=fingerprint("system", "write", "change", "repair", "again"),
        effort=policy(force["autonomy"], force["effort"]).reasoning,
    )
    if fault := answer.get("fault"):
        if purpose == "repair":  # what there is stays; a failed repair takes nothing away
            return [fault["sentence"]]
        raise Nothing(fault["sentence"])
    parsed = reply.parse(answer["text"], answer["finish"])
    problems = [p.sentence for p in parsed.problems]
    if parsed.truncated or answer["finish"] == "length":
        problems.append("The reply ended before it was complete. Write shorter files.")
    files = {**old, **parsed.files}
    if parsed.edits and not problems:
        try:
            files = apply_edits(files, parsed.edits)
        except EditFailed as failed:
            problems.append(str(failed))
    if not parsed.files and not parsed.edits and not problems:
        problems.append("There was no file in the reply.")
    if problems:
        return problems
    return Draft(files, parsed.prose.strip(), answer.get("model", ""))


# --- by hand ----------------------------------------------------------------------------------------------------


def _by_hand(request: Request) -> Making:
    """The person wrote the files: they are checked as any others, and no model is asked."""
    title = request.base.title if request.base else context.title_from(request.description)
    tried = yield from _verify(request, request.files, title)
    return _finish(request, tried, origin=Origin.PERSON)


# --- with a recipe ----------------------------------------------------------------------------------------------


def _by_recipe(request: Request, force: Json) -> Making:
    match = yield from _choose_recipe(request)
    if match is None:
        force = yield Consult("model")
        if not force["model"]:
            raise Nothing(
                "No AI model is connected yet. Your words are kept: connect one, then send them again."
            )
        return (yield from _by_model(replace(request, recipe="", base=None), force))
    slug, origins, values, ignored = match
    built = recipes.build(slug, values, origins)
    slots = [{"name": s.name, "label": s.label, "value": s.said, "origin": s.origin} for s in built.slots]
    yield Tell("recipe-used", {"slug": slug, "name": recipes.name_of(slug), "slots": slots, "ignored": ignored})
    tried = yield from _verify(request, built.files, built.title, given=built.checks)
    return _finish(
        request,
        tried,
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


# --- checking, and the end --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tried:
    """Files with what the checks found about them."""

    files: dict[str, str]
    shape: str
    title: str
    model: str
    checks: list[Json]
    verdict: str
    results: list[Json]
    not_checked: list[str]
    evidence: str
    signature: str

    @property
    def failing(self) -> int:
        return sum(1 for r in self.results if not r["held"])


def _verify(
    request: Request, files: dict[str, str], title: str, *, model: str = "", given: list[Json] | None = None
) -> Generator[Step, Json, Tried]:
    """Static gate, then a run in a sealed box, then the verdict, which is told."""
    shape = gate.shape_of(files) or "page"
    promised = list(given or (request.base.checks if request.base else []))
    faults = gate.gate(files, shape)
    if faults:
        judged = checking.from_faults(faults)
    else:
        names = [u.name for u in request.uploads]
        judged = checking.judge(shape, promised, (yield Run(shape, files, promised, names)))
    yield Tell(
        "checked",
        {"verdict": judged.verdict, "results": judged.results, "not_checked": judged.not_checked},
    )
    kept_shape = request.shape if request.shape not in {"auto", "page", "tool"} and shape == "page" else shape
    return Tried(
        files,
        kept_shape,
        title,
        model,
        promised,
        str(judged.verdict),
        judged.results,
        judged.not_checked,
        judged.evidence,
        judged.signature,
    )


def _finish(request: Request, tried: Tried, *, sentence: str = "", **extra: Any) -> Result:
    better = request.base is None or tried.verdict != Verdict.BROKEN or tried.failing <= request.base.failing
    return Result(
        sentence=sentence,
        files=tried.files,
        shape=tried.shape,
        title=tried.title,
        verdict=tried.verdict,
        results=tried.results,
        not_checked=tried.not_checked,
        checks=tried.checks,
        model=tried.model,
        better=better,
        **extra,
    )


def _title(request: Request, agreed: Json | None, files: dict[str, str]) -> str:
    if request.base:
        return request.base.title
    if agreed and agreed["title"]:
        return str(agreed["title"])
    return gate.title_of(files) or context.title_from(request.description)


__all__ = ["FLOW", "Base", "Making", "Request", "Result", "generate"]
