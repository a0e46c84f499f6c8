"""A command of a terminal: set up, do, leave; what it exits with is a contract (DESIGN §4).

Lines of the log would stand in the middle of what it prints, so they go to a file under var/ unless VIBE_LOG asks for
them.
"""

import os
from abc import ABC, abstractmethod
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command

from vibe import logs, worker
from vibe.live import feed
from vibe.management import screen
from vibe.management.private import keep_private

OUR_FAULT = 3


class TerminalCommand(ABC, BaseCommand):
    """`work` does it and gives the exit code; whatever it raises is ours, and exits with OUR_FAULT."""

    umask = 0o022  # that was in force before

    @abstractmethod
    def work(self, o: dict[str, Any]) -> int: ...

    def handle(self, *args: Any, **o: Any) -> None:
        self.umask = keep_private(settings.VAR)
        log = settings.VAR / "terminal.log"
        with logs.aside(None if os.environ.get("VIBE_LOG") else log):
            try:
                call_command("migrate", interactive=False, verbosity=0)
                code = self.work(o)
            except CommandError:
                raise
            except Exception as problem:  # the terminal's one seam
                if o["verbosity"] > 1:
                    raise
                self.complain(f"Something of ours is broken: {type(problem).__name__}: {problem}")
                code = OUR_FAULT
            finally:
                worker.leave(2)
                feed.stop()
        if code == OUR_FAULT and log.exists():
            self.complain(f"What our log says about it stands in {log}.")
        raise SystemExit(code)

    def say(self, text: str) -> None:
        self.stdout.write(screen.plain(text))
        self.stdout.flush()

    def complain(self, text: str) -> None:
        self.stderr.write(screen.plain(text))
