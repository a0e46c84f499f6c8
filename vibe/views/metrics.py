"""/metrics: the figures of this process and of the database, in Prometheus' words. Never for the public."""

import hmac
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from vibe import standing


@require_GET
def metrics(request: HttpRequest) -> HttpResponse:
    if not may_read(request):
        return HttpResponse(standing.NO, status=403, content_type="text/plain; charset=utf-8")
    kind, body = standing.page(request.headers.get("accept", ""))
    return HttpResponse(body, content_type=kind)


def may_read(request: HttpRequest) -> bool:
    """By token where one is set. Else only who asks this machine directly by a name that no stranger could own, and
    only while the pages themselves are for this machine or this network: behind a proxy everybody looks near."""
    if token := settings.CONFIG.metrics_token:
        return hmac.compare_digest(
            request.headers.get("authorization", "").encode(), f"Bearer {token}".encode()
        )
    if any(name in request.headers for name in ("x-forwarded-for", "x-real-ip", "forwarded", "via")):
        return False
    try:
        asked = urlsplit("//" + request.META.get("HTTP_HOST", ""))
        names = [asked.hostname or "", urlsplit(settings.VIBE_ORIGIN).hostname or ""]
        return _near(request.META.get("REMOTE_ADDR", ""), alone=settings.CONFIG.lan) and all(
            map(_nobodys, names)
        )
    except ValueError:
        return False


def _near(peer: str, *, alone: bool) -> bool:
    """Loopback, or a private network; phones that may open the pages (`alone`) are not meant."""
    return ip_address(peer).is_loopback if alone else standing.near(peer)


def _nobodys(name: str) -> bool:
    """Whether no stranger can make this name lead here: an address of the house, localhost, a container's name."""
    try:
        return standing.near(name)
    except ValueError:
        return bool(name) and "." not in name
