"""Who is it? A maker is a random id in the session. Reading makes none: the first POST does."""

import base64

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from vibe import limits, logs
from vibe.models import Maker
from vibe.models.maker import random_id


def maker_of(request: HttpRequest) -> Maker | None:
    """The maker of this browser, or None when it has never made anything."""
    pk = request.session.get("maker")
    logs.note(maker=pk)
    return Maker.objects.filter(pk=pk).first() if pk else None


def sure_maker(request: HttpRequest) -> Maker:
    """The maker of this browser, made now if need be (only ever called by a POST). Raises limits.Enough."""
    if maker := maker_of(request):
        return maker
    with transaction.atomic():  # who is refused leaves nothing
        maker, new = Maker.objects.get_or_create(pk=_first_id(request))
        if new:
            limits.count_maker(limits.address_of(request))
    request.session["maker"] = maker.pk
    return maker


def _first_id(request: HttpRequest) -> str:
    """22 characters, 128 bits, like any maker's. A form that is pressed twice before its first answer is there comes
    twice without a session: both are one person. They are known by the secret of this browser's cookie and the key of
    the form together, so whoever has learned or planted one of the two is nobody's double."""
    secret, once = request.COOKIES.get(settings.CSRF_COOKIE_NAME), request.POST.get("once")
    if not secret or not once:
        return random_id()
    seed = salted_hmac("vibe.views.makers", f"{secret}:{once}", algorithm="sha256").digest()
    return base64.urlsafe_b64encode(seed[:16]).decode().rstrip("=")
