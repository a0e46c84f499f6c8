"""The sealed documents: one view, no session, no cookie. Unknown, faded and revoked look alike."""

import threading
from collections import OrderedDict

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_GET

from vibe import cards, sealed
from vibe.generation.bundle import bundle
from vibe.live import unchecked
from vibe.models import Card, Version

DRAFT = "draft"
GONE = "<!doctype html><meta charset=utf-8><title>Not here</title><p>There is nothing at this address."


class Documents:
    """The documents that were opened last, at most `room` bytes of them: a Version never changes, so they do not."""

    def __init__(self, room: int = 64_000_000) -> None:
        self.room, self.size = room, 0
        self._kept: OrderedDict[tuple[int, str, str], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, version: Version) -> bytes:
        key = (version.pk, version.seal, version.program.title)
        with self._lock:
            if (made := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return made
        made = bundle(version.files, title=version.program.title).document.encode("utf-8", "replace")
        with self._lock:
            self.size += len(made) - len(self._kept.pop(key, b""))
            self._kept[key] = made
            while self.size > self.room and self._kept:
                _, gone = self._kept.popitem(last=False)
                self.size -= len(gone)
        return made


_documents = Documents()


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
    # Opened directly it shows the card page, so that the banner is always seen. Browsers say how they open it only
    # over https and on this machine: elsewhere the document sees it itself and asks for `?card` (generation/bundle/shim.js).
    if request.META.get("HTTP_SEC_FETCH_DEST", "iframe") not in {"iframe", "frame"} or "card" in request.GET:
        card = Card.objects.filter(seal=seal).first()
        return HttpResponseRedirect(settings.VIBE_ORIGIN + (card.get_absolute_url() if card else "/"))
    headers = sealed.document_headers(settings.VIBE_ORIGIN, single_origin=settings.SINGLE_ORIGIN)
    if version is not None:
        return HttpResponse(_documents.of(version), headers=headers)
    assert found  # a recipe's page while it is being checked: seen a few times and gone, so not kept
    return HttpResponse(bundle(found[1]).document, headers=headers)


def _gone() -> HttpResponse:
    headers = sealed.document_headers(settings.VIBE_ORIGIN, single_origin=settings.SINGLE_ORIGIN)
    return HttpResponse(GONE, status=404, headers=headers)
