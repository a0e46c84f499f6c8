"""Waiting for what comes by itself: asked again until it is there, and told when it never was."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait(ask: Callable[[], T], seconds: float = 30.0) -> T:
    """The first answer that is true. Raises AssertionError after `seconds`."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := ask():
            return found
        time.sleep(0.02)
    raise AssertionError("it never came")
