"""What a generation may ask of the world. flow.generate yields these and is sent JSON answers; vibe.perform gives them.

Every step is journaled with its fingerprint, so a Job that lost its worker replays its answers and pays nothing
twice (DESIGN §3). A step must therefore say everything that its answer depends on.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal

from vibe.llm.message import Message

Json = dict[str, Any]
Tier = Literal["quick", "strong", "vision"]


@dataclass(frozen=True)
class Step:
    kind: ClassVar[str] = ""

    def fingerprint(self) -> str:
        """32 hex digits over everything in the step."""
        text = json.dumps([self.kind, asdict(self)], sort_keys=True, ensure_ascii=False, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Consult(Step):
    """What is in force right now? Answer: {"autonomy", "effort", "model": name or "", "quick": name or "",
    "writers": {tier (vision only where there is one): {"context": tokens or 0, "vision": it was seen to see, "reasoning": it was seen to take an effort}},
    "engine": bool, "usd": spent by this Job or null when a price is not known, "seconds": that its steps took,
    "calls": to a model, of this Job's tries that were begun anew, "weak": {shape: a sentence} of the kinds that are often wrong here}.

    A dial moved in mid-run changes the next Consult, never the past. `wasted`: which calls so far, from 1, mended
    nothing; should the making be cut short, the maker is not charged for them.
    """

    kind: ClassVar[str] = "consult"
    at: str
    wasted: tuple[int, ...] = ()


@dataclass(frozen=True)
class Ask(Step):
    """A question to a model. Answer: {"text", "finish", "model"}, {"fault": {"kind", "sentence"}}, or, when the person
    changed the plan while it was being written, {"changed": the edited proposal}; and "calls" where it came to another
    number than one: an answer broke off and it was sent again, or no server took it. Never to more than `most`.

    `tier` is quick, strong or, for what is written first from a picture, vision; `shown` false: its files are not painted (another candidate's are).
    """

    kind: ClassVar[str] = "ask"
    purpose: str  # plan, checks, write, change, again, repair, resample, escalate
    messages: tuple[Message, ...]
    prompt: str  # fingerprint of the prompt files used
    max_tokens: int = 16_000
    effort: str = ""
    tier: Tier = "strong"
    shown: bool = True
    most: int = 1  # calls that this question may come to
    note: str = ""  # what had to be left out of the messages to fit, for the person
    parts: tuple[Json, ...] = ()  # what the messages are made of (reading.Reading.parts), for the person


@dataclass(frozen=True)
class Inspect(Step):
    """Look into these uploads, in a sealed box. Answer: {"files": {name: generation.attachments.Summary as JSON}}.

    pictures: also bring the pictures themselves, made small, for a model that has vision.
    """

    kind: ClassVar[str] = "inspect"
    names: tuple[str, ...]
    pictures: bool = False


@dataclass(frozen=True)
class Run(Step):
    """Open a page or run a tool in a box. Answer: observations (generation.look.Observations.as_json) or
    {"unchecked": sentence} when no engine can run it.

    `why` is candidate (shown to the person), null (a program that must fail the checks) or mutant (a broken copy).
    """

    kind: ClassVar[str] = "run"
    shape: str
    files: dict[str, str]
    checks: list[Json] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)  # names of the request's uploads that go into the box
    why: str = "candidate"
    slides: bool = False  # what was asked for are slides: they are turned, and told where there are none


@dataclass(frozen=True)
class Approve(Step):
    """Yes or no to a proposal. Answer: {"yes": bool, "proposal": the proposal, perhaps edited}.

    The flow always asks; who answers is read off the dial (policy.Policy.asks) when the step is performed. `about` is
    plan, repair or save.
    """

    kind: ClassVar[str] = "approve"
    about: str
    proposal: Json


@dataclass(frozen=True)
class Question(Step):
    """A question with clickable answers. Answer: {"choice": value}.

    `dial` is a name in policy.Policy.asks: where the dial, as it stands when the question comes, does not name it,
    nobody is asked and the answer is `unasked`. "" always asks.
    """

    kind: ClassVar[str] = "question"
    about: str
    sentence: str
    choices: list[Json]
    dial: str = ""
    unasked: str = ""


@dataclass(frozen=True)
class Pick(Question):
    """A question that only an eye can answer: one of `looks` (files, one a choice but the last, which leaves it to us)."""

    looks: tuple[dict[str, str], ...] = ()


@dataclass(frozen=True)
class Show(Step):
    """Show these files whole: they are the ones that are kept, whatever was painted before. Answer: {}."""

    kind: ClassVar[str] = "show"
    files: dict[str, str]


@dataclass(frozen=True)
class Tell(Step):
    """Say something to the person: `event` is an events type, `data` its payload. Answer: {}."""

    kind: ClassVar[str] = "tell"
    event: str
    data: Json


@dataclass(frozen=True)
class Checked(Tell):
    """Say what the checks found about these files: what Stop keeps from here on, with its results."""

    files: dict[str, str]
    shape: str
    checks: list[Json]
    seed: int = 0
    model: str = ""


@dataclass(frozen=True)
class All(Step):
    """Steps side by side, journaled as 3.1, 3.2 … Answer: {"answers": [one a step]}. Holds Asks and Runs only."""

    kind: ClassVar[str] = "all"
    steps: tuple[Step, ...]
