"""What a browser may keep: pages of a person are not stored, and a staff log-in ends after half a day."""

import time
from collections.abc import Callable

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.http import HttpRequest, HttpResponse

Next = Callable[[HttpRequest], HttpResponse]
LOGIN_S = 12 * 3600
_SINCE = "login_at"


class PrivateMiddleware:
    """`Cache-Control: private, no-store` on every reply that does not say otherwise itself."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        reply = self.get_response(request)
        reply.headers.setdefault("Cache-Control", "private, no-store")
        return reply


class LoginMiddleware:
    """Before AuthenticationMiddleware. The session itself lives a year: it is the key to a maker's own cards, so
    only the log-in within it is forgotten."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        session = request.session
        if session.session_key and SESSION_KEY in session:
            now = time.time()
            if _SINCE not in session:
                session[_SINCE] = now
            elif now - session[_SINCE] > LOGIN_S:
                for name in (SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY, _SINCE):
                    session.pop(name, None)
                session.cycle_key()
        elif _SINCE in session:
            del session[_SINCE]
        return self.get_response(request)
