"""One picture of a film: for the maker of its version, and for whoever holds the link of an open card that shows it."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET

from vibe import cards, films
from vibe.generation.film import PNG
from vibe.models import Version
from vibe.views import access


@require_GET
@cache_control(private=True, max_age=3600)
def of_version(request: HttpRequest, pk: str, number: int, run: str, frame: int) -> HttpResponse:
    version = access.program_of(request, pk).versions.filter(number=number).defer("files", "shot").first()
    return _picture(version, run, frame)


@require_GET
@cache_control(private=True, max_age=60)  # a link that is revoked is gone from a browser's memory, too
def of_card(request: HttpRequest, token: str, run: str, frame: int) -> HttpResponse:
    """Pages ask for it with the number of the version, so that a card that moved on is not shown from memory."""
    card = cards.find(token)
    return _picture(card.version if card else None, run, frame)


def _picture(version: Version | None, run: str, frame: int) -> HttpResponse:
    data = films.frame(version, run, frame)
    if data is None:
        raise Http404
    return HttpResponse(
        data,
        headers={
            "Content-Type": "image/png" if data.startswith(PNG) else "image/jpeg",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )
