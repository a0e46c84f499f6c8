"""Engine: the one thing a sandbox must be able to do. docker_engine.py is its implementation."""

import threading
from typing import Protocol

from sandbox.limits import Limits
from sandbox.outcome import OnOutput, OnWait, Outcome
from sandbox.source import Source


class Engine(Protocol):
    def run(
        self,
        source: Source,
        *,
        limits: Limits = ...,
        stdin: bytes = b"",
        on_output: OnOutput | None = None,
        cancelled: threading.Event | None = None,
        who: str = "",
        on_wait: OnWait | None = None,
    ) -> Outcome:
        """Run `source` once in a fresh box and return what happened.

        `on_output` is called in the calling thread with decoded text as it appears. Setting `cancelled` from any
        thread ends the run within 50 ms. Where boxes are few, runs of one `who` wait for each other before anybody
        else does; `on_wait` is called in the calling thread with this run's place in the line (1: it is next), each
        time that changes, and at last with 0; never when there was room at once. Raises SandboxError for our own
        failures only.
        """

    def expect(self, image: str, limits: Limits = ...) -> None:
        """A run like this will come within a minute or so: a box may be made ready for it. Returns at once."""

    def available(self) -> str:
        """An empty string when boxes can be run now, else one sentence for a person who can act on it."""

    def has_image(self, name: str) -> bool:
        """Whether the image of this name was built on this engine in its current form."""

    def reap(self) -> int:
        """Remove every box that is past its deadline, whatever its owner. How many were removed."""

    def close(self) -> None:
        """Remove every box that this engine started and still runs."""
