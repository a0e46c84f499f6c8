"""The tail: one for each Job that is watched in this process, shared by all its sockets.

It keeps the last events in a ring. A socket has a cursor; while it is close behind it reads the ring, otherwise the
log. The bell only hurries it: without one, the log is read every three seconds.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

from vibe.live.bell import Rung, bell

RING = 512
RECHECK_S = 3.0


class Tail:
    def __init__(self) -> None:
        self.ring: deque[Rung] = deque(maxlen=RING)
        self.watchers: set[asyncio.Event] = set()

    def add(self, record: Rung) -> None:
        if self.ring and record.seq <= self.ring[-1].seq:
            return  # the bell rang twice
        if self.ring and record.seq != self.ring[-1].seq + 1:
            self.ring.clear()  # a gap: whoever needs what lies before reads the log
        self.ring.append(record)

    def after(self, seq: int) -> list[Rung] | None:
        """What follows `seq` without a gap; None when only the log knows."""
        if not self.ring or self.ring[0].seq > seq + 1:
            return None
        return [record for record in self.ring if record.seq > seq]


class Hub:
    """All tails of this process; lives on the server's loop."""

    def __init__(self) -> None:
        self.tails: dict[int, Tail] = {}

    async def join(self, job_id: int, wake: asyncio.Event) -> Tail:
        """The tail of a Job; when it comes back, what is rung from then on is in it. `leave` it whatever happens."""
        bell.listen(asyncio.get_running_loop(), self.post)
        tail = self.tails.setdefault(job_id, Tail())
        tail.watchers.add(wake)
        await bell.follow(job_id)
        return tail

    def leave(self, job_id: int, wake: asyncio.Event) -> None:
        tail = self.tails.get(job_id)
        if tail is None:
            return
        if wake not in tail.watchers:
            return
        tail.watchers.discard(wake)
        bell.unfollow(job_id)
        if not tail.watchers:
            del self.tails[job_id]

    def post(self, records: Sequence[Rung]) -> None:
        woken: set[asyncio.Event] = set()
        for record in records:
            if tail := self.tails.get(record.job):
                tail.add(record)
                woken |= tail.watchers
        for wake in woken:
            wake.set()


hub = Hub()
