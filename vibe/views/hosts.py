"""Which host is asked? The app's own, the content origin's (another URLconf, no session, no cookie), or a stranger's.

It stands before all middleware that answers, so that a request to the content origin meets nothing else of the app.
"""

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from vibe.views.content import content_reply
from vibe.views.metrics import metrics

Next = Callable[[HttpRequest], HttpResponse]


class HostsMiddleware:
    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response
        self.app = urlsplit(settings.VIBE_ORIGIN)
        content = urlsplit(settings.VIBE_CONTENT_ORIGIN.replace("{card}", "CARD")).netloc
        self.before, _, self.after = content.partition("CARD")

    def __call__(self, request: HttpRequest) -> HttpResponse:
        host = request.META.get("HTTP_HOST", "").lower()
        if host == self.app.netloc.lower():
            return self._app(request)
        if (
            not settings.SINGLE_ORIGIN
            and host.endswith(self.after.lower())
            and host.startswith(self.before.lower())
        ):
            label = host[len(self.before) : len(host) - len(self.after)]
            if label and "." not in label:
                request.page = "content"  # type: ignore[attr-defined]  for whoever counts
                return content_reply(request, label)
        if request.path == "/metrics":  # monitors come by names that no page has: views/metrics.py judges
            request.page = "metrics"  # type: ignore[attr-defined]
            return metrics(request)
        name, _, port = host.rpartition(":")
        if name in {"127.0.0.1", "[::1]"} and port == str(self.app.port or 80):
            if request.path in {"/healthz", "/readyz"}:
                return self.get_response(request)
            if request.method in {"GET", "HEAD"} and request.path.startswith(
                "/"
            ):  # the sealed frames belong to one address of ours only
                return HttpResponseRedirect(settings.VIBE_ORIGIN + request.get_full_path())
        return HttpResponse("This is not the address of this Vibe.", status=421, content_type="text/plain")

    def _app(self, request: HttpRequest) -> HttpResponse:
        site = request.META.get("HTTP_SEC_FETCH_SITE", "")
        if request.method not in {"GET", "HEAD", "OPTIONS"} and site in {"cross-site", "same-site"}:
            return HttpResponse(
                "This came from another site, so it was not done.", status=403, content_type="text/plain"
            )
        return self.get_response(request)
