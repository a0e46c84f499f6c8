"""Names of uploads as they were sent. Django cleans some and drops others before a form sees them, and tells nobody."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParser
from django.utils.datastructures import ImmutableList

from vibe.forms import MAX_BODY
from vibe.views.errors import too_large

Next = Callable[[HttpRequest], HttpResponse]


class _Parser(MultiPartParser):
    """Remembers each name as it came; a name of which nothing is left becomes "file" instead of losing the file."""

    def __init__(self, *args: Any, sent: list[tuple[str, str]]) -> None:
        super().__init__(*args)
        self._sent = sent

    def sanitize_file_name(self, file_name: str) -> str:
        kept = super().sanitize_file_name(file_name) or "file"
        self._sent.append((file_name, kept))
        return kept


class UploadsMiddleware:
    """Before the CSRF check, which is the first to read a form. `request.names_sent`: [(as sent, as kept)]."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdecimal() or len(length) > 15 or int(length) > MAX_BODY:
            return too_large(request)
        sent: list[tuple[str, str]] = []
        request.names_sent = sent  # type: ignore[attr-defined]

        def parse(meta: Any, data: Any) -> Any:
            request.upload_handlers = ImmutableList(
                request.upload_handlers, warning="The upload was read already."
            )
            return _Parser(meta, data, request.upload_handlers, request.encoding, sent=sent).parse()

        request.parse_file_upload = parse  # type: ignore[method-assign]
        return self.get_response(request)
