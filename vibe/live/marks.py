"""Marks: how the page of a Job stood some events ago, so that who comes back is not told by folding its log from the start.

The fold leaves one every EVERY events, and of each Job so many stay that the nearest is no farther from a page than the
page is behind: what it missed takes time, and how long its Job has run takes none. A mark is the sum of stored events, so none is ever wrong;
what is gone (too many bytes, an hour, a process that ended) is folded again.
"""

import copy
import threading
import time
from collections import OrderedDict

from vibe.live.timeline import Timeline

EVERY = 500  # events
BYTES = 8 * 1024 * 1024  # of all Jobs together, about
STALE_S = 3600.0  # the deltas of a Job that is over for days are merged: no mark may lie between them


class Marks:
    """Called from the server's loop and from threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, list[tuple[float, Timeline]]] = OrderedDict()  # by Job, the oldest first
        self._size = 0

    def pass_by(self, job_id: int, timeline: Timeline) -> None:
        """`timeline` has been folded up to its number: leave a mark if it is time for one."""
        if timeline.seq < EVERY:
            return
        with self._lock:
            kept = self._kept.get(job_id, [])
            if kept and timeline.seq - kept[-1][1].seq < EVERY:
                return
            self._forget(job_id)
            self._kept[job_id] = _thinned([*kept, (time.monotonic(), copy.deepcopy(timeline))])
            self._size += sum(_size(one) for _, one in self._kept[job_id])
            while self._size > BYTES:
                self._forget(next(iter(self._kept)))

    def before(self, job_id: int, seq: int) -> Timeline:
        """The nearest that is known of up to number `seq`, the caller's own: the rest is to be folded into it."""
        with self._lock:
            fresh = [one for at, one in self._kept.get(job_id, ()) if time.monotonic() - at < STALE_S]
            found = next((one for one in reversed(fresh) if one.seq <= seq), None)
            if found:
                self._kept.move_to_end(job_id)
            return copy.deepcopy(found) if found else Timeline()

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._size = 0

    def _forget(self, job_id: int) -> None:
        self._size -= sum(_size(one) for _, one in self._kept.pop(job_id, ()))


def _thinned(kept: list[tuple[float, Timeline]]) -> list[tuple[float, Timeline]]:
    """Without those between two of which the older is at most twice as far from the newest as the younger."""
    newest = kept[-1][1].seq
    stay = kept[:1]
    for at, mark in enumerate(kept[1:-1], 1):
        older, younger = newest - stay[-1][1].seq, newest - kept[at + 1][1].seq
        if older > 2 * younger:
            stay.append(mark)
    return [*stay, *kept[1:][-1:]]


def _size(timeline: Timeline) -> int:
    """Bytes, about."""
    return 20_000 + len(timeline.said) + len(timeline.output) + sum(len(file.text) for file in timeline.files)


marks = Marks()
