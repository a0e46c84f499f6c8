"""The making alone, in a process of its own: needs the Docker engine, the database and Redis, and no open port."""

import logging
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandParser

from vibe import logs, perform
from vibe.live import feed
from vibe.management.commands.web import NO_REDIS
from vibe.management.figures import serve_figures
from vibe.management.heap import keep_for_good
from vibe.management.making import AT_ONCE, Making
from vibe.management.private import keep_private

PULSE_S = 5.0  # the sweep comes each second; one that stands still for twice this is not alive


class Command(BaseCommand):
    help = "Make programs, in a process of its own. Needs REDIS_URL; start as many as you like, on any machine."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--at-once", type=int, default=AT_ONCE, help=f"Programs made at once ({AT_ONCE}).")
        parser.add_argument(
            "--alive", type=Path, metavar="FILE", help="Touched while the making goes on, for a health check."
        )

    def handle(self, *args: Any, at_once: int, alive: Path | None = None, **options: Any) -> None:
        if settings.EMBEDDED:
            self.stderr.write(NO_REDIS)
            raise SystemExit(1)
        keep_private(settings.VAR)
        ending = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: ending.set())
        stuck = threading.Event()

        def end_stuck() -> None:
            stuck.set()
            ending.set()

        making = Making(at_once, on_stuck=end_stuck)
        making.start()
        logs.take_over()
        try:
            serve_figures()
        except OSError as problem:
            self.stderr.write(
                f"VIBE_METRICS: this address cannot be used ({problem.strerror}). Figures are not served."
            )
        keep_for_good()
        self.stdout.write(f"Making. Sealed boxes: {perform.engine().available() or 'ready'}")
        self.stdout.flush()
        while not ending.wait(PULSE_S):
            if alive and time.monotonic() - making.swept < 2 * PULSE_S:
                alive.touch()
        making.end()
        feed.stop()
        self.stdout.write("Ended. What was being made goes on in another process.")
        self.stdout.flush()
        logging.shutdown()
        # Celery's pool threads are not daemons, so this ends them; all that counts is written. 1: start another, please.
        os._exit(1 if stuck.is_set() else 0)
