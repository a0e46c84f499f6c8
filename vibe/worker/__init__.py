"""The worker: claims Jobs, keeps their leases, drives their making and speaks their last word."""

from vibe.worker.attended import OWNER, attended_at_once, busy, leave, room_for_background
from vibe.worker.carrying import MOST_ATTEMPTS, attend, work

__all__ = [
    "MOST_ATTEMPTS",
    "OWNER",
    "attend",
    "attended_at_once",
    "busy",
    "leave",
    "room_for_background",
    "work",
]
