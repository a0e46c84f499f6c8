"""One process that is the whole product: web, live path, worker and sweep. Ctrl-C ends all but the Docker engine."""

import logging
import os
import socket
import sys
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import BaseCommand, CommandParser, call_command

from vibe import logs, models_in_use, perform
from vibe.config import overridden
from vibe.live import feed
from vibe.management.making import Making
from vibe.management.pages import cannot_listen, serve_pages
from vibe.management.private import keep_private


class Command(BaseCommand):
    help = "Serve Vibe on this machine: web and worker in one process."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, help="Port to listen on (VIBE_PORT, 8000).")
        parser.add_argument(
            "--lan", action="store_true", help="Serve phones at home too: listen on this machine's own address."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self._settle_address(options["port"], lan=options["lan"])
        hosts, port = _hosts(lan=settings.CONFIG.lan), settings.CONFIG.port
        for host in hosts:
            if trouble := cannot_listen(host, port):
                self.stderr.write(trouble)
                raise SystemExit(1)
        keep_private(settings.VAR)
        call_command("migrate", interactive=False, verbosity=0)
        making = Making()
        making.start()
        self._greet()
        logs.take_over()
        try:
            serve_pages(hosts, port)
        finally:
            making.end()
            feed.stop()
            self.stdout.write("Ended. Nothing is left running but the Docker engine.")
            self.stdout.flush()
            logging.shutdown()
            os._exit(0)  # celery's and Twisted's pool threads are not daemons; all that counts is written

    def _settle_address(self, port: int | None, *, lan: bool) -> None:
        """Settings are read from the environment before options are, so start again with what was asked for."""
        given: dict[str, str | None] = {}
        if port:
            given["VIBE_PORT"] = str(port)
        if lan and not settings.CONFIG.lan:
            given["VIBE_LAN"] = "1"
            origin = f"http://{_own_address()}:{port or settings.CONFIG.port}"
            given["VIBE_ORIGIN"] = given["VIBE_CONTENT_ORIGIN"] = origin
        env = overridden(os.environ, given)
        if env != dict(os.environ):
            sys.stdout.flush()
            os.execve(sys.executable, [sys.executable, *sys.argv], env)  # noqa: S606

    def _greet(self) -> None:
        out = self.stdout.write
        out(f"\n  Vibe is at {settings.VIBE_ORIGIN}/\n")
        if settings.CONFIG.lan:
            import segno

            segno.make(settings.VIBE_ORIGIN + "/").terminal(out=sys.stdout, compact=True)
            out("  Phones in the same network can open it. Anyone in that network can, too.\n")
        model = models_in_use.current_model()
        out(f"  Model: {model.name} at {model.base_url}" if model else f"  Model: {models_in_use.why_none()}")
        trouble = perform.engine().available()
        out(f"  Sealed boxes: {trouble or 'ready'}")
        if not get_user_model().objects.filter(is_superuser=True).exists():
            out("  Admin: make the first one with  .venv/bin/python manage.py createsuperuser")
        out("  Ctrl-C ends it.\n")
        self.stdout.flush()


def _hosts(*, lan: bool) -> list[str]:
    """What to listen on: this machine alone, or also its one address at home. Never every network it happens to be in."""
    return list(dict.fromkeys([_own_address(), "127.0.0.1"] if lan else ["127.0.0.1"]))


def _own_address() -> str:
    """This machine's address in its network. Nothing is sent: a UDP socket only picks a route."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
