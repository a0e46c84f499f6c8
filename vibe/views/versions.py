"""The versions of one Program: gone back to, used all the same, compared, edited by hand."""

import uuid
from dataclasses import dataclass

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from vibe import cards, jobs, limits
from vibe.generation.byhand import NotKept, files_by_hand
from vibe.generation.clashes import chosen
from vibe.generation.difference import Difference, Line, difference, in_words
from vibe.models import Job, Program, Version
from vibe.views import access
from vibe.views.replies import later

MOST_LINES = 1500  # of a difference that are shown; the words count all of them
MOST_TYPED = 1_500_000  # characters: a form carries no more (DATA_UPLOAD_MAX_MEMORY_SIZE, percent-encoded)


@require_POST
def restore(request: HttpRequest, pk: str, number: int) -> HttpResponse:
    program = access.program_of(request, pk)
    _version(program, number)
    with transaction.atomic():
        jobs.take_copy(program.maker, limits.address_of(request))
        version = cards.restore_version(program, number)
    messages.success(
        request, f"Version {number} is back, as version {version.number}. The link still shows what it did."
    )
    return redirect(program)


@require_POST
def use(request: HttpRequest, pk: str, number: int) -> HttpResponse:
    """The person's yes to a version that was held back because it broke what held before."""
    program = access.program_of(request, pk)
    version = _version(program, number)
    if jobs.busy(program):
        messages.warning(request, "I am working on this program now. Stop me or wait until I am done.")
    elif version.held_back:
        cards.use_version(version)
        messages.success(request, f"You use version {number} now. The link still shows what it did.")
    return redirect(program)


@require_POST
def settle(request: HttpRequest, pk: str, number: int) -> HttpResponse:
    """One click that says which of two promises counts, of a version that was made without asking: a change like any
    other, but that no model is asked when the program is so already."""
    program = access.program_of(request, pk)
    version = _version(program, number)
    clash, _, which = request.POST.get("keep", "").partition("-")
    open_ = version.measures.get("unsettled", [])
    at = _whole(clash)
    if not 0 <= at < len(open_) or which not in {"0", "1"}:
        return access.gone()
    if version.pk != program.current_id:
        messages.warning(request, "Another version is the current one now: that is settled or gone.")
        return redirect(program)
    keep, drop = open_[at]["checks"][int(which)], open_[at]["checks"][1 - int(which)]
    last = program.jobs.exclude(state__in=jobs.HELD).order_by("-pk").first()
    assert last  # it made the version
    try:
        jobs.change(
            program,
            description=f"This shall hold: “{keep['sentence']}”. This need not: “{drop['sentence']}”.",
            autonomy=last.autonomy,
            effort=last.effort,
            once=f"settle-{last.pk}-{at}-{which}",
            address=limits.address_of(request),
            settled=chosen(open_[at], int(which)),
        )
    except jobs.Enough as said:
        messages.warning(request, said.sentence)
    return redirect(program)


# --- what changed -----------------------------------------------------------------------------------------------


@require_GET
def compare(request: HttpRequest, pk: str, number: int) -> HttpResponse:
    """A version beside the one it was made from: a page, and for htmx only its lines."""
    program = access.program_of(request, pk)
    version = _version(program, number)
    before = _made_from(version)
    found = difference(before.files if before else {}, version.files)
    context = {
        "program": program,
        "version": version,
        "before": before,
        "words": in_words(found),
        "files": _shown(found),
        "left_out": max(0, _count(found) - MOST_LINES),
    }
    return render(request, f"studio/{'_' if request.htmx else ''}difference.html", context)  # type: ignore[attr-defined]


def _made_from(version: Version) -> Version | None:
    if version.job and version.job.base:
        return version.job.base
    return version.program.versions.filter(number__lt=version.number).first()


@dataclass(frozen=True)
class Shown:
    """A file of a difference, cut to what one page can show."""

    path: str
    hunks: list[tuple[Line, ...]]


def _shown(found: Difference) -> list[Shown]:
    room, shown = MOST_LINES, []
    for file in found.files:
        hunks = []
        for hunk in file.hunks:
            if part := hunk[:room]:
                hunks.append(part)
                room -= len(part)
        shown.append(Shown(file.path, hunks))
    return shown


def _count(found: Difference) -> int:
    return sum(file.left_out + sum(map(len, file.hunks)) for file in found.files)


# --- by hand ----------------------------------------------------------------------------------------------------


@require_GET
def edit(request: HttpRequest, pk: str) -> HttpResponse:
    """The files to be edited by hand: what was typed and could not be kept, else `?version=`, else the current ones."""
    program = access.program_of(request, pk)
    asked = request.GET.get("version", "")
    if program.current is None:
        return access.gone()
    if unkept := _unkept(program):
        note = "This is what you typed. It was not kept, because the check was not finished."
        return _form(request, program, list(unkept.files.items()), base=_number(unkept.base), note=note)
    source = _version(program, _whole(asked)) if asked else program.current
    return _form(request, program, list(source.files.items()), base=program.current.number)


@require_POST
def keep(request: HttpRequest, pk: str) -> HttpResponse:
    """A version of the person's own hand. Whatever refuses it gives the typed text back."""
    program = access.program_of(request, pk)
    if program.current is None:
        return access.gone()
    gone = set(request.POST.getlist("remove"))
    pairs = list(zip(request.POST.getlist("path"), request.POST.getlist("text"), strict=False))
    number = _whole("".join(request.POST.getlist("base")[-1:]))
    try:
        kept = [pair for at, pair in enumerate(pairs) if str(at) not in gone]
        files = files_by_hand(kept, program.current.files)
        once = request.POST.get("once", "") or uuid.uuid4().hex
        jobs.edit(program, files=files, base=number, once=once, address=limits.address_of(request))
    except jobs.Enough as said:
        again = _form(request, program, pairs, base=number, gone=gone, wrong=said.sentence, status=429)
        return later(again, said)
    except (NotKept, jobs.NotNow) as problem:
        return _form(request, program, pairs, base=number, gone=gone, wrong=str(problem), status=422)
    return redirect(program)


def _unkept(program: Program) -> Job | None:
    """The last Job, when it was to keep the person's files and ended without doing so."""
    last = program.jobs.select_related("base").order_by("-pk").first()
    return last if last and last.files and last.is_over and not hasattr(last, "version") else None


def _form(
    request: HttpRequest, program: Program, pairs: list[tuple[str, str]], *, base: int, gone: set[str] | None = None,
    wrong: str = "", note: str = "", status: int = 200,
) -> HttpResponse:  # fmt: skip
    rows = [
        {
            "path": path,
            "text": text,
            "height": min(26, max(4, text.count("\n") + 2)),
            "gone": str(at) in (gone or ()),
        }
        for at, (path, text) in enumerate(pairs)
        if path or text
    ]
    context = {
        "program": program,
        "rows": rows,
        "base": base,
        "now": _number(program.current),
        "once": uuid.uuid4().hex,
        "wrong": wrong,
        "note": note,
        "busy": jobs.busy(program) and not wrong,
        "too_long": sum(len(text) for _, text in pairs) > MOST_TYPED,
    }
    piece = request.htmx and status == 200  # type: ignore[attr-defined]
    return render(request, f"studio/{'_' if piece else ''}edit.html", context, status=status)


def _whole(text: str) -> int:
    """The number of a version that an address or a form names; -1, which no version has, for what is none."""
    return int(text) if text.isdecimal() and len(text) < 10 else -1


def _number(version: Version | None) -> int:
    return version.number if version else 0


def _version(program: Program, number: int) -> Version:
    found = program.versions.select_related("job__base").filter(number=number).first()
    return found if found else access.gone()
