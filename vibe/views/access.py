"""One gate a noun: what is not yours is not there. Unknown and foreign look alike."""

from typing import NoReturn

from django.http import Http404, HttpRequest

from vibe import logs
from vibe.models import Card, Job, Program, Run


def program_of(request: HttpRequest, pk: str) -> Program:
    return _mine(Program.objects.select_related("current", "maker").filter(pk=pk), request)


def card_of(request: HttpRequest, pk: str) -> Card:
    return _mine(Card.objects.select_related("version", "program").filter(pk=pk), request)


def job_of(request: HttpRequest, pk: int) -> Job:
    return _mine(Job.objects.select_related("program").filter(pk=pk), request)


def run_of(request: HttpRequest, pk: str) -> Run:
    rows = Run.objects.select_related("version__program", "card", "job").filter(pk=pk)
    return _mine(rows, request, owner="visitor_id")


def _mine(rows, request: HttpRequest, owner: str = "maker_id"):  # type: ignore[no-untyped-def]
    maker = request.session.get("maker")
    logs.note(maker=maker)
    row = rows.filter(**{owner: maker}).first() if maker else None
    if row is None:
        raise Http404
    return row


def gone() -> NoReturn:
    raise Http404
