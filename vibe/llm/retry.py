"""Patience with a model: at most two more tries, only where another try can help, and never silently."""

import threading
from collections.abc import Callable
from dataclasses import replace

from vibe.llm.client import Client
from vibe.llm.errors import Cancelled, ModelFault
from vibe.llm.gathered import OnDelta
from vibe.llm.message import Call, Reply, Usage

MORE_TRIES = 2
LONGEST_WAIT_S = 60.0


def ask_patiently(
    client: Client,
    call: Call,
    *,
    on_delta: OnDelta | None = None,
    on_wait: Callable[[float, str], None] = lambda seconds, sentence: None,
    on_restart: Callable[[], None] = lambda: None,
    on_lost: Callable[[Usage], None] = lambda usage: None,
    cancelled: threading.Event | None = None,
    wait: Callable[[threading.Event, float], bool] = threading.Event.wait,
) -> Reply:
    """The reply, after waiting where the provider asks for it.

    on_wait(seconds, sentence) says so before each wait; on_restart() comes before a new try when text had streamed;
    on_lost(usage) tells what a broken try cost before another is made, and what it raises ends the patience.
    Raises ModelFault (with the sentence, and when it goes on) or Cancelled. The usage counts every try that gave
    something: a provider bills a stream that broke, too.
    """
    stop = cancelled or threading.Event()
    lost = Usage()
    for attempt in range(MORE_TRIES + 1):
        try:
            reply = client.ask(call, on_delta=on_delta, cancelled=stop)
            return replace(reply, usage=reply.usage + lost)
        except Cancelled as end:
            end.usage = _sum(lost, end.usage)
            raise
        except ModelFault as fault:
            paid = _sum(fault.usage or Usage())
            lost += paid or Usage()
            fault.usage = _sum(lost)
            pause = fault.retry_after if fault.retry_after is not None else 0.5 * 4**attempt
            if not fault.retry or attempt == MORE_TRIES:
                raise
            if pause > LONGEST_WAIT_S:
                minutes = max(2, round(pause / 60))
                fault.sentence += f" It can go on in about {minutes} minutes."
                raise
            if paid:
                on_lost(paid)
            on_wait(pause, f"{fault.sentence} I try again in {max(1, round(pause))} s.")
            if wait(stop, pause):
                stopped = Cancelled()
                stopped.usage = _sum(lost)
                raise stopped from fault
            if fault.partial:
                on_restart()
    raise AssertionError("the last try returns or raises")


def _sum(lost: Usage, more: Usage | None = None) -> Usage | None:
    """All that was used, or None when that is nothing."""
    total = lost + (more or Usage())
    return total if total.tokens_in or total.tokens_out else None
