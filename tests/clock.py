"""A clock whose hour does not turn: what is counted by the hour and by the day begins anew then, in the middle of a test."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone

END = timedelta(seconds=10)
real = timezone.now


def within_the_hour_of(began: datetime) -> Callable[[], datetime]:
    """The time as it is, but for the END of this hour (of UTC, as days are): that goes ever slower and is never over."""
    slows = began.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1) - END

    def now() -> datetime:
        moment = real()
        into = (moment - slows) / END
        return slows + END * (into / (1 + into)) if into > 0 else moment

    return now
