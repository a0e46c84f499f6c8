"""One program on a whole screen, in its sealed frame: a look that waits to be picked, or a version of before."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from vibe import keepsakes
from vibe.live import unchecked
from vibe.models import Program, Version
from vibe.views import access, tools


@require_GET
def of_job(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """A candidate that the person may take; when the question is answered, the workbench has it."""
    job = access.job_of(request, pk)
    assert job.program
    looks = unchecked.looks(job)
    if not 0 < number <= len(looks):
        return redirect(job.program)
    context: dict[str, Any] = {"job": job, "program": job.program, "looks": looks, "look": looks[number - 1]}
    return render(request, "studio/look.html", context)


@require_GET
@cache_control(private=True, max_age=3600)
def shot_of_job(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    job = access.job_of(request, pk)
    looks = unchecked.looks(job)
    if not 0 < number <= len(looks):
        raise Http404
    return tools.as_picture(keepsakes.shots.of(job, looks[number - 1].files))


@require_GET
def of_version(request: HttpRequest, pk: str, number: int) -> HttpResponse:
    """A version as it is, without going back to it; a tool is used where it is current, and nowhere else."""
    program = access.program_of(request, pk)
    version = _version(program, number)
    if version.is_tool:
        return redirect(program)
    return render(request, "studio/look.html", {"program": program, "version": version})


@require_GET
@cache_control(private=True, max_age=3600)
def shot_of_version(request: HttpRequest, pk: str, number: int) -> HttpResponse:
    return tools.picture(_version(access.program_of(request, pk), number))


def _version(program: Program, number: int) -> Version:
    found = program.versions.filter(number=number).first()
    return found if found else access.gone()
