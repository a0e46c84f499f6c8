"""2-7. The workbench of one Program: its latest Job live, its versions, and what can be said to it."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import reswap, retarget

from vibe import jobs, limits, models_in_use, recipes
from vibe.choices import Autonomy, Effort, JobKind, JobState
from vibe.forms import DescribeForm, pointed_of, slots_of, without_of
from vibe.live import feed
from vibe.live.fragments import OPEN, around
from vibe.live.timeline import fold
from vibe.models import Job, Program
from vibe.views import access, estimates, tools, uploads
from vibe.views.home import EFFORTS, STOPS, lost_files, tell_of, wrong
from vibe.views.replies import done, go, later

FRAMES = (("full", "wide", "Full"), ("tablet", "tablet", "Tablet"), ("phone", "phone", "Phone"))


@require_GET
def workbench(request: HttpRequest, pk: str) -> HttpResponse:
    return _bench(request, access.program_of(request, pk))


def _bench(
    request: HttpRequest, program: Program, *, form: DescribeForm | None = None, status: int = 200, **more: Any
) -> HttpResponse:
    job = _shown(program)
    timeline = fold(feed.whole(job.pk))
    has_model = models_in_use.current_model() is not None
    context: dict[str, Any] = {
        "job": job,
        "timeline": timeline,
        **around(job, timeline),
        "program": program,
        "earlier": list(program.jobs.filter(pk__lt=job.pk).defer("files").order_by("-pk")[:50])[::-1],
        "uploads": job.uploads.all(),
        "notes": list(messages.get_messages(request)),
        "has_model": has_model,
        "efforts": estimates.for_maker(program.maker, EFFORTS) if has_model else None,
        "stops": STOPS,
        "frames": FRAMES,
        "once": (form.cleaned_data.get("once") if form else "") or uuid.uuid4().hex,
        "typed": request.POST.get("description", "") if form else "",
        "errors": [*form.sentences(), *lost_files(request)] if form else [],
        **more,
    }
    return render(request, "studio/workbench.html", context, status=status)


def _shown(program: Program) -> Job:
    """The Job that the page is about: what is being made now, else what comes first, else what was made last."""
    rows = program.jobs.select_related("base")
    open_ = rows.filter(state__in=OPEN).order_by("pk").first()
    job = open_ or rows.exclude(started=None).order_by("-pk").first() or rows.order_by("-pk").first()
    assert job  # a program begins with a Job
    return job


@require_POST
def change(request: HttpRequest, pk: str) -> HttpResponse:
    program = access.program_of(request, pk)
    form = DescribeForm(request.POST, request.FILES, names_sent=request.names_sent)  # type: ignore[attr-defined]
    if not form.is_valid():
        if request.htmx:  # type: ignore[attr-defined]
            return wrong(request, form)
        return _bench(request, program, form=form, status=422)
    data = form.cleaned_data
    slots, recipe = slots_of(request.POST), ""
    if slots and program.current and program.current.recipe:
        recipe, made_with = program.current.recipe, program.current.slots
        if recipes.problems(recipe, slots):
            fields = recipes.fields(recipe, made_with, slots)
            if request.htmx:  # type: ignore[attr-defined]
                return wrong(request, form, fields=fields)
            return _bench(request, program, status=422, recipe_fields=fields, settings_refused=True)
        slots = recipes.changed(recipe, made_with, slots)
        if not slots:
            messages.warning(request, "These are the settings that it has already.")
            return go(request, program.get_absolute_url())
    last = program.jobs.order_by("-pk").first()
    autonomy, effort = (last.autonomy, last.effort) if last else (Autonomy.MAKE, Effort.NORMAL)
    try:
        uploads.room_for_files(request)
        jobs.change(
            program,
            description=data["description"],
            autonomy=data["autonomy"] if request.POST.get("autonomy") else autonomy,
            effort=data["effort"] if request.POST.get("effort") else effort,
            once=data["once"],
            uploads=form.files_given.chunks(),
            recipe=recipe,
            slots=slots,
            without=without_of(request.POST),
            pointed=pointed_of(request.POST),
            address=limits.address_of(request),
            size=form.files_given.size,
        )
    except jobs.Enough as said:
        form.add_error(None, said.sentence)
        if request.htmx:  # type: ignore[attr-defined]
            return later(wrong(request, form, status=429), said)
        return later(_bench(request, program, form=form, status=429), said)
    tell_of(request, form.files_given)
    return go(request, program.get_absolute_url())


@require_POST
def try_tool(request: HttpRequest, pk: str) -> HttpResponse:
    """The maker runs their own tool."""
    program = access.program_of(request, pk)
    if program.current is None or not program.current.is_tool:
        return redirect(program)
    return tools.run(request, program.current, None, title=program.title, back=program.get_absolute_url())


@require_GET
@cache_control(private=True, max_age=60)
def shot(request: HttpRequest, pk: str) -> HttpResponse:
    return tools.picture(access.program_of(request, pk).current)


# --- commands to a running Job ----------------------------------------------------------------------------------


@require_POST
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    job = access.job_of(request, pk)
    given = {
        "choice": request.POST.get("choice", ""),
        "yes": request.POST.get("yes") == "1",
        "steps": [line.strip()[:300] for line in request.POST.getlist("step") if line.strip()][:20] or None,
        "checks": _checks_of(request.POST),
    }
    try:
        # A yes, a no or a choice that is sent twice finds the Job at work already: that changes no plan.
        if job.state == JobState.RUNNING and not {"yes", "choice"} & set(request.POST):
            jobs.change_plan(job, given)
        else:
            jobs.answer(job, given)
    except (jobs.NotNow, jobs.Enough) as problem:
        if request.htmx:  # type: ignore[attr-defined]
            return _not_now(request, problem)
        messages.warning(request, problem.sentence)
    return done(request, _home_of(job))


def _not_now(request: HttpRequest, problem: jobs.NotNow | jobs.Enough) -> HttpResponse:
    """The sentence at once, where the page says what is wrong: the form of an answer has no place for it."""
    status = 429 if isinstance(problem, jobs.Enough) else 422
    reply = render(request, "home/_wrong.html", {"lines": [problem.sentence]}, status=status)
    reply = retarget(reswap(reply, "innerHTML"), "#say-wrong")
    return later(reply, problem) if isinstance(problem, jobs.Enough) else reply


def _checks_of(data: QueryDict) -> list[dict[str, Any]] | None:
    """The promises as the person left them, or None when the form had none. A line without an id is a new one."""
    if "check_id" not in data:
        return None
    confirmed = set(data.getlist("confirm"))
    lines = zip(data.getlist("check_id"), data.getlist("check"), strict=False)
    return [
        {"id": id_[:40], "sentence": words.strip()[:300], "confirmed": id_ in confirmed}
        for id_, words in lines
        if words.strip()
    ][:20]


@require_POST
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    job = access.job_of(request, pk)
    jobs.stop(job)
    return done(request, _home_of(job))


@require_POST
def autonomy(request: HttpRequest, pk: int) -> HttpResponse:
    job = access.job_of(request, pk)
    value = request.POST.get("autonomy", "")
    if value not in {stop for stop, _, _ in STOPS}:
        return HttpResponse("Choose one of the stops of the dial.", status=422, content_type="text/plain")
    jobs.set_autonomy(job, value)
    return done(request, _home_of(job))


def _home_of(job: Job) -> str:
    if job.kind == JobKind.RUN:
        return str(job.run.get_absolute_url())
    assert job.program
    return job.program.get_absolute_url()
