"""A worker whose hands take nothing, as one whose consumer hangs: python -m tests.reliability.stuck. See test_parts_die.py."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.reliability.settings")

import django

django.setup()

from django.core.management import call_command  # noqa: E402  after the set-up

from vibe.management import making  # noqa: E402

making.STUCK_S = 2.0
making.Making._consume = lambda self: None  # type: ignore[method-assign]
making._work = lambda: None
call_command("work")
