"""The server of pages and sockets: daphne in this thread until the process is told to end."""

import signal
import socket
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from vibe.forms import MAX_BODY
from vibe.management.door import limit_bodies
from vibe.management.heap import keep_for_good


def cannot_listen(host: str, port: int) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as problem:
            return f"Port {port} cannot be used ({problem.strerror}). Choose another: VIBE_PORT=8001 make run"
    return ""


def serve_pages(hosts: list[str], port: int) -> None:
    from daphne.endpoints import build_endpoint_description_strings
    from daphne.server import Server
    from twisted.internet import reactor

    limit_bodies(MAX_BODY)
    server = Server(
        application=import_string(settings.ASGI_APPLICATION),
        endpoints=[e for host in hosts for e in build_endpoint_description_strings(host=host, port=port)],
        signal_handlers=False,
        websocket_timeout=86_400,
        ping_interval=20,
        ping_timeout=30,
        verbosity=0,
    )

    def end(*_: Any) -> None:
        reactor.callFromThread(reactor.stop)  # type: ignore[attr-defined]

    # Twisted leaves SIGINT alone when it is inherited as ignored (a shell's background job), so these are ours.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    keep_for_good()
    server.run()
