"""The database is away: restarted, locked by somebody else, or its disk is full. Such trouble passes, so it is waited for.

What else a database refuses (a value, a doubled key, a missing table) does not pass and is nobody's to wait for.
"""

import errno
import logging
import time
from collections.abc import Callable
from typing import TypeVar

from django.db import InterfaceError, OperationalError, close_old_connections

logger = logging.getLogger(__name__)

T = TypeVar("T")
PAUSES_S = (0.1, 1.0)  # between two tries: the first pause, the longest
FULL = "The disk of this machine is full, so I can’t keep anything new. What you made is safe. As soon as there is room I go on by myself."
AWAY = "I can’t reach my database right now. What you made is safe, and I go on by myself when it is back. Try again in a moment."
FROZE = "25P03"  # idle_in_transaction_session_timeout (vibe/apps.py): this process was frozen, and PostgreSQL let go
# SQLite has one class for all that goes wrong while a statement runs, a missing table among it.
_PASSES = ("locked", "full", "disk i/o", "unable to open", "readonly")


def is_away(problem: BaseException | None) -> bool:
    """Whether this passes by itself: no database answers, somebody else has it, or there is no room on the disk."""
    if isinstance(problem, OSError):
        return is_full(problem)
    if problem and getattr(problem.__cause__, "sqlstate", "") == FROZE:
        return True
    if not isinstance(problem, OperationalError | InterfaceError):
        return False
    if type(problem.__cause__).__module__.startswith("sqlite3"):
        return any(word in str(problem).lower() for word in _PASSES)
    return True


def is_full(problem: BaseException | None) -> bool:
    if isinstance(problem, OSError):
        return problem.errno in (errno.ENOSPC, errno.EDQUOT)
    said = str(problem).lower()
    return isinstance(problem, OperationalError) and ("disk is full" in said or "no space left" in said)


def sentence(problem: BaseException | None) -> str:
    """What a person is told who wanted something meanwhile."""
    return FULL if is_full(problem) else AWAY


def patiently(act: Callable[[], T], given_up: Callable[[], bool] = lambda: False) -> T:
    """What `act` returns, done again until the database is back. It must be harmless to do twice.

    Raises what came when `given_up()` says so, and at once what does not pass.
    """
    pause = PAUSES_S[0]
    while True:
        try:
            return act()
        except Exception as problem:
            if not is_away(problem) or given_up():
                raise
            logger.warning("the database is away, trying again: %s", str(problem).strip())
            time.sleep(pause)
            pause = min(PAUSES_S[1], 2 * pause)
            close_old_connections()
