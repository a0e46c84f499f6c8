"""Which boxes nobody will come for any more. The rule alone: engines list and remove, the pool and the sweep call them.

A box ends itself when its owner dies (StdinOnce, AutoRemove). That does not cover a box that was created and never
started, nor one that outlived a restart of the engine; a box past its deadline has an owner that lost count.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sandbox.sealing import LABEL

NEWBORN_S = 60.0  # between being created and being started


def overdue(rows: Iterable[Mapping[str, Any]], now: float) -> list[str]:
    """The ids, of the engine's list of our boxes (GET /containers/json), that are to be removed, whatever their owner.

    `now` is in seconds since the epoch, as are the engine's `Created` and our deadline.
    """
    gone = []
    for row in rows:
        try:
            deadline = float(row["Labels"].get(f"{LABEL}.deadline", 0))
        except ValueError:
            deadline = 0.0
        lifeless = row["State"] not in ("running", "paused", "restarting")
        if now > deadline or (lifeless and now - row["Created"] > NEWBORN_S):
            gone.append(str(row["Id"]))
    return gone
