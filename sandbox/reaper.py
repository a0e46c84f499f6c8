"""Which boxes nobody will come for any more. The rule alone: engines list and remove, the pool and the sweep call them.

A box ends itself when its owner dies (StdinOnce, AutoRemove), and one that was only created is met by the owner's janitor.
Left are: what an owner left that died together with its janitor, what outlived a restart of the engine, and a box past its
deadline, whose owner lost count.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sandbox.sealing import LABEL

NEWBORN_S = 60.0  # between being created and being started, of an owner that may live


def overdue(rows: Iterable[Mapping[str, Any]], now: float, over: Callable[[str], bool]) -> list[str]:
    """The ids, of the engine's list of our boxes (GET /containers/json), that are to be removed, whatever their owner.

    `now` is in seconds since the epoch, as are the engine's `Created` and our deadline. `over` says of a life whether it
    ended for certain (sandbox.life).
    """
    gone = []
    for row in rows:
        labels = row["Labels"]
        try:
            deadline = float(labels.get(f"{LABEL}.deadline", 0))
        except ValueError:
            deadline = 0.0
        lifeless = row["State"] not in ("running", "paused", "restarting")
        if (
            now > deadline
            or (lifeless and now - row["Created"] > NEWBORN_S)
            or over(labels.get(f"{LABEL}.life", ""))
        ):
            gone.append(str(row["Id"]))
    return gone
