"""The making, beside the pages or apart from them: a Celery worker of threads, the sweep that forgets nothing, and the
housekeeping."""

import logging
import threading
import time

from django.conf import settings
from django.db import close_old_connections, connections

from vibe import housekeeping, jobs, perform, worker
from vibe.celery import app as celery_app
from vibe.live.bell import control
from vibe.perform.elsewhere import Boxes

logger = logging.getLogger("vibe.making")

AT_ONCE = 8  # threads mostly wait for a model; boxes queue for the two cores anyway
REAP_EVERY_S = 30
HOUSE_EVERY_S = 10  # how often it is asked what of the housekeeping is due


class Making:
    """`start` it once, `end` it once; what is being made goes back into the line."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self.at_once = at_once
        self._ending = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep_on, name="vibe-sweep", daemon=True)
        self._keeper = threading.Thread(target=self._keep_house, name="vibe-house", daemon=True)
        self._consumer: threading.Thread | None = None
        self._passed_over: set[int] = set()
        self._spares: list[threading.Thread] = []
        self._boxes = None if settings.EMBEDDED else Boxes(settings.CONFIG.redis_url, perform.engine())
        self.swept = float("-inf")  # when the sweep was last done, by time.monotonic()

    def start(self) -> None:
        control.listen()
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
        self._sweeper.start()
        self._keeper.start()

    def end(self) -> None:
        import celery.worker.state

        self._ending.set()
        worker.leave()
        celery.worker.state.should_stop = 0
        if self._consumer:
            self._consumer.join(1.5)
            self._sweeper.join(2)

    def _sweep_on(self) -> None:
        last_reap = 0.0
        while not self._ending.wait(1.0):
            close_old_connections()  # a database that was restarted is asked over a new connection
            try:
                self._sweep()
                self.swept = time.monotonic()
                if self._boxes:
                    self._boxes.say()
                if time.monotonic() - last_reap > REAP_EVERY_S:
                    last_reap = time.monotonic()
                    if not perform.engine().available():
                        perform.engine().reap()
            except Exception:  # a locked database or a restarted engine must not end the sweep
                logger.exception("sweep failed, trying again")

    def _keep_house(self) -> None:
        """Beside the sweep, not in it: a chore may take seconds, and a lost worker's Job must not wait for it."""
        keeper = housekeeping.Keeper()
        while not self._ending.wait(HOUSE_EVERY_S):
            keeper.turn()

    def _sweep(self) -> None:
        free = max(0, self.at_once - worker.busy())
        jobs.sweep(wake=free)
        queued = jobs.queued()
        self._spares = [thread for thread in self._spares if thread.is_alive()]
        # What is in the line for a second sweep, with hands free: its wake-up was lost, or the broker is away.
        if free > len(self._spares) and self._passed_over & queued:
            spare = threading.Thread(target=_work, name="vibe-spare", daemon=True)
            self._spares.append(spare)
            spare.start()
        self._passed_over = queued


def _work() -> None:
    try:
        worker.work()
    finally:
        connections.close_all()
