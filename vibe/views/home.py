"""1. Describe: the desk with the one sentence box, and the ready-made recipes."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from vibe import allowance, cards, jobs, limits, models_in_use, perform, recipes, weak_spots
from vibe.choices import Autonomy, Effort, Shape
from vibe.forms import DescribeForm, Files, slots_of
from vibe.views import estimates, uploads
from vibe.views.connect import may_connect
from vibe.views.makers import maker_of, sure_maker
from vibe.views.replies import go, later

EXAMPLES = (
    ("chart", "A bar chart of coffee: Mon 3, Tue 2, Wed 5, Thu 4, Fri 6"),
    ("app", "A packing list for Lisbon: passport, charger, sunscreen, book"),
    ("tool", "Monthly totals from my bank file"),
    ("app", "A timer for 25 minutes of work and 5 minutes of rest"),
)
SHAPES = (
    (Shape.AUTO, "auto", "Decide for me", "Most people leave it here"),
    (Shape.PAGE, "app", "App", "Buttons and boxes, runs in the browser"),
    (Shape.TOOL, "tool", "Tool for my file", "You give a file, you get a better file"),
    (Shape.CHART, "chart", "Chart", "Numbers you can see"),
    (Shape.PICTURE, "picture", "Picture or poster", "An infographic, a sign, a diagram"),
    (Shape.SLIDES, "slides", "Slides", "To show or print"),
    (Shape.WHITEBOARD, "whiteboard", "Whiteboard", "Boxes and arrows you can move"),
    (Shape.ANIMATION, "animation", "Animation", "Something that moves and explains"),
)
STOPS = (
    (
        Autonomy.ASK,
        "Ask me everything",
        "I ask my questions, show the plan, ask which of two promises counts where they cannot both hold, and ask again "
        "before each repair, about the look, and before I keep it.",
    ),
    (
        Autonomy.PLAN,
        "Show me the plan",
        "I show a short plan once, and ask which of two promises counts where they cannot both hold. You change the plan "
        "or say yes, and from then on I ask nothing.",
    ),
    (Autonomy.MAKE, "Just make it", "I make it straight away and fix what my own checks find."),
    (
        Autonomy.KEEP,
        "Keep going until it works",
        "I go on until every check holds, or 50 ¢ or 10 minutes are used. You can stop me at any time.",
    ),
)
NO_PRICE = (
    "I go on until every check holds, or 10 minutes or my calls to the model are used. What this model costs is not known, "
    "so no sum ends it. You can stop me at any time."
)
EFFORTS = ((Effort.QUICK, "Quick"), (Effort.NORMAL, "Normal"), (Effort.THOROUGH, "Thorough"))


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    initial = {"description": request.GET.get("say", "")[:2000]}
    chosen = next((r for r in recipes.catalog() if r.slug == request.GET.get("recipe")), None)
    if chosen:
        initial = {"description": chosen.asks, "recipe": chosen.slug}
    return _desk(request, initial)


@require_GET
def all_recipes(request: HttpRequest) -> HttpResponse:
    return render(request, "home/recipes.html", {"recipes": recipes.catalog()})


@require_POST
def describe(request: HttpRequest) -> HttpResponse:
    form = DescribeForm(request.POST, request.FILES, names_sent=request.names_sent)  # type: ignore[attr-defined]
    valid = form.is_valid()
    data = form.cleaned_data
    if not valid:
        if request.htmx:  # type: ignore[attr-defined]
            return wrong(request, form)
        return _desk(request, given_in(request, data.get("once", "")), form=form, status=422)
    typed = slots_of(request.POST)
    if data.get("recipe") and recipes.problems(data["recipe"], typed):
        fields = recipes.fields(data["recipe"], {}, typed)
        if request.htmx:  # type: ignore[attr-defined]
            return wrong(request, form, fields=fields)
        return _desk(request, {**data}, form=form, status=422)
    try:
        uploads.room_for_files(request)
        job = jobs.begin(
            sure_maker(request),
            description=data["description"],
            shape=data["shape"],
            autonomy=data["autonomy"],
            effort=data["effort"],
            once=data["once"],
            uploads=form.files_given.chunks(),
            recipe=data.get("recipe", ""),
            slots=typed,
            address=limits.address_of(request),
            size=form.files_given.size,
        )
    except jobs.Enough as said:
        form.add_error(None, said.sentence)
        if request.htmx:  # type: ignore[attr-defined]
            return later(wrong(request, form, status=429), said)
        return later(_desk(request, given_in(request, data["once"]), form=form, status=429), said)
    tell_of(request, form.files_given)
    assert job.program
    return go(request, job.program.get_absolute_url())


def stops() -> tuple[tuple[Autonomy, str, str], ...]:
    """The stops of the dial as they are for the models that are asked now."""
    models = [models_in_use.model_for("strong"), models_in_use.model_for("quick")]
    unknown = any(one and not one.local and None in {one.price_in, one.price_out} for one in models)
    return tuple((v, label, NO_PRICE if v == Autonomy.KEEP and unknown else line) for v, label, line in STOPS)


def given_in(request: HttpRequest, once: str) -> dict[str, Any]:
    """What was typed and chosen, for the form that asks again."""
    names = ("description", "shape", "autonomy", "effort", "recipe")
    return {**{name: request.POST.get(name, "") for name in names}, "once": once}


def wrong(
    request: HttpRequest,
    form: DescribeForm,
    status: int = 422,
    fields: Sequence[recipes.Field] | None = None,
) -> HttpResponse:
    """Only the sentences: the form on the page keeps its words and its files. `fields`: settings of a recipe, of which
    some cannot be used."""
    template = "home/_wrong.html" if fields is None else "home/_slots_wrong.html"
    return render(request, template, {"lines": form.sentences(), "fields": fields}, status=status)


def lost_files(request: HttpRequest) -> list[str]:
    """A page that is loaded anew has no files any more; browsers keep none."""
    return (
        ["A browser cannot keep chosen files: choose them again. Your words are kept."] if request.FILES else []
    )


def tell_of(request: HttpRequest, files: Files) -> None:
    """What became of the names of files, to be said on the next page."""
    for note in files.notes[:10]:
        messages.warning(request, note)


def _desk(
    request: HttpRequest,
    initial: dict[str, Any],
    *,
    form: DescribeForm | None = None,
    status: int = 200,
) -> HttpResponse:
    maker = maker_of(request)
    model = models_in_use.current_model()
    chosen = next((r for r in recipes.catalog() if r.slug == initial.get("recipe")), None)
    context = {
        "initial": initial,
        "once": initial.get("once") or uuid.uuid4().hex,
        "errors": [*form.sentences(), *lost_files(request)] if form else [],
        "model": model,
        "why_none": "" if model else models_in_use.why_none(with_address=may_connect(request)),
        "off": allowance.off() if model else "",
        "used": allowance.used_today(maker) if model and maker else None,
        "near": limits.near(maker),
        "found": models_in_use.local_servers() if not model and may_connect(request) else [],
        "boxes": perform.engine().available(),
        "shapes": SHAPES,
        "weak": weak_spots.sentences() if model else {},
        "shape": initial.get("shape") or Shape.AUTO,
        "stops": stops() if model else STOPS,
        "stop": initial.get("autonomy") or Autonomy.MAKE,
        "efforts": estimates.for_maker(maker, EFFORTS),
        "effort": initial.get("effort") or Effort.NORMAL,
        "examples": EXAMPLES,
        "recipes": recipes.catalog(),
        "recipe": chosen,
        "recipe_fields": recipes.fields(chosen.slug, {}, slots_of(request.POST)) if chosen else (),
        "cards": cards.shelf(maker).filter(thrown=None)[:6] if maker else [],
    }
    return render(request, "home/home.html", context, status=status)
