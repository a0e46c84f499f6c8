"""The server of pages and sockets: daphne in this thread until the process is told to end."""

import contextlib
import resource
import signal
import socket
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from vibe.forms import MAX_BODY
from vibe.management.door import limit_bodies
from vibe.management.heap import keep_for_good

FILES = 65_536  # open ones, where the system sets no limit


def cannot_listen(host: str, port: int) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as problem:
            return f"Port {port} cannot be used ({problem.strerror}). Choose another: VIBE_PORT=8001 make run"
    return ""


def allow_open_files() -> None:
    """As many as this machine lets us have: a socket is one, and each file of an upload while its form is read, of which
    one visitor sends hundreds. The usual 1024 are gone with a few forms, and then no page is answered."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # a system that allows less than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES if most == resource.RLIM_INFINITY else most, most))


def serve_pages(hosts: list[str], port: int) -> None:
    from daphne.endpoints import build_endpoint_description_strings
    from daphne.server import Server
    from twisted.internet import reactor

    allow_open_files()
    limit_bodies(MAX_BODY)
    server = Server(
        application=import_string(settings.ASGI_APPLICATION),
        endpoints=[e for host in hosts for e in build_endpoint_description_strings(host=host, port=port)],
        signal_handlers=False,
        request_buffer_size=1 << 20,  # bytes of a body that are handed on as one piece
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
