"""Limits: how much a maker, a card, a network address and the site may cause in an hour or a day.

The only writer of Count. What is asked for is taken by one conditional UPDATE a counter, inside the transaction that
makes the row it is for: requests that race, in however many processes, never take more than the limit, and one that
comes to nothing gives back what it took. Counters are taken in one order everywhere, the site's number of Jobs last;
who holds that row is alone with the line, so that its length can be counted and kept to.
"""

from vibe.limits.asked import count_maker, count_making, count_run, forget, look, look_files, near, of
from vibe.limits.counters import SOON_S, Enough

__all__ = [
    "SOON_S",
    "Enough",
    "count_maker",
    "count_making",
    "count_run",
    "forget",
    "look",
    "look_files",
    "near",
    "of",
]
