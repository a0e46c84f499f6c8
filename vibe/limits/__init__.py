from vibe.limits.asked import (
    count_maker,
    count_making,
    count_password,
    count_run,
    done_today,
    forget,
    forget_password,
    look,
    look_files,
    near,
    of,
    of_day,
)  # fmt: skip
from vibe.limits.counters import SOON_S, Enough, What
from vibe.limits.visitors import address_of

__all__ = [
    "SOON_S", "Enough", "What", "address_of", "count_maker", "count_making", "count_password", "count_run", "done_today", "forget", "forget_password", "look",
    "look_files", "near", "of", "of_day",
]  # fmt: skip
