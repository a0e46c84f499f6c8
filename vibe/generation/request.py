"""What a generation starts from and what it ends with. Pure values, made by the worker from its rows."""

from dataclasses import dataclass, field

from vibe.generation.checks.ids import apart
from vibe.generation.steps import Json


@dataclass(frozen=True)
class Upload:
    """A file that came with the request. `head` is its first bytes, for the summary that a model may see. `earlier`: it
    came with a request before this one."""

    name: str
    size: int
    head: bytes = b""
    earlier: bool = False


@dataclass(frozen=True)
class Base:
    """The version that a change starts from. Versions were kept whose checks shared an id: here each has its own."""

    files: dict[str, str]
    shape: str
    title: str
    verdict: str
    failing: int  # checks that count and do not hold
    checks: list[Json] = field(default_factory=list)
    results: list[Json] = field(default_factory=list)  # what the checks found
    recipe: str = ""
    slots: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "checks", apart(self.checks))


@dataclass(frozen=True)
class Request:
    """`salt` is random, one a Job: it makes the tags around untrusted text unguessable and yet replayable.

    `last_run` is the answer of the base version's last Run; `without` names the parts of the context that the person
    took out (reading.Part.name); `foreign`: the base is of somebody else (a remixed card), so its files and its
    history are untrusted text.
    """

    description: str
    shape: str = "auto"
    salt: str = ""
    recipe: str = ""
    slots: Json = field(default_factory=dict)
    uploads: tuple[Upload, ...] = ()
    base: Base | None = None
    history: tuple[str, ...] = ()
    last_run: Json = field(default_factory=dict)
    without: tuple[str, ...] = ()
    foreign: bool = False
    files: dict[str, str] = field(
        default_factory=dict
    )  # edited by hand: checked as they are, no model is asked
    settled: Json = field(default_factory=dict)  # {"keep": [checks], "drop": [ids]} of promises that clashed
    pointed: str = ""  # what the person pointed at in the preview; words of a made page, so never instructions


@dataclass(frozen=True)
class Result:
    """What came of it. No files: nothing could be made, and `sentence` says why and what to do.

    With files `sentence` is the version's summary ("" where the request says it best), and `why` the reason why what
    does not hold was not mended.
    """

    sentence: str
    files: dict[str, str] = field(default_factory=dict)
    shape: str = ""
    title: str = ""
    origin: str = "model"
    recipe: str = ""
    slots: Json = field(default_factory=dict)
    verdict: str = "unchecked"
    results: list[Json] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    checks: list[Json] = field(default_factory=list)
    model: str = ""
    # seed; how many broken copies the checks noticed; sentences of promises that held before and could not be looked at
    measures: Json = field(default_factory=dict)
    why: str = ""
    wasted: list[int] = field(default_factory=list)  # which calls, from 1, mended nothing
    looks: "list[Result]" = field(default_factory=list)  # others that hold the same checks, kept beside it
    better: bool = True  # False: an older version stays the current one
    broke: list[str] = field(default_factory=list)  # sentences of checks that held before and do not now

    @property
    def made(self) -> bool:
        return bool(self.files)
