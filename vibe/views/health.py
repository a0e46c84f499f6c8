"""For machines that watch: alive, and ready. No session, no cookie."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from vibe import health


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is asked."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """503 when no page could be shown; with `?all`, when anything is amiss.

    Redis and the workers do not count unasked: every web process would leave its proxy at once, and people would lose
    the pages, which go on without either.
    """
    strict, lines, ready = "all" in request.GET, [], True
    for part in health.parts():
        ready &= part.works or not (part.vital or strict)
        mark = "ok" if part.works else "NO" if part.vital else "!!"
        lines.append(f"{mark}  {part.name}: {part.sentence}\n")
    head = "ready\n" if ready else "not ready\n"
    reply = HttpResponse(head + "".join(lines), status=200 if ready else 503, content_type="text/plain")
    reply.headers["Cache-Control"] = "no-store"
    return reply
