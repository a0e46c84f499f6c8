"""Deletes what nobody can reach any more, now; `serve` does the same by itself."""

from typing import Any

from django.core.management import BaseCommand

from vibe import housekeeping


class Command(BaseCommand):
    help = "Delete what nobody can reach any more: faded programs, files of runs, leftovers. Safe to run at any time."

    def handle(self, *args: Any, **options: Any) -> None:
        for name, count in housekeeping.keep_house().items():
            self.stdout.write(f"  {count:>8}  {name}")
