"""The making, beside the pages or apart from them: a Celery worker of threads, the sweep that forgets nothing, and the
housekeeping."""

import logging
import threading
import time
from collections.abc import Callable

from django.conf import settings
from django.db import close_old_connections, connections

from vibe import housekeeping, jobs, perform, worker
from vibe.celery import app as celery_app
from vibe.live import presence
from vibe.live.bell import control
from vibe.models.away import is_away
from vibe.perform.elsewhere import Boxes

logger = logging.getLogger("vibe.making")

AT_ONCE = 8  # threads mostly wait for a model; boxes queue for the two cores anyway
REAP_EVERY_S = 30
HOUSE_EVERY_S = 2  # how often it is asked what of the housekeeping is due
SWEEP_S = 1.0
SOON_S = 0.02  # after the end of a lease, which is then over by every clock of this machine
HELD_UP_S = 3.0  # a sweep that is later than this could not reach the database, or the machine slept
STUCK_S = 30.0  # hands free, Jobs in the line, and none was taken: this process no longer works


class Making:
    """`start` it once, `end` it once; what is being made goes back into the line.

    `on_stuck` is called when this process takes nothing any more although it could (whoever watches it starts another).
    """

    def __init__(self, at_once: int = AT_ONCE, on_stuck: Callable[[], None] = lambda: None) -> None:
        self.at_once = at_once
        self._on_stuck = on_stuck
        self._swept = time.time()
        self._held_up_since: float | None = None
        self._patient_until = 0.0  # so long has a holder to extend its lease, who was held up as we were
        self._watchdog = Watchdog()
        self._ending = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep_on, name="vibe-sweep", daemon=True)
        self._keeper = threading.Thread(target=self._keep_house, name="vibe-house", daemon=True)
        self._boxer = threading.Thread(target=self._look_after_boxes, name="vibe-boxes", daemon=True)
        self._consumer: threading.Thread | None = None
        self._passed_over: set[int] = set()
        self._spares: list[threading.Thread] = []
        self._boxes = None if settings.EMBEDDED else Boxes(settings.CONFIG.redis_url, perform.engine())
        self.swept = float("-inf")  # when the sweep was last done, by time.monotonic()

    def start(self) -> None:
        control.listen()
        worker.attended_at_once(self.at_once)
        self._consume()
        self._sweeper.start()
        self._keeper.start()
        self._boxer.start()

    def _consume(self) -> None:
        # WorkController, not Worker: it sets no signal handlers, which only the main thread could.
        controller = celery_app.WorkController(
            pool_cls="threads",
            concurrency=self.at_once,
            without_mingle=True,
            without_gossip=True,
            without_heartbeat=True,
        )
        self._consumer = threading.Thread(target=controller.start, name="vibe-celery", daemon=True)
        self._consumer.start()

    def end(self) -> None:
        import celery.worker.state

        self._ending.set()
        worker.leave()
        celery.worker.state.should_stop = 0
        if self._consumer:
            self._consumer.join(1.5)
            self._sweeper.join(2)

    def _sweep_on(self) -> None:
        pause = SWEEP_S
        while not self._ending.wait(pause):
            pause = SWEEP_S
            try:
                close_old_connections()  # a database that was restarted is asked over a new connection
                self._sweep()
                self.swept = time.monotonic()
                pause = self._pause()
            except Exception as problem:  # a database that is away must not end the sweep
                if is_away(problem):
                    logger.warning("sweep failed, trying again: %s", str(problem).strip())
                else:
                    logger.exception("sweep failed, trying again")

    def _pause(self) -> float:
        """Seconds until the next sweep: a lost worker's Jobs are found when their lease ends, not up to a second later."""
        ends = jobs.next_end()
        if ends is None:
            return SWEEP_S
        if self._held_up_since is not None:
            ends = max(ends, self._patient_until)
        if ends < self._swept:  # somebody has its row locked: it is no sooner free for being asked for
            return SWEEP_S
        return min(SWEEP_S, max(SOON_S, ends - time.time() + SOON_S))

    def _look_after_boxes(self) -> None:
        """Beside the sweep, too: an engine that went silent keeps whoever asks it waiting for a minute."""
        last_reap = 0.0
        while not self._ending.wait(1.0):
            try:
                if self._boxes:
                    self._boxes.say()
                if time.monotonic() - last_reap > REAP_EVERY_S:
                    last_reap = time.monotonic()
                    if not perform.engine().available():
                        perform.engine().reap()
            except Exception:  # whatever it was: it is asked again
                logger.exception("the engine could not be asked, trying again")

    def _keep_house(self) -> None:
        """Beside the sweep, not in it: a chore may take seconds, and a lost worker's Job must not wait for it."""
        keeper = housekeeping.Keeper()
        while not self._ending.wait(HOUSE_EVERY_S):
            keeper.turn()

    def _sweep(self) -> None:
        free = max(0, self.at_once - worker.busy())
        now = time.time()  # which goes on while a laptop sleeps
        if not 0 <= now - self._swept <= HELD_UP_S:
            # A clock may have been set back; and who was held up twice had no time in between.
            self._held_up_since = min(self._swept, now, self._held_up_since or now)
            self._patient_until = now + jobs.LEASE_S
        elif now >= self._patient_until:
            self._held_up_since = None
        jobs.sweep(wake=free, held_up_since=self._held_up_since)
        queued = jobs.queued(background=worker.room_for_background())  # what this process would take
        presence.say(worker.OWNER)
        self._swept = now  # when it began: it may itself have waited for a locked database
        if self._consumer and not self._consumer.is_alive():
            logger.error("the consumer of wake-up messages ended, starting another")
            self._consume()
        self._spares = [thread for thread in self._spares if thread.is_alive()]
        # What is in the line for a second sweep, with hands free: its wake-up was lost, or the broker is away.
        if free > len(self._spares) and self._passed_over & queued:
            spare = threading.Thread(target=_work, name="vibe-spare", daemon=True)
            self._spares.append(spare)
            spare.start()
        self._passed_over = queued
        if self._watchdog.is_stuck(queued if free else set(), time.monotonic()):
            logger.critical(
                "%s Jobs wait, hands are free and none is taken: this process is stuck", len(queued)
            )
            self._on_stuck()


class Watchdog:
    """Told once a second what waits while hands are free. What waits for STUCK_S of such seconds is taken by nobody."""

    def __init__(self) -> None:
        self._since: dict[int, float] = {}

    def is_stuck(self, waiting: set[int], now: float) -> bool:
        self._since = {pk: self._since.get(pk, now) for pk in waiting}
        stuck = any(now - since > STUCK_S for since in self._since.values())
        if stuck:
            self._since = {}  # and if nobody heeds it, it is said again in a while
        return stuck


def _work() -> None:
    try:
        worker.work()
    finally:
        connections.close_all()
