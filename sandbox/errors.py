"""Our own failures. A program that fails is an Outcome, never one of these.

SandboxError
├── BadSource            the caller's files or names cannot be laid in a box
├── EngineUnavailable    no Docker engine answers, or we may not use its socket
├── ImageMissing         the image was never built here
└── BoxFailed            the engine could not make or start a box
"""


class SandboxError(Exception):
    """Raised when we, not the program, are at fault. `sentence` is for a person who can act on it."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class BadSource(SandboxError):
    """Raised when a file name or the set of files cannot go into a box."""


class EngineUnavailable(SandboxError):
    """Raised when no Docker engine answers or its socket refuses us."""


class ImageMissing(SandboxError):
    """Raised when the image of a Source was not built on this engine."""


class BoxFailed(SandboxError):
    """Raised when the engine could not create, start or attach to a box."""
