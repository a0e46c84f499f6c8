from vibe.limits.asked import (
    count_maker,
    count_making,
    count_run,
    done_today,
    forget,
    look,
    look_files,
    near,
    of,
    of_day,
)  # fmt: skip
from vibe.limits.counters import SOON_S, Enough, What

__all__ = [
    "SOON_S", "Enough", "What", "count_maker", "count_making", "count_run", "done_today", "forget", "look",
    "look_files", "near", "of", "of_day",
]  # fmt: skip
