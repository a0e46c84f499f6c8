"""The sealed documents: one view, no session, no cookie. Unknown, faded and revoked look alike."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_GET

from vibe import cards, sealed
from vibe.generation.bundle import bundle
from vibe.live import unchecked
from vibe.models import Card

DRAFT = "draft"
GONE = "<!doctype html><meta charset=utf-8><title>Not here</title><p>There is nothing at this address."


def content_reply(request: HttpRequest, label: str) -> HttpResponse:
    """The answer of the content origin to any request for host `label`."""
    if request.method not in {"GET", "HEAD"} or request.path != "/":
        return _gone()
    return document(request, label)


@xframe_options_exempt  # its own policy says who may frame it
@require_GET
def sealed_page(request: HttpRequest, seal: str) -> HttpResponse:
    """The same document in single-origin mode: sound because its reply carries the sandbox policy itself."""
    return document(request, seal) if settings.SINGLE_ORIGIN else _gone()


def document(request: HttpRequest, seal: str) -> HttpResponse:
    if seal == DRAFT:
        headers = sealed.draft_headers(settings.VIBE_ORIGIN, single_origin=settings.SINGLE_ORIGIN)
        return HttpResponse(sealed.draft_document(), headers=headers)
    version = cards.by_seal(seal)
    found = unchecked.by_seal(seal) if version is None else None
    if (version is None or version.is_tool) and found is None:
        return _gone()
    if request.META.get("HTTP_SEC_FETCH_DEST", "iframe") not in {"iframe", "frame"}:
        # Opened directly it shows the card page, so that the banner is always seen.
        card = Card.objects.filter(seal=seal).first()
        return HttpResponseRedirect(settings.VIBE_ORIGIN + (card.get_absolute_url() if card else "/"))
    if version is not None:
        page = bundle(version.files, title=version.program.title)
    else:
        assert found
        page = bundle(found[1])
    headers = sealed.document_headers(settings.VIBE_ORIGIN, single_origin=settings.SINGLE_ORIGIN)
    return HttpResponse(page.document, headers=headers)


def _gone() -> HttpResponse:
    headers = sealed.document_headers(settings.VIBE_ORIGIN, single_origin=settings.SINGLE_ORIGIN)
    return HttpResponse(GONE, status=404, headers=headers)
