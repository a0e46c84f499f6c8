"""The closed sets that everyone shares: shapes, sliders, states. The lowest layer of the product."""

from enum import StrEnum


class Shape(StrEnum):
    """What kind of thing a program is; the last six are pages with their own guidance and checks."""

    AUTO = "auto"
    PAGE = "page"
    TOOL = "tool"
    SLIDES = "slides"
    INFOGRAPHIC = "infographic"
    CHART = "chart"
    WHITEBOARD = "whiteboard"
    ANIMATION = "animation"
    PICTURE = "picture"

    @property
    def is_tool(self) -> bool:
        return self is Shape.TOOL


VISUAL = frozenset({s.value for s in Shape} - {"auto", "page", "tool"})  # what is there to be looked at


class Autonomy(StrEnum):
    """Who answers when the making could go more than one way (DESIGN §5)."""

    ASK = "ask"
    PLAN = "plan"
    MAKE = "make"
    KEEP = "keep"


class Effort(StrEnum):
    """How hard to try: the number of model calls and, where the model has it, its reasoning effort."""

    QUICK = "quick"
    NORMAL = "normal"
    THOROUGH = "thorough"


class JobKind(StrEnum):
    MAKE = "make"  # a first request
    CHANGE = "change"  # a later request about the same program
    RUN = "run"  # a visitor runs a tool card on their own input


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"  # for the person
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"

    @property
    def is_over(self) -> bool:
        return self in {JobState.DONE, JobState.FAILED, JobState.STOPPED}


class Verdict(StrEnum):
    """What the checks said about a Version. Nothing is ever said to work that was not seen to work."""

    HELD = "held"  # every check that ran held
    BROKEN = "broken"  # at least one check did not hold
    UNCHECKED = "unchecked"  # nothing could check it (no engine, stopped before)


# Measures of a Version that is not said to be as asked.
NOT_AS_ASKED = frozenset({"ticked_unseen", "ticked_before"})


class Origin(StrEnum):
    """Who wrote the files of a Version."""

    MODEL = "model"
    RECIPE = "recipe"
    RESTORED = "restored"
    PERSON = "person"  # edited by hand
    CARD = "card"  # copied from a card, to be changed
