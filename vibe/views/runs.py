"""One run of a tool: its result, live, for the visitor who started it and nobody else."""

from typing import Any
from urllib.parse import quote

from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET

from vibe import results
from vibe.live import feed
from vibe.live.fragments import around
from vibe.live.timeline import fold
from vibe.views import access, tools


@require_GET
def show(request: HttpRequest, pk: str) -> HttpResponse:
    run = access.run_of(request, pk)
    timeline = fold(feed.whole(run.job_id))
    card = run.card if run.card and run.card.is_open else None
    program = run.version.program
    mine = program.maker_id == run.visitor_id
    closed: dict[str, Any] = {} if card or mine else {"spec": None, "closed": True}
    return tools.show(
        request,
        run.version,
        card,
        title=card.title if card else run.card.title if run.card and not mine else program.title,
        back=program.get_absolute_url() if mine else "",
        given=run.values,
        job=run.job,
        timeline=timeline,
        **around(run.job, timeline),
        **closed,
    )


@require_GET
def file(request: HttpRequest, pk: str, number: int) -> HttpResponseBase:
    """A file of a run. Only pictures are ever shown in place; all else is a download, whatever it calls itself."""
    run = access.run_of(request, pk)
    row = run.files.filter(pk=number, made=True).first()
    if row is None or not row.path.exists():
        return access.gone()
    kind = "" if request.GET.get("save") else results.picture_type(row)
    reply = FileResponse(row.path.open("rb"), content_type=kind or "application/octet-stream")
    name = "".join(c if c.isalnum() or c in " ._-()" else "_" for c in row.name.rsplit("/", 1)[-1]) or "file"
    how = "inline" if kind else "attachment"
    reply["Content-Disposition"] = f"{how}; filename*=UTF-8''{quote(name)}"
    reply["Content-Security-Policy"] = "default-src 'none'; sandbox"
    reply["Cache-Control"] = "private, no-store"
    return reply
