"""The model clients of a measurement: one that holds a limit in money, one that records, one that plays.

The worker takes its client from the settings by a dotted path; here that is `client`, which gives the one in use.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from django.conf import settings

from vibe.llm import cassette
from vibe.llm.cassette import Cassette, Take
from vibe.llm.client import Client
from vibe.llm.errors import LlmError, ModelFault
from vibe.llm.gathered import OnDelta
from vibe.llm.message import Call, Reply, Usage

NOWHERE = "http://cassette.invalid/v1"
_in_use: list[Client] = []


def client() -> Client:
    """What settings.LLM_CLIENT names while something is measured."""
    return _in_use[-1]


@contextmanager
def in_use(one: Client) -> Iterator[None]:
    """Every making within asks this client."""
    before, settings.LLM_CLIENT = settings.LLM_CLIENT, f"{__name__}.client"
    _in_use.append(one)
    try:
        yield
    finally:
        _in_use.pop()
        settings.LLM_CLIENT = before


class Purse:
    """USD of one measurement. What a call may cost at most is held before it is made, so that the limit holds."""

    def __init__(self, most_usd: float | None) -> None:
        self.most, self.spent, self.held = most_usd, 0.0, 0.0
        self.empty = False  # a call was not made because of the limit
        self._lock = threading.Lock()

    def hold(self, usd: float) -> bool:
        with self._lock:
            if self.most is not None and self.spent + self.held + usd > self.most:
                self.empty = True
                return False
            self.held += usd
            return True

    def pay(self, held: float, usd: float) -> None:
        with self._lock:
            self.held, self.spent = self.held - held, self.spent + usd


class Limited:
    """Asks a client as long as the purse can pay the most that a call may cost."""

    def __init__(self, client: Client, purse: Purse) -> None:
        self._client, self._purse = client, purse

    def ask(
        self, call: Call, *, on_delta: OnDelta | None = None, cancelled: threading.Event | None = None
    ) -> Reply:
        most = Usage(call.asked(), call.room()).cost_usd(call.model) or 0.0
        if not self._purse.hold(most):
            fault = ModelFault("no_credit", "the limit of this measurement")
            fault.sentence = f"The limit of ${self._purse.most:.2f} for this measurement is reached."
            raise fault
        used: Usage | None = None
        try:
            got = self._client.ask(call, on_delta=on_delta, cancelled=cancelled)
            used = got.usage
            return got
        except LlmError as problem:
            used = problem.usage
            raise
        finally:
            self._purse.pay(most, (used.cost_usd(call.model) or 0.0) if used else 0.0)


def cassette_path(folder: Path, request: str, nth: int) -> Path:
    return folder / f"{request}.txt" if nth == 1 else folder / f"{request}.{nth}.txt"


def load(path: Path) -> Cassette:
    """Raises BadCassette, or OSError."""
    with path.open(encoding="utf-8", newline="") as source:
        return cassette.read(source.read())


def save(path: Path, kept: Cassette) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write(cassette.write(kept))


def for_product(kept: Cassette) -> Cassette:
    return replace(kept, takes=[take for take in kept.takes if take.purpose != "bare"])


def for_bare(kept: Cassette) -> Cassette:
    """The take of the bare model; where there is none (replies written by hand) the first that was written."""
    takes = [take for take in kept.takes if take.purpose == "bare"]
    takes = takes or [take for take in kept.takes if take.purpose not in {"plan", "checks"}][:1]
    return replace(kept, takes=[replace(take, purpose="write") for take in takes])


def as_bare(takes: list[Take]) -> list[Take]:
    return [replace(take, purpose="bare") for take in takes]
