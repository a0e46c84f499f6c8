from vibe.limits.asked import (
    count_maker,
    count_making,
    count_run,
    count_wrong_password,
    done_today,
    forget,
    look,
    look_files,
    look_passwords,
    near,
    of,
    of_day,
)  # fmt: skip
from vibe.limits.counters import SOON_S, Enough, What
from vibe.limits.visitors import address_of

__all__ = [
    "SOON_S", "Enough", "What", "address_of", "count_maker", "count_making", "count_run", "count_wrong_password", "done_today", "forget", "look",
    "look_files", "look_passwords", "near", "of", "of_day",
]  # fmt: skip
