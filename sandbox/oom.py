"""Whether the kernel killed in a box for want of memory, by what the engine remembers of it."""

import threading
import time
from datetime import datetime
from typing import Any

HEARS_S = 1.5  # an engine may hear of it after the stream has ended: so long it is asked


def ran_out(api: Any, identity: str, cancelled: threading.Event) -> bool:
    """Ask the engine's API (docker-py's) about this box, until it knows, or a stop comes. Raises what the API raises."""
    asked_until = time.monotonic() + HEARS_S
    ahead = (
        datetime.fromisoformat(str(api.info()["SystemTime"])).timestamp() - time.time()
    )  # the engine's own clock
    wanted = {"container": identity, "event": "oom"}
    while True:
        # Of what was up to now: an engine that is asked for what comes holds the line until then.
        told = list(api.events(since=0, until=f"{time.time() + ahead:.9f}", filters=wanted))
        if any(line.strip() for line in told):  # through a gate nothing is one empty line
            return True
        if time.monotonic() >= asked_until or cancelled.wait(0.1):
            return False
