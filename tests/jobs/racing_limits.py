"""A process that asks for more than there is, in many threads; what it was given is printed. See test_racing_limits.py.

python -m tests.jobs.racing_limits NAME ROUND NOW   in the hour of NOW, which does not turn meanwhile
"""

import json
import os
import sys
import threading
from collections import Counter
from datetime import datetime

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vibe.settings")

import django

django.setup()

from django.db import connections  # noqa: E402  after the set-up
from django.utils import timezone  # noqa: E402

from tests.clock import within_the_hour_of  # noqa: E402
from vibe import jobs, limits, remix  # noqa: E402
from vibe.models import Card, Maker  # noqa: E402

THREADS, TIMES = 4, 2
WHO, ROUND = sys.argv[1], sys.argv[2]
given: Counter[str] = Counter()
refused: set[str] = set()


def begin(maker, once, address="", uploads=()):
    size = sum(len(data) for _, chunks in uploads for data in chunks)
    wish = {"description": once, "shape": "auto", "autonomy": "make", "effort": "quick", "once": once}
    jobs.begin(maker, **wish, uploads=uploads, address=address, size=size)


def everything(name):
    """Each of it for one limit, of which the others are wide enough."""
    own, shared = Maker.objects.create(), Maker.objects.get(pk="racer")
    card = Card.objects.get(maker="racer")  # not one of the copies
    return {
        "jobs of one maker": lambda n: begin(shared, f"{name}-{n}"),
        "jobs of an address": lambda n: begin(own, f"a-{name}-{n}", "192.0.2.1"),
        "bytes of an address": lambda n: begin(own, f"b-{name}-{n}", "192.0.2.2", [("a.csv", [b"x" * 1_000_000])]),
        "runs of a card": lambda n: jobs.run(card.version, own, values={}, files={}, once=f"{name}-{n}", card=card),
        "copies of an address": lambda n: remix.remix(card, own, f"{name}-{n}", address="192.0.2.3"),
        "makers of an address": lambda n: limits.count_maker("192.0.2.4"),
        "passwords of an address": lambda n: limits.count_password("192.0.2.5"),
    }  # fmt: skip


def line(name):
    own, card = Maker.objects.create(), Card.objects.get(maker="racer")
    return {
        "places in the line": lambda n: begin(own, f"l-{name}-{n}"),
        "places in the line, too": lambda n: jobs.run(card.version, own, values={}, files={}, once=f"l-{name}-{n}"),
    }  # fmt: skip


def race(thread: int) -> None:
    name = f"{WHO}-{thread}"
    tries = line(name) if ROUND == "line" else everything(name)
    gate.wait()
    for n in range(TIMES):
        for what, ask in tries.items():
            try:
                ask(n)
            except limits.Enough as said:
                refused.add(said.sentence)
            else:
                given[what] += 1
    connections.close_all()


timezone.now = within_the_hour_of(datetime.fromisoformat(sys.argv[3]))
gate = threading.Barrier(THREADS, timeout=60)
threads = [threading.Thread(target=race, args=(n,)) for n in range(THREADS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps({"given": given, "refused": sorted(refused)}))
