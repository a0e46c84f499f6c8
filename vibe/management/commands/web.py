"""The pages and sockets alone; `work` makes what they ask for, in as many processes as wanted (DESIGN §9)."""

import logging
import os
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandParser

from vibe import logs
from vibe.live import feed
from vibe.management.pages import cannot_listen, serve_pages


class Command(BaseCommand):
    help = "Serve the pages and sockets alone. Needs REDIS_URL, and `manage.py work` elsewhere."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="Address to listen on (127.0.0.1).")
        parser.add_argument("--port", type=int, default=settings.CONFIG.port, help="Port (VIBE_PORT, 8000).")

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        trouble = NO_REDIS if settings.EMBEDDED else cannot_listen(host, port)
        if trouble:
            self.stderr.write(trouble)
            raise SystemExit(1)
        settings.SANDBOX_ENGINE = "vibe.perform.elsewhere.Elsewhere"  # no engine is reached from here
        self.stdout.write(f"The pages of {settings.VIBE_ORIGIN}/ are at {host}:{port}")
        self.stdout.flush()
        logs.take_over()
        try:
            serve_pages([host], port)
        finally:
            feed.stop()
            logging.shutdown()
            os._exit(0)  # Twisted's pool threads are not daemons; all that counts is written


NO_REDIS = (
    "REDIS_URL is not set, so pages and making cannot be apart: `manage.py serve` does both in one process."
)
