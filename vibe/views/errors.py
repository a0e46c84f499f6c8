"""Error pages: what happened, what became of the work, how it goes on."""

import sys
from collections.abc import Callable
from typing import Any

from django.db import DataError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from vibe.limits import Enough
from vibe.models.away import is_away, is_full, sentence
from vibe.views.replies import later

Next = Callable[[HttpRequest], HttpResponse]


def _page(request: HttpRequest, status: int, art: str, title: str, words: str) -> HttpResponse:
    return render(request, "error.html", {"art": art, "title": title, "words": words}, status=status)


def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _page(
        request, 400, "blank", "I couldn’t read that", "Nothing was changed. Go back and try it again."
    )


def forbidden(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _page(
        request, 403, "blank", "This page was open too long",
        "To be safe I didn’t do what it asked. Go back, reload the page and try again. What you typed is still there.",
    )  # fmt: skip


def csrf(request: HttpRequest, reason: str = "") -> HttpResponse:
    return forbidden(request)


def too_large(request: HttpRequest) -> HttpResponse:
    return _page(
        request, 413, "blank", "That is more than I can take at once",
        "Add at most 300 files, 25 MB each and 100 MB in all. Go back: your words are still there.",
    )  # fmt: skip


def enough(request: HttpRequest, said: Enough) -> HttpResponse:
    """Where no form of its own can say it."""
    if request.htmx:  # type: ignore[attr-defined]
        reply = render(request, "home/_wrong.html", {"lines": [said.sentence]}, status=429)
    else:
        reply = _page(request, 429, "blank", "Not just now", said.sentence)
    return later(reply, said)


def not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return _page(
        request, 404, "blank", "There is nothing here",
        "The address may be mistyped, or what was here belongs to another browser. Your own cards are on your shelf.",
    )  # fmt: skip


def broken(request: HttpRequest) -> HttpResponse:
    problem = sys.exc_info()[1]
    if is_away(problem):
        return _away(request, problem)
    return _page(
        request, 500, "blank", "Something on my side broke",
        "What you made is safe. Go back and try again in a moment.",
    )  # fmt: skip


def _away(request: HttpRequest, problem: BaseException | None) -> HttpResponse:
    """The database is away, or the disk full. A form that htmx sent says the sentence in its own place (once.js)."""
    if request.headers.get("HX-Request"):
        reply = HttpResponse(sentence(problem), status=503, content_type="text/plain; charset=utf-8")
    else:
        title = "There is no room left" if is_full(problem) else "One moment, please"
        words = f"{sentence(problem)} Go back: what you typed is still there."
        reply = _page(request, 503, "blank", title, words)
    reply["Retry-After"] = "5"
    return reply


class DataErrorMiddleware:
    """What a database cannot take (PostgreSQL: a NUL in an address or a field) is no fault of ours, nor a 500."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return bad_request(request) if isinstance(exception, DataError) else None
