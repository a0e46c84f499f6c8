"""What a process counts of itself, for Prometheus. What the database knows is read when it is asked for: standing.py.

Every label has few values, all of them ours or an operator's: no id, no address, nothing that a visitor typed. Where
a name is free (a model's), the first MOST_NAMES are told apart and the rest is "other".
"""

import threading

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

MOST_NAMES = 30
LONGEST_NAME = 60
QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
SLOW = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 900)

registry = CollectorRegistry()
ProcessCollector(registry=registry)
GCCollector(registry=registry)


class Names:
    """Keeps a label that others choose from growing without end."""

    def __init__(self, most: int = MOST_NAMES) -> None:
        self._most = most
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def label(self, name: str) -> str:
        """`name`, printable and cut short, or "other" when it is one too many."""
        short = "".join(c if c.isprintable() else "?" for c in name[:LONGEST_NAME]) or "none"
        with self._lock:
            if short not in self._known:
                if len(self._known) >= self._most:
                    return "other"
                self._known.add(short)
        return short


def _counter(name: str, about: str, *labels: str) -> Counter:
    return Counter(f"vibe_{name}", about, labels, registry=registry)


def _histogram(name: str, about: str, *labels: str, buckets: tuple[float, ...] = QUICK) -> Histogram:
    return Histogram(f"vibe_{name}", about, labels, buckets=buckets, registry=registry)


jobs_claimed = _counter("jobs_claimed", "Jobs that a worker took from the line.", "kind")
jobs_ended = _counter("jobs_ended", "Jobs that a worker carried to an end.", "kind", "state")
jobs_requeued = _counter("jobs_requeued", "Jobs that lost their worker and were queued again.")
leases_lost = _counter("leases_lost", "Claims that ran out or were taken by another while their worker lived.")
job_faults = _counter("job_faults", "Jobs that failed by a fault of ours, with a reference number.")
verdicts = _counter("versions", "Versions made, by what the checks found.", "verdict")

model_calls = _counter("model_calls", "Calls to a model.", "model", "outcome")
model_tokens = _counter("model_tokens", "Tokens that were paid for.", "model", "direction")
model_cost = _counter("model_cost_usd", "What calls cost, where the price is known, in US dollars.", "model")
model_seconds = _histogram("model_call_seconds", "From asking to the last word.", "model", buckets=SLOW)
model_names = Names()

box_runs = _counter("box_runs", "Runs in sealed boxes, by how they ended.", "image", "ended")
box_seconds = _histogram("box_run_seconds", "A run, its wait included.", "image", buckets=SLOW)
box_wait = _histogram("box_wait_seconds", "Waiting in line for a place.", "image")

events_written = _counter("events_written", "Rows of the log.")
events_merged = _counter("events_merged", "Deltas that became part of a row that waited already.")
log_seconds = _histogram("log_write_seconds", "One transaction of the log: all Jobs of one tick.")
log_retries = _counter("log_batches_retried", "Batches that failed and were written Job by Job.")
bells_lost = _counter("bells_lost", "Announcements that did not arrive; the log is read instead.", "why")

sockets = Gauge("vibe_sockets", "Open sockets of this process.", registry=registry)
sockets_refused = _counter("sockets_refused", "Sockets that were closed at once.", "why")
frames_sent = _counter("frames_sent", "Frames sent to browsers.", "format")
replays = _counter(
    "replays", "Reads of the log for one socket, which was further behind than the memory reaches."
)

requests = _counter("http_requests", "Pages and posts.", "method", "page", "status")
request_seconds = _histogram("http_request_seconds", "From the request to the reply.", "page")
