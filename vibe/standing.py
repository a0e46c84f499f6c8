"""How things stand, asked for when somebody looks: the line and the ledger in the database, boxes, live workers.

A look costs QUERIES queries whatever there is, and ends after LONGEST_S: a monitor must not be what slows us down. What
could not be told in time is left out, and `vibe_database_up` says so.
"""

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address, ip_network

from django.db import Error, connection, transaction
from django.db.models import Count, Min
from django.utils import timezone
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder

from vibe import metrics, perform
from vibe.choices import JobState
from vibe.jobs import HELD
from vibe.live import presence
from vibe.models import Job
from vibe.models.allowance import SITE, DayTally

NO = (
    "These figures are for this machine. From elsewhere, or where a proxy stands before it: set VIBE_METRICS_TOKEN and "
    "send it as a bearer token.\n"
)
LONGEST_S = 2.0
QUERIES = 3
# Named one by one: Python's is_private holds some that are routed.
NEAR = [
    ip_network(net)
    for net in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1", "fc00::/7")
]
_asking = threading.Lock()  # two that look at once do not ask twice as much at once


def near(address: str) -> bool:
    """Whether it is of this machine or of a private network. Raises ValueError for what is no address."""
    return any(ip_address(address) in network for network in NEAR)


class Boxes:
    """Of this process; nothing before it opened its first."""

    def collect(self) -> Iterable[Metric]:
        now = perform.standing()
        if now is None:
            return
        boxes = GaugeMetricFamily("vibe_boxes", "Sealed boxes now.", labels=["image", "state"])
        for image, count in now.ready.items():
            boxes.add_metric([image, "ready"], count)
        boxes.add_metric(["any", "running"], now.running)
        boxes.add_metric(["any", "waited for"], now.waiting)
        yield boxes
        asked = CounterMetricFamily("vibe_pool", "Runs that found a box ready, or did not.", labels=["found"])
        asked.add_metric(["hit"], now.hits)
        asked.add_metric(["miss"], now.misses)
        yield asked


class Database:
    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("vibe_database_up", "Whether the database told all of this in time.")
        found: list[Metric] = []
        began = time.monotonic()
        try:
            with _asking, within(LONGEST_S):
                for ask in (_line, _used, _ended):  # the dearest at last
                    found += ask()
            up.add_metric([], 1)
        except Error:
            up.add_metric([], 0)
        yield up
        yield GaugeMetricFamily("vibe_database_look_seconds", "What this look took.", time.monotonic() - began)
        yield from found


class Workers:
    def collect(self) -> Iterable[Metric]:
        count = presence.workers()
        if count is not None:
            yield GaugeMetricFamily("vibe_workers", "Workers that lived in the last 15 seconds.", count)


def _line() -> list[Metric]:
    rows = Job.objects.filter(state__in=HELD).order_by().values("state")
    open_ = {row["state"]: row for row in rows.annotate(n=Count("pk"), oldest=Min("created"))}
    jobs = GaugeMetricFamily("vibe_jobs", "Jobs that are not over, by state.", labels=["state"])
    for state in HELD:
        jobs.add_metric([state.value], open_[state]["n"] if state in open_ else 0)
    oldest = open_[JobState.QUEUED]["oldest"] if JobState.QUEUED in open_ else None
    waits = (timezone.now() - oldest).total_seconds() if oldest else 0.0
    return [
        jobs,
        GaugeMetricFamily(
            "vibe_queue_oldest_seconds", "How long ago the oldest Job in the line was asked for.", waits
        ),
    ]


def _ended() -> list[Metric]:
    rows = Job.objects.exclude(state__in=HELD).order_by().values_list("state").annotate(n=Count("pk"))
    over = GaugeMetricFamily("vibe_jobs_over", "Jobs that are over and kept, by state.", labels=["state"])
    for state, count in rows:
        over.add_metric([state], count)
    return [over]


def _used() -> list[Metric]:
    row = DayTally.objects.filter(day=timezone.now().date(), who=SITE).first() or DayTally()
    return [
        GaugeMetricFamily("vibe_used_today_usd", "Spent by the site today (UTC).", row.used_micro / 1e6),
        GaugeMetricFamily("vibe_used_today_tokens", "Tokens of the site today (UTC).", row.used_tokens),
    ]


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """What is asked inside ends after `seconds`, with a DatabaseError."""
    connection.ensure_connection()
    if connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(int(seconds * 1000))])
            yield
        return
    until = time.monotonic() + seconds
    raw = connection.connection
    raw.set_progress_handler(lambda: time.monotonic() > until, 20_000)
    try:
        yield
    finally:
        raw.set_progress_handler(None, 0)


class _All:
    """What a look shows: what was counted, and how things stand."""

    def __init__(self, *parts: object) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        for part in self._parts:
            yield from part.collect()  # type: ignore[attr-defined]


WORKER = _All(metrics.registry, Boxes())
PAGES = _All(metrics.registry, Boxes(), Workers(), Database())


def page(accept: str, shows: _All = PAGES) -> tuple[str, bytes]:
    """(content type, text) in the form that the asker understands best."""
    encode, kind = choose_encoder(accept)
    return kind, encode(shows)  # type: ignore[arg-type]
