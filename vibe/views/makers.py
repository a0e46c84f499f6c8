"""Who is it? A maker is a random id in the session. Reading makes none: the first POST does."""

from django.http import HttpRequest

from vibe import limits, logs
from vibe.models import Maker


def maker_of(request: HttpRequest) -> Maker | None:
    """The maker of this browser, or None when it has never made anything."""
    pk = request.session.get("maker")
    logs.note(maker=pk)
    return Maker.objects.filter(pk=pk).first() if pk else None


def sure_maker(request: HttpRequest) -> Maker:
    """The maker of this browser, made now if need be (only ever called by a POST). Raises limits.Enough."""
    if maker := maker_of(request):
        return maker
    limits.count_maker(limits.address_of(request))
    maker = Maker.objects.create()
    request.session["maker"] = maker.pk
    return maker
