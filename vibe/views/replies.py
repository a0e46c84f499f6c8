"""How a command answers: a plain form is sent on to a page, htmx hears that it was done."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme

from vibe.limits import Enough


def done(request: HttpRequest, to: str) -> HttpResponse:
    """204 for htmx (the socket brings what changed), else 303-like redirect to `to`."""
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse(status=204)
    return redirect(to)


def go(request: HttpRequest, to: str) -> HttpResponse:
    """On to another page, for a plain form and for htmx alike."""
    if request.htmx:  # type: ignore[attr-defined]
        return HttpResponse(status=204, headers={"HX-Redirect": to})
    return redirect(to)


def later(reply: HttpResponse, said: Enough) -> HttpResponse:
    """When to come again, for machines; people read it in the sentence."""
    reply["Retry-After"] = str(said.retry_s)
    return reply


def back(request: HttpRequest, fallback: str) -> str:
    """The page that the form stood on, when it is one of ours."""
    came = request.META.get("HTTP_REFERER", "")
    if came and url_has_allowed_host_and_scheme(came, {request.get_host()}):
        return came
    return fallback
