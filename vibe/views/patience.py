"""A limit that no view answered for is a page that says so, never a broken one."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from vibe.limits import Enough
from vibe.views.errors import enough


class PatienceMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, problem: Exception) -> HttpResponse | None:
        return enough(request, problem) if isinstance(problem, Enough) else None
