"""The admin's own Content-Security-Policy: Django's scripts there carry no nonce, so this site's files may run."""

from collections.abc import Callable

from csp.constants import SELF
from django.http import HttpRequest, HttpResponse


class AdminScriptsMiddleware:
    """Stands inside CSPMiddleware. Only `script-src` differs, and only where Django's admin answers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        reply = self.get_response(request)
        if request.resolver_match and "admin" in request.resolver_match.app_names:
            reply._csp_replace = {"script-src": [SELF]}  # type: ignore[attr-defined]
        return reply
