"""Patience with a model: at most two more tries, only where another try can help, and never silently."""

import threading
from collections.abc import Callable

from vibe.llm.client import Client
from vibe.llm.errors import Cancelled, ModelFault
from vibe.llm.gathered import OnDelta
from vibe.llm.message import Call, Reply

MORE_TRIES = 2
LONGEST_WAIT_S = 60.0


def ask_patiently(
    client: Client,
    call: Call,
    *,
    on_delta: OnDelta | None = None,
    on_wait: Callable[[float, str], None] = lambda seconds, sentence: None,
    on_restart: Callable[[], None] = lambda: None,
    cancelled: threading.Event | None = None,
    wait: Callable[[threading.Event, float], bool] = threading.Event.wait,
) -> Reply:
    """The reply, after waiting where the provider asks for it.

    on_wait(seconds, sentence) says so before each wait; on_restart() comes before a new try when text had streamed.
    Raises ModelFault (with the sentence, and when it goes on) or Cancelled.
    """
    stop = cancelled or threading.Event()
    for attempt in range(MORE_TRIES + 1):
        try:
            return client.ask(call, on_delta=on_delta, cancelled=stop)
        except ModelFault as fault:
            pause = fault.retry_after if fault.retry_after is not None else 0.5 * 4**attempt
            if not fault.retry or attempt == MORE_TRIES:
                raise
            if pause > LONGEST_WAIT_S:
                fault.sentence += f" It can go on in about {round(pause / 60)} minutes."
                raise
            on_wait(pause, f"{fault.sentence} I try again in {max(1, round(pause))} s.")
            if wait(stop, pause):
                raise Cancelled from fault
            if fault.partial:
                on_restart()
    raise AssertionError("the last try returns or raises")
