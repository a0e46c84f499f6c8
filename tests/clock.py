"""A clock whose hour does not turn: what is counted by the hour and by the day begins anew then, in the middle of a test."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone

real = timezone.now


def within_the_hour_of(began: datetime) -> Callable[[], datetime]:
    """The time as it is until this hour (of UTC, as days are) is over; from then on its last moment."""
    last = began.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1, microseconds=-1)
    return lambda: min(real(), last)
