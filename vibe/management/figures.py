"""The figures of a worker, which has no pages: a port of its own for /metrics and /healthz, where VIBE_METRICS asks."""

import hmac
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.conf import settings

from vibe import standing
from vibe.live import presence
from vibe.standing import NO

Start = Callable[[str, list[tuple[str, str]]], Any]


def serve_figures() -> "WSGIServer | None":
    """Begin to serve in a thread, if an address is set. Raises OSError when it cannot be had."""
    if settings.CONFIG.metrics_at is None:
        return None
    host, port = settings.CONFIG.metrics_at
    server = make_server(host, port, answer, _Server, _Quiet)
    threading.Thread(target=server.serve_forever, name="vibe-figures", daemon=True).start()
    return server


def answer(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    status, kind, body = "404 Not Found", "text/plain; charset=utf-8", b"/metrics and /healthz are here\n"
    if environ["PATH_INFO"] == "/healthz":
        alive = bool(presence.here())
        status, body = (
            ("200 OK", b"ok\n") if alive else ("503 Service Unavailable", b"it has not swept for 15 s\n")
        )
    elif environ["PATH_INFO"] == "/metrics":
        if _may_read(environ):
            kind, body = standing.page(environ.get("HTTP_ACCEPT", ""), standing.WORKER)
            status = "200 OK"
        else:
            status, body = "403 Forbidden", NO.encode()
    start(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


def _may_read(environ: dict[str, Any]) -> bool:
    """As with the pages, but no proxy stands before this port: it is not for one."""
    if token := settings.CONFIG.metrics_token:
        said = environ.get("HTTP_AUTHORIZATION", "")
        return hmac.compare_digest(said.encode(), f"Bearer {token}".encode())
    return standing.near(environ["REMOTE_ADDR"]) and "HTTP_X_FORWARDED_FOR" not in environ


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    timeout = 10  # seconds: who says nothing holds no thread

    def log_message(self, *_: Any) -> None:
        pass

    def address_string(self) -> str:
        return str(self.client_address[0])
