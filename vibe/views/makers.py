"""Who is it, and from where? A maker is a random id in the session. Reading makes none: the first POST does."""

import logging
from functools import cache

from django.conf import settings
from django.http import HttpRequest

from vibe import addresses, limits, logs
from vibe.models import Maker

logger = logging.getLogger("vibe.addresses")


def maker_of(request: HttpRequest) -> Maker | None:
    """The maker of this browser, or None when it has never made anything."""
    pk = request.session.get("maker")
    logs.note(maker=pk)
    return Maker.objects.filter(pk=pk).first() if pk else None


def sure_maker(request: HttpRequest) -> Maker:
    """The maker of this browser, made now if need be (only ever called by a POST). Raises limits.Enough."""
    if maker := maker_of(request):
        return maker
    limits.count_maker(address_of(request))
    maker = Maker.objects.create()
    request.session["maker"] = maker.pk
    return maker


def address_of(request: HttpRequest) -> str:
    """The block of network addresses that it came from; never stored as it is (limits)."""
    forwarded, proxies = request.META.get("HTTP_X_FORWARDED_FOR", ""), settings.CONFIG.proxies
    if forwarded and not proxies and not settings.LOCAL_ONLY:
        _warn()
    return addresses.block_of(request.META.get("REMOTE_ADDR") or "", forwarded, proxies)


@cache
def _warn() -> None:
    """Once in a process."""
    logger.warning(
        "A proxy says whom it speaks for, and VIBE_PROXIES is 0: every visitor counts as one network address. "
        "Set it to the number of proxies in front."
    )
