"""Run an untrusted program once, in a fresh sealed box, and say what happened.

    outcome = sandbox.run(Source("python", ("python3", "main.py"), {"main.py": b"print(1)"}))

A program that fails is an Outcome; our own failure is a SandboxError. Knows nothing of the product around it.
"""

import threading
from functools import cache
from typing import TYPE_CHECKING

from sandbox.errors import BadSource, BoxFailed, EngineUnavailable, ImageMissing, SandboxError
from sandbox.limits import Limits
from sandbox.outcome import Artifact, OnOutput, Outcome
from sandbox.source import Source

if TYPE_CHECKING:
    from sandbox.docker_engine import DockerEngine

__all__ = [
    "Artifact",
    "BadSource",
    "BoxFailed",
    "EngineUnavailable",
    "ImageMissing",
    "Limits",
    "Outcome",
    "SandboxError",
    "Source",
    "default_engine",
    "run",
]


@cache
def default_engine() -> "DockerEngine":
    """The Docker engine of this process, made at the first use (the SDK is not loaded before)."""
    from sandbox.docker_engine import DockerEngine

    return DockerEngine()


def run(
    source: Source,
    *,
    limits: Limits | None = None,
    stdin: bytes = b"",
    on_output: OnOutput | None = None,
    cancelled: threading.Event | None = None,
) -> Outcome:
    """Run `source` once in a fresh box of the default engine. See sandbox.engine.Engine.run."""
    return default_engine().run(
        source, limits=limits or Limits(), stdin=stdin, on_output=on_output, cancelled=cancelled
    )
