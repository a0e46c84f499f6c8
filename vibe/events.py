"""The wire vocabulary: one frozen dataclass for each thing the browser is told while a Job runs.

An event is numbered 1, 2, 3 … in its Job, stored, then announced (DESIGN §6). `type` is the class name in kebab
case and names the template `templates/live/<type>.html`. Values are JSON. To add one: a class here, a line in
docs/events.md, a template, and a branch in live/timeline.py; tests compare the four.
"""

import json
import re
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar, cast

JsonDict = dict[str, Any]


@dataclass(frozen=True)
class Event:
    """Base of every event. `type` is set from the class name."""

    type: ClassVar[str] = ""
    # Adjacent deltas of one kind may be merged by the writer: the name of the text field, or "" for never.
    grows: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.type = re.sub(r"(?<!^)(?=[A-Z])", "-", cls.__name__).lower()
        TYPES[cls.type] = cls

    def payload(self) -> JsonDict:
        return asdict(self)


TYPES: dict[str, type[Event]] = {}


@dataclass(frozen=True)
class StateChanged(Event):
    """The Job moved to `state` (choices.JobState); `sentence` says why, for the person."""

    state: str
    sentence: str = ""


@dataclass(frozen=True)
class Restarted(Event):
    """The Job starts over: everything shown of this Job before is void (a lost worker, a new flow)."""

    attempt: int
    why: str = ""


@dataclass(frozen=True)
class StepStarted(Event):
    """A visible step began. `n` is its journal number ("2", "3.1"); `kind` one of plan, write, run, check, fix."""

    n: str
    kind: str
    title: str
    line: str = ""


@dataclass(frozen=True)
class StepNoted(Event):
    """One more line under a step: what it is doing now."""

    n: str
    text: str


@dataclass(frozen=True)
class StepEnded(Event):
    """`how` is done, bad or stopped; `seconds` is wall time."""

    n: str
    how: str
    line: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Said(Event):
    """Prose of the model to the person, outside any file block. A delta."""

    grows: ClassVar[str] = "text"
    text: str


@dataclass(frozen=True)
class FileOpened(Event):
    """A file begins to be written; what was shown of the same path before is replaced."""

    path: str


@dataclass(frozen=True)
class FileText(Event):
    """More text of the open file. A delta."""

    grows: ClassVar[str] = "text"
    path: str
    text: str


@dataclass(frozen=True)
class FileClosed(Event):
    path: str


@dataclass(frozen=True)
class Output(Event):
    """What the running program printed: `stream` is stdout or stderr. A delta."""

    grows: ClassVar[str] = "text"
    stream: str
    text: str


@dataclass(frozen=True)
class PlanProposed(Event):
    """The plan waits for the person, or (`waits` false) is shown while the writing goes on.

    Each check: {"id", "sentence", "readable": whether it has a form that can be run, "confirmed"}. `warning` says
    that this kind is often wrong here; `unpromised` what is not promised because it contradicts something, in sentences.
    """

    title: str
    steps: list[str]
    checks: list[JsonDict]
    waits: bool = True
    warning: str = ""
    unpromised: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class QuestionAsked(Event):
    """A question with clickable answers: each choice is {"value", "label", "line"}. `about` is recipe, plan-1, plan-2,
    clash-1, clash-2, look, repair or save."""

    about: str
    sentence: str
    choices: list[JsonDict]


@dataclass(frozen=True)
class Answered(Event):
    """The person answered: the open plan or question closes; `line` says what they chose."""

    about: str
    line: str


@dataclass(frozen=True)
class Checked(Event):
    """What the checks found. Each result: {"id", "sentence", "held": bool, "did", "expected", "saw", "source",
    "confirmed", "idle", "film", "seed"} (docs/checks.md).

    `source` is always (built in), recipe, model or person. `not_checked` are sentences. `measures` may hold
    {"mutants": broken copies made, "noticed": how many of them the checks noticed, "ticked_unseen": how many promises
    that the person ticked say nothing (not looked at, no check, or one that cannot fail), "ticked_before": what they
    ticked, they ticked in an earlier request}.
    """

    verdict: str
    results: list[JsonDict]
    not_checked: list[str] = field(default_factory=list)
    measures: JsonDict = field(default_factory=dict)


@dataclass(frozen=True)
class Spent(Event):
    """Totals of the Job so far. `cost_usd` None: the price of this model is not known."""

    calls: int
    tokens_in: int
    tokens_out: int
    cost_usd: float | None = None


@dataclass(frozen=True)
class RecipeUsed(Event):
    """A ready-made program was used, no AI. `slots`: [{"name","label","value","origin"}]; origin is words or default."""

    slug: str
    name: str
    slots: list[JsonDict]
    ignored: list[str]


@dataclass(frozen=True)
class VersionMade(Event):
    """A Version was kept. `verdict` as choices.Verdict; `became_current` false when an older one stays shown.

    `broke`: sentences of checks that held in the version before and do not in this one. `lost`: sentences about lines
    that the person wrote by hand and that this change dropped unasked.
    """

    number: int
    shape: str
    verdict: str
    summary: str
    became_current: bool = True
    broke: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class LooksKept(Event):
    """Other candidates that hold the same checks as the Version that was made, kept as versions of their own.

    Each look: {"version": its number, "line": what its writer says of it}.
    """

    looks: list[JsonDict]


@dataclass(frozen=True)
class CardMade(Event):
    """The throwaway card of this program exists (or `stale`: it still shows an older Version)."""

    card: str
    version: int
    stale: bool = False


@dataclass(frozen=True)
class RunEnded(Event):
    """A visitor's run of a tool ended: `outcome` as sandbox.Outcome.as_json() without the bytes of artifacts."""

    outcome: JsonDict


def encode(event: Event) -> str:
    return json.dumps(event.payload(), ensure_ascii=False, separators=(",", ":"))


def decode(type_: str, payload: str) -> Event:
    """The event of `type_` with this JSON. Unknown fields are dropped: an older reader meets a newer row.

    Raises KeyError when the type is not known.
    """
    cls = TYPES[type_]
    data = cast(JsonDict, json.loads(payload))
    known = {f.name for f in fields(cls)}
    return cls(**{k: v for k, v in data.items() if k in known})


def merge(first: Event, second: Event) -> Event | None:
    """One event that says what both say, or None when they cannot be merged (only deltas of one thing can)."""
    if type(first) is not type(second) or not first.grows:
        return None
    a, b = first.payload(), second.payload()
    text = a.pop(first.grows) + b.pop(first.grows)
    if a != b:
        return None
    return type(first)(**a, **{first.grows: text})
