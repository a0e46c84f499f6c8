"""Which network address a request came from: what the limits of addresses are held against."""

import logging
from functools import cache

from django.conf import settings
from django.http import HttpRequest

from vibe import addresses

logger = logging.getLogger("vibe.addresses")


def address_of(request: HttpRequest) -> str:
    """The block of network addresses that it came from; never stored as it is."""
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
