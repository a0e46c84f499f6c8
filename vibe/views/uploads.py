"""Uploads on their way in: their names as they were sent, which Django cleans or drops and tells nobody, and whether there
is room for them. Where there is none their bytes are passed over, and the words of the form are read all the same.
"""

from collections.abc import Callable
from typing import Any

from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParser
from django.utils.datastructures import ImmutableList

from vibe import limits
from vibe.forms import MAX_BODY
from vibe.views.errors import bad_request, too_large
from vibe.views.makers import maker_of

SMALL = 2_500_000  # bytes that Django keeps in memory anyway
AROUND = 500_000  # of a body that large, what is words and headers at the most

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


class _PassOver(FileUploadHandler):
    """Keeps no byte of any file."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        return None

    def file_complete(self, file_size: int) -> None:
        return None


def room_for_files(request: HttpRequest) -> None:
    """Raises the limits.Enough for which the files of this request were passed over."""
    if said := request.no_room:  # type: ignore[attr-defined]
        raise said


def _no_room(request: HttpRequest, size: int) -> limits.Enough | None:
    try:
        limits.look_files(maker_of(request), limits.address_of(request), size)
    except limits.Enough as said:
        return said
    return None


class UploadsMiddleware:
    """Before the CSRF check, which is the first to read a form. `request.names_sent`: [(as sent, as kept)];
    `request.no_room`: why files were passed over, None where they were not."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Else Python's slowest codecs can be named, of which one takes half an hour for two megabytes.
        if (request.encoding or "utf-8").lower() not in {"utf-8", "utf8"}:
            return bad_request(request)
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdecimal() or len(length) > 15 or int(length) > MAX_BODY:
            return too_large(request)
        sent: list[tuple[str, str]] = []
        request.names_sent, request.no_room = sent, None  # type: ignore[attr-defined]

        def parse(meta: Any, data: Any) -> Any:
            size = int(length)
            if size > SMALL and (said := _no_room(request, size - AROUND)):
                request.no_room = _no_room(request, size) or said  # type: ignore[attr-defined]
                request.upload_handlers = [_PassOver(request)]
            request.upload_handlers = ImmutableList(
                request.upload_handlers, warning="The upload was read already."
            )
            return _Parser(meta, data, request.upload_handlers, request.encoding, sent=sent).parse()

        request.parse_file_upload = parse  # type: ignore[method-assign]
        return self.get_response(request)
