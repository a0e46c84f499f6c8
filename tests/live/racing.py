"""A process that claims Jobs as fast as it can, some at a time, in many threads; what it won is printed as JSON. See
test_apart.py."""

import json
import os
import sys
import threading

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vibe.settings")

import django

django.setup()

from django.db import connections  # noqa: E402  after the set-up

from vibe import jobs  # noqa: E402


def race(owner: str, at_once: int, won: list[tuple[int, str | None]], go: threading.Event) -> None:
    go.wait()
    misses = 0
    while misses < 20:
        claimed = jobs.claim_several(owner, at_once)
        won += [(job.pk, job.program_id) for job in claimed]
        misses += not claimed
    connections.close_all()


won: list[tuple[int, str | None]] = []
go = threading.Event()
threads = [threading.Thread(target=race, args=(f"{sys.argv[1]}-{n}", n + 1, won, go)) for n in range(6)]
for thread in threads:
    thread.start()
go.set()
for thread in threads:
    thread.join()
print(json.dumps(won))
