"""Event → HTML for the socket: one `<template>` a frame, made of the partials that the page itself uses.

Inside, each element with an id replaces the page's element of that id; `<i data-append="ID">` appends its text to
that element; `<i data-say>` is one sentence for the status line. Django escapes everything.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from django.db.models import F
from django.template.loader import render_to_string
from django.utils.html import escape

from vibe import events, films, line, recipes, results
from vibe.choices import JobKind, JobState
from vibe.generation.steps import Json
from vibe.generation.tool import BadTool, ToolSpec
from vibe.live import unchecked
from vibe.live.timeline import FileView, Timeline
from vibe.models import Job, Program, Run, StepRecord, Version
from vibe.models.program import frame_address
from vibe.models.run import TRIED

OPEN = (JobState.QUEUED, JobState.RUNNING, JobState.WAITING)
# Deltas: the most of all events, and told without a look at any row.
PLAIN = frozenset({events.FileText.type, events.Said.type, events.Output.type})
DRAFT = "draft"  # the sealed frame that is painted while a page is being written


def fragment(timeline: Timeline, event: events.Event, seq: int, job: Job) -> str:
    """The frame that brings a page of `timeline` before `event` to `timeline` after it (already applied)."""
    if event.type in PLAIN:
        return _appended(timeline, event, seq)
    context: dict[str, Any] = {"timeline": timeline, "event": event, "seq": seq, "job": job}
    if isinstance(event, events.StepStarted | events.StepNoted | events.StepEnded):
        context["step"] = timeline.step(event.n)
    if isinstance(event, events.FileOpened | events.FileClosed):
        context["file"] = timeline.file(event.path)
    if isinstance(event, events.StateChanged | events.Restarted):
        job.refresh_from_db(fields=["started", "ended", "state"])
    if isinstance(event, events.VersionMade) and job.program:
        job.program.refresh_from_db(fields=["title", "current"])
    context.update(around(job, timeline))
    return render_to_string(f"live/{event.type}.html", context)


def _appended(timeline: Timeline, event: events.Event, seq: int) -> str:
    """The frame of a delta, without a template: with fifty Jobs that speak, two thousand a second are written."""
    to = words = ""
    match event:
        case events.FileText():
            file, words = timeline.file(event.path), event.text
            to = f"code-{file.index}" if file and not timeline.version else ""
        case events.Said():
            to, words = "part-said", event.text
        case events.Output():
            to, words = "printed", event.text
    text = f'<i data-append="{to}">{escape(words)}</i>' if to else ""
    return f'<template data-seq="{seq}" data-type="{event.type}">{text}</template>\n'


def place(job: Job) -> str:
    """What is said of a Job's place in the line, as it is now. It is no event: nothing is numbered."""
    return render_to_string("live/_place.html", {"place": line.before(job)}).strip()


def around(job: Job, timeline: Timeline) -> dict[str, Any]:
    """The rows that a page shows beside the timeline, as they are now; lazy, most events need none of them, and asked
    for once a page."""
    if job.kind == JobKind.RUN:
        return {
            "run": lambda: job.run,
            "shown": lambda: results.shown(job.run),
            "place": lambda: line.before(job),
        }
    program = job.program
    assert program
    rows: dict[str, Callable[[], Any]] = {
        "base_films": lambda: films.of(job.base),
        "films": lambda: films.of(_made(program.pk, timeline)),
        "current_films": lambda: films.of(_current(program.pk)),
        "versions": lambda: program.versions.select_related("job", "look_of").defer("files", "shot"),
        "card": lambda: (
            program.cards.filter(revoked=None).select_related("version").defer("version__files").first()
        ),
        "current": lambda: _current(program.pk),
        "made": lambda: _made(program.pk, timeline),
        "spec": lambda: spec_of(_current(program.pk)),
        "reading": lambda: reading_of(program),
        "tried": lambda: tried_on(_current(program.pk)),
        "tried_shown": lambda: results.shown(run) if (run := tried_on(_current(program.pk))) else None,
        "queued": lambda: list(program.jobs.filter(state__in=OPEN).exclude(pk=job.pk).defer("files")),
        "taken_back": lambda: list(
            program.jobs.filter(pk__gt=job.pk, state=JobState.STOPPED, started=None).defer("files")
        ),
        "looks_kept": lambda: (
            [made, *made.looks.order_by("number").defer("files", "shot")]
            if timeline.looks and (made := _made(program.pk, timeline))
            else []
        ),
        "looks": lambda: unchecked.looks(job),
        "place": lambda: line.before(job),
        "recipe_fields": lambda: fields_of(_current(program.pk)),
        "asked_model": lambda: job.steps.filter(kind="ask").exclude(model="").exists(),
    }
    return {
        "program": program,
        "base": job.base,
        "draft_url": frame_address(DRAFT),
        "drafting": drafting(timeline),
        "left": left(timeline),
        "unchecked": unchecked.address(job, timeline),
        **{name: cache(row) for name, row in rows.items()},
    }


def reading_of(program: Program) -> list[Json]:
    """The parts of what the model last read to write this program (generation.reading); [] before it read anything."""
    asked = StepRecord.objects.filter(job__program=program, kind="ask", void=False).exclude(
        purpose__in=("plan", "checks", "repair")
    )
    for request in asked.order_by("-pk").values_list("request", flat=True)[:8]:
        if parts := request.get("parts"):
            return list(parts)
    return []


def _current(program_id: str) -> Version | None:
    return Version.objects.filter(program=program_id, program__current=F("pk")).defer("shot").first()


def _made(program_id: str, timeline: Timeline) -> Version | None:
    """The version that this Job made."""
    if timeline.version is None:
        return None
    rows = Version.objects.filter(program=program_id, number=timeline.version["number"])
    return rows.defer("files", "shot").first()


def fields_of(version: Version | None) -> list[recipes.Field]:
    """The settings form of a version that a recipe made; [] for any other."""
    return recipes.fields(version.recipe, version.slots) if version and version.recipe else []


def tried_on(version: Version | None) -> Run | None:
    """The run of a tool on the file that its maker attached, kept when the tool was made; None when it has faded."""
    if version is None or not version.is_tool:
        return None
    return Run.objects.filter(version=version, job__request=TRIED).first()


def spec_of(version: Version | None) -> ToolSpec | None:
    """What a tool asks for; None for a page and for a tool that cannot be read."""
    if version is None or not version.is_tool:
        return None
    try:
        return ToolSpec.parse(version.files.get("tool.toml", ""))
    except BadTool:
        return None


def drafting(timeline: Timeline) -> FileView | None:
    """The page that is being written now, to be painted; a recipe's is not: nobody is writing it."""
    if timeline.recipe or timeline.version or timeline.is_over:
        return None
    return next((f for f in timeline.files if f.path == "index.html"), None)


def left(timeline: Timeline) -> FileView | None:
    """The page that was being written when the making ended without a version."""
    if timeline.recipe or timeline.version or not timeline.is_over:
        return None
    return next((f for f in timeline.files if f.path == "index.html" and f.text.strip()), None)
