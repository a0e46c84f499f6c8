"""The engine of this process: what opens sealed boxes, and what is said when none can be opened now."""

import threading
from collections.abc import Mapping

from django.conf import settings
from django.utils.module_loading import import_string

from sandbox import catalog
from sandbox.engine import Engine
from sandbox.pool import Standing
from vibe.choices import Shape
from vibe.generation import look, tool
from vibe.perform.counted import Counted


def engine() -> Engine:
    """The sandbox that settings name, one a process."""
    global _engine
    with _engine_lock:
        if _engine is None:
            _engine = Counted(import_string(settings.SANDBOX_ENGINE)())
        return _engine


def standing() -> Standing | None:
    """How the boxes of this process stand; None where it opened none, or its engine keeps none ready."""
    tell = getattr(_engine, "standing", None)
    return tell() if tell else None


def expect(shape: Shape | str) -> None:
    """While a model writes, a box is made ready for what it writes. Nothing is lost when it is not used."""
    if shape == Shape.TOOL:
        engine().expect("python", tool.limits())
    else:
        engine().expect("browser", look.limits())


def in_line(place: int) -> str:
    """What a person is told while every box is busy; place 1 is next, 0 is their turn."""
    if place == 0:
        return "A sealed box is free now"
    if place == 1:
        return "Every sealed box is busy: you are next"
    return f"Every sealed box is busy: {place - 1} before you"


def why_no_box(image: str) -> str:
    """An empty string, or why no box of this image can be opened now."""
    if why := engine().available():
        return why
    if image in catalog.needed() or engine().has_image(image):
        return ""
    spoken = " or ".join(one.name for one in catalog.languages() if one.image == image)
    return f"Programs in {spoken} need a box that is not built on this machine: run  make images"


def why_not_run(files: Mapping[str, str]) -> str:
    """The same for the box in which these files run."""
    if "tool.toml" not in files:
        return why_no_box("browser")
    return why_no_box(tool.ToolSpec.parse(files["tool.toml"]).language.image)


_engine: Engine | None = None
_engine_lock = threading.Lock()
