"""Around every request: it gets a name in the log, and is counted by page, never by address."""

import secrets
import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from vibe import logs, metrics

Next = Callable[[HttpRequest], HttpResponse]
METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})


class RequestMiddleware:
    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with logs.about(request=secrets.token_hex(4)):
            began, status = time.monotonic(), 500
            try:
                reply = self.get_response(request)
                status = reply.status_code
                return reply
            finally:
                request.about = logs.here()  # type: ignore[attr-defined]
                page = _page(request)
                method = request.method if request.method in METHODS else "other"
                metrics.requests.labels(method, page, str(status)).inc()
                metrics.request_seconds.labels(page).observe(time.monotonic() - began)


def _page(request: HttpRequest) -> str:
    """The name of the address in urls.py; there are as many values as there are names."""
    match = request.resolver_match
    if match is None:
        return str(getattr(request, "page", "static" if request.path.startswith("/static/") else "none"))
    return "admin" if match.namespaces else match.url_name or "none"
