"""What one holder of a Job says of it, on its way to the writer."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from vibe import events

if TYPE_CHECKING:
    from vibe.live.feed import Feed


class Line:
    """What one holder of a Job says of it. Nothing is written any more once its lease is somebody else's.

    `next` is the number of its next event, known since the lease was taken. Safe to use from many threads.
    """

    def __init__(
        self,
        feed: "Feed",
        job_id: int,
        owner: str,
        after: int,
        on_lost: Callable[[], None],
        on_broken: Callable[[], None],
    ) -> None:
        self.job_id, self.owner, self.next = job_id, owner, after + 1
        self.waiting: list[events.Event] = []
        self.tried = 0  # so many of them, the first, may be stored as they are: nothing is added to them
        self.lost = False
        self.not_before = 0.0  # seconds of time.monotonic(): a line that failed alone rests alone
        self.failed = 0  # tries in a row that were in vain although the database took what others said
        self.on_lost, self.on_broken = on_lost, on_broken
        self._feed = feed

    def append(self, event: events.Event) -> None:
        """Queue one event; a delta that continues the one before it becomes one row with it."""
        self._feed.append(self, event)

    def flush(self, seconds: float | None = None) -> bool:
        """Wait until everything queued is stored, however long the database is away. False: it is not, and the lease
        is lost or `seconds` are over."""
        return self._feed.flush(self, seconds)

    def close(self) -> None:
        self._feed.close(self)
