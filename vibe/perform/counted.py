"""Counts what is paid for and what is waited for: calls to models, runs in boxes."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sandbox import catalog
from sandbox.complaints import BUILD
from sandbox.engine import Engine
from sandbox.errors import SandboxError
from sandbox.limits import Limits
from sandbox.outcome import OnOutput, OnWait, Outcome
from sandbox.source import Source
from vibe import allowance, metrics
from vibe.llm.errors import Cancelled, ModelFault
from vibe.llm.message import Model, Usage


@contextmanager
def call(model: Model) -> Iterator[None]:
    """Around one call and its further tries."""
    began, outcome, name = time.monotonic(), "answered", metrics.model_names.label(model.name)
    try:
        yield
    except Cancelled:
        outcome = "stopped"
        raise
    except ModelFault as fault:
        outcome = fault.kind
        raise
    except allowance.Spent:
        outcome = "allowance"
        raise
    except Exception:
        outcome = "broken"
        raise
    finally:
        metrics.model_calls.labels(name, outcome).inc()
        metrics.model_seconds.labels(name).observe(time.monotonic() - began)


def paid(model: Model, usage: Usage, cost_usd: float | None) -> None:
    """`cost_usd` is None where the price is not known."""
    name = metrics.model_names.label(model.name)
    metrics.model_tokens.labels(name, "in").inc(usage.tokens_in)
    metrics.model_tokens.labels(name, "out").inc(usage.tokens_out)
    metrics.model_cost.labels(name).inc(cost_usd or 0)


class Counted:
    """An Engine around another; what is not of the protocol is asked of that one.

    What it says of images that are not built names the command of the product, wherever people read it.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def available(self) -> str:
        """See sandbox.engine.Engine.available."""
        return _in_our_words(self.engine.available())

    def run(
        self,
        source: Source,
        *,
        limits: Limits = Limits(),  # noqa: B008  frozen
        stdin: bytes = b"",
        on_output: OnOutput | None = None,
        cancelled: threading.Event | None = None,
        who: str = "",
        on_wait: OnWait | None = None,
    ) -> Outcome:
        """See sandbox.engine.Engine.run."""
        began, entered, ended = time.monotonic(), None, "error"

        def wait(place: int) -> None:
            nonlocal entered
            entered = time.monotonic() if place == 0 else None
            waited.append(place)
            if on_wait:
                on_wait(place)

        waited: list[int] = []
        try:
            outcome = self.engine.run(
                source, limits=limits, stdin=stdin, on_output=on_output, cancelled=cancelled, who=who, on_wait=wait
            )  # fmt: skip
            ended = outcome.ended
            return outcome
        except SandboxError as problem:
            problem.sentence = _in_our_words(problem.sentence)
            problem.args = (problem.sentence,)
            raise
        finally:
            now = time.monotonic()
            image = source.image if source.image in catalog.names() else "other"
            metrics.box_runs.labels(image, ended).inc()
            metrics.box_seconds.labels(image).observe(now - began)
            metrics.box_wait.labels(image).observe((entered or now) - began if waited else 0.0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)


def _in_our_words(sentence: str) -> str:
    return sentence.replace(BUILD, "make images")
