"""The Jobs that this process holds: their leases are extended each second, Stop reaches them, a leaving worker lets go."""

import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import close_old_connections

from vibe import jobs, metrics
from vibe.live import feed
from vibe.live.bell import control
from vibe.models import Job
from vibe.models.away import is_away, patiently
from vibe.perform import Performer, engine

logger = logging.getLogger(__name__)

OWNER = f"{socket.gethostname()[:16]}-{os.getpid()}-{secrets.token_hex(4)}"


@dataclass(eq=False)
class Attended:
    """One claim of a Job by this process. A lease that ran out may be claimed again here: then there are two."""

    job: Job
    owner: str
    cancelled: threading.Event = field(default_factory=threading.Event)
    lost: bool = False  # the lease is somebody else's now
    parting: bool = False  # the lease is given up by ourselves: the row may name us no longer
    leaving: bool = False  # this worker ends; the Job goes back into the line
    broken: bool = False  # what it says cannot be stored
    performer: Performer | None = None
    line: feed.Line = field(init=False)

    def __post_init__(self) -> None:
        self.line = feed.open_(self.job.pk, self.owner, on_lost=self.lose, on_broken=self.break_)

    def lose(self) -> None:
        if not self.lost and not self.parting:
            metrics.leases_lost.inc()
        self.lost = True
        self.cancelled.set()

    def part(self, move: Callable[[], bool]) -> bool:
        """Give the lease up by `move`, which says whether it was still ours. Waits for a database that is away."""
        self.parting = True
        given = patiently(move, lambda: self.lost)
        if not given:
            self.parting = False
            self.lose()
        return given

    def break_(self) -> None:
        self.broken = True
        self.cancelled.set()


attended: dict[str, Attended] = {}  # by the name of the claim
_lock = threading.Lock()
leaving = threading.Event()  # this process takes no more Jobs
_hands = 8
_soon = threading.Event()  # the heart is to beat at once
_heart: threading.Thread | None = None


def busy() -> int:
    """How many Jobs this process attends to."""
    return len(attended)


def attended_at_once(hands: int) -> None:
    """How many Jobs this process attends to at once: whoever starts its threads says so."""
    global _hands
    _hands = hands


def hands() -> int:
    """How many that may be: this many hands, and no Job more however many are lent."""
    return _hands


def for_background(hands: int) -> int:
    """How many of so many: a quarter of them stays free for what somebody waits for at this moment."""
    return hands - hands // 4


def room_for_background() -> bool:
    return busy() < for_background(_hands)


def hold(job: Job) -> Attended:
    """Hold a claimed Job from here on."""
    start_heart()
    one = Attended(job, job.lease_owner)
    with _lock:
        attended[one.owner] = one
    return one


def let_go(one: Attended) -> None:
    with _lock:
        attended.pop(one.owner, None)


def leave(seconds: float = 4.0) -> None:
    """This worker ends: hand back what it holds and wait until that is done."""
    leaving.set()
    with _lock:
        for one in attended.values():
            one.leaving = True
            one.cancelled.set()
    until = time.monotonic() + seconds
    while attended and time.monotonic() < until:
        time.sleep(0.02)
    engine().close()


def stop(job_id: int) -> None:
    """Called by the bell when a person pressed Stop."""
    with _lock:
        for one in attended.values():
            if one.job.pk == job_id:
                one.cancelled.set()


def replan(job_id: int) -> None:
    """Called by the bell when a person changed the plan while it is being written. The heart looks what became of it:
    whoever rings has no time for the database, and may ring late or twice."""
    with _lock:
        if any(one.job.pk == job_id for one in attended.values()):
            _soon.set()


control.on_stop(stop)
control.on_replan(replan)


def start_heart() -> None:
    """Extend the leases of this process from here on; started once."""
    global _heart
    with _lock:
        if _heart is None or not _heart.is_alive():
            _heart = threading.Thread(target=_beat_for_ever, name="vibe-heart", daemon=True)
            _heart.start()


def _beat_for_ever() -> None:
    while True:
        _soon.wait(1.0)
        _soon.clear()
        if not attended:
            continue
        try:
            close_old_connections()
            beat()
        except Exception as problem:  # a database that is away must not end the heart
            if is_away(problem):
                logger.warning("could not extend leases: %s", str(problem).strip())
            else:
                logger.exception("could not extend leases")


def beat() -> None:
    """Extend the leases of this process once, and hear what was asked of its Jobs. Raises what the database raises."""
    with _lock:
        held = dict(attended)
    if not held:
        return
    standing = jobs.beat({name: one.job.pk for name, one in held.items()})
    for name, one in held.items():
        stop_asked, replanned = standing.get(name, (False, False))
        if name not in standing and name in attended and not one.parting:
            one.lose()  # it ran out (a laptop slept): somebody else may be at it already
        elif stop_asked:
            one.cancelled.set()
        if replanned and one.performer:
            one.performer.look_for_change()
