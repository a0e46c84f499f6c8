"""One program on trial: the static gate, a run in a sealed box, the verdict; and what is kept of it in the end."""

import hashlib
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vibe.choices import VISUAL, Origin, Shape, Verdict
from vibe.generation import checks as checking
from vibe.generation import gate
from vibe.generation.checks.results import opens
from vibe.generation.difference import regressions, unseen
from vibe.generation.ladder import Attempt
from vibe.generation.request import Request, Result
from vibe.generation.steps import Checked, Json, Run, Step

BLANK = (
    "a-blank"  # the always-on check of a page with nothing on it: nothing there that a repair could start from
)


@dataclass(frozen=True)
class Tried:
    """Files with what the checks found about them. `seed` is what the inputs were varied with; 0: they were not.

    before: ids of checks that the person had ticked before this request. unproven: how many promises that they ticked
    no check stands for.
    """

    files: dict[str, str]
    shape: str
    checks: list[Json]
    judged: checking.Judged
    seed: int = 0
    model: str = ""
    how: str = "write"
    said: str = ""
    before: frozenset[str] = frozenset()
    unproven: int = 0

    @property
    def verdict(self) -> Verdict:
        return self.judged.verdict

    @property
    def failing(self) -> int:
        return sum(1 for r in self.judged.results if not r["held"] and not r.get("idle"))

    @property
    def unheld(self) -> int:
        """How many promises were not seen to hold; none of those that cannot fail."""
        settled = {r["id"] for r in self.judged.results if r["held"] or r.get("idle")}
        return sum(1 for check in self.checks if check["id"] not in settled)

    @property
    def ticks(self) -> Json:
        """As measures (events.Checked): what keeps this from being said to be as asked."""
        counted = {r["id"] for r in self.judged.results if not r.get("idle")}
        ticked = [check["id"] for check in self.checks if check.get("confirmed")]
        unseen = self.unproven + sum(1 for id_ in ticked if id_ not in counted)
        seen = counted.intersection(ticked)
        return {
            **({"ticked_unseen": unseen} if unseen else {}),
            **({"ticked_before": True} if seen and seen <= self.before else {}),
        }

    @property
    def misses(self) -> tuple[bool, int, int]:
        """Less is better: whether it opens at all, then promises, then all checks. What does not open has one result
        that does not hold, so a mere count would put it before what nearly holds all."""
        return not opens(self.judged.results), self.unheld, self.failing

    @property
    def rank(self) -> tuple[bool, int, int, int]:
        """Less is better: what does not hold, then size."""
        return *self.misses, sum(map(len, self.files.values()))

    @property
    def state(self) -> str:
        """How it stands, in a sentence for the person."""
        counted = [r for r in self.judged.results if not r.get("idle")]
        broken = [r for r in counted if not r["held"]]
        if not counted:
            return "It is made, and nothing could be checked."
        if not broken:
            return f"It is made, and all {len(counted)} checks hold."
        more = f", and {len(broken) - 1} more" if len(broken) > 1 else ""
        return f"“{broken[0]['sentence']}” does not hold: {broken[0]['saw']}{more}."

    def attempt(self) -> Attempt:
        broken = {r["id"] for r in self.judged.results if not r["held"]}
        return Attempt(self.how, self.judged.signature, frozenset(self.judged.held_ids), BLANK not in broken)


def seed_of(request: Request, files: Mapping[str, str]) -> int:
    """What the inputs of these files are varied with: nobody who wrote them could know it (from 1 to 2³¹)."""
    text = "\0".join([request.salt, *(f"{path}\0{files[path]}" for path in sorted(files))])
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) % (2**31 - 1) + 1


def run_of(
    request: Request, files: dict[str, str], checks: Sequence[Json], *, seed: int = 0, why: str = "candidate"
) -> Run:
    """The step that runs these files against these checks, with inputs that their writer could not foresee."""
    shape = gate.shape_of(files) or "page"
    names = [upload.name for upload in request.uploads]
    slides = shape == "page" and Shape.SLIDES in {request.shape, request.base.shape if request.base else ""}
    return Run(shape, files, checking.runs(checks, seed or seed_of(request, files)), names, why, slides)


def refused(files: dict[str, str], checks: Sequence[Json], **more: Any) -> Tried | None:
    """The trial that ends at the static gate; None when the files may go into a box."""
    shape = gate.shape_of(files) or "page"
    faults = gate.gate(files, shape)
    return Tried(files, shape, list(checks), checking.from_faults(faults), **more) if faults else None


def judged(
    request: Request,
    files: dict[str, str],
    checks: Sequence[Json],
    answer: Json,
    idle: Mapping[str, str],
    **more: Any,
) -> Tried:
    """The trial that ended in a box, with the box's answer."""
    shape, seed = gate.shape_of(files) or "page", seed_of(request, files)
    verdict = checking.judge(shape, checks, answer, seed=seed, idle=dict(idle))
    return Tried(files, shape, list(checks), verdict, seed, before=_ticked_before(request), **more)


def _ticked_before(request: Request) -> frozenset[str]:
    """What was ticked in an earlier request says nothing of what this one asks for."""
    now = {str(check["id"]) for check in request.settled.get("keep", [])}
    base = request.base.checks if request.base else []
    return frozenset(str(check["id"]) for check in base if check.get("confirmed")) - now


def verify(
    request: Request,
    files: dict[str, str],
    checks: Sequence[Json],
    *,
    idle: Mapping[str, str] | None = None,
    not_checked: Iterable[str] = (),
    **more: Any,
) -> Generator[Step, Json, Tried]:
    """Gate, run, verdict of one program, and the person is told."""
    tried = refused(files, checks, **more)
    if tried is None:
        answer = yield run_of(request, files, checks)
        tried = judged(request, files, checks, answer, idle or {}, **more)
    yield told(tried, not_checked)
    return tried


def told(tried: Tried, not_checked: Iterable[str] = (), measures: Json | None = None) -> Checked:
    """What the checks found, as the person is told it."""
    return Checked(
        "checked",
        {
            "verdict": tried.verdict,
            "results": tried.judged.results,
            "not_checked": [*tried.judged.not_checked, *not_checked],
            "measures": {**(measures or {}), **tried.ticks},
        },
        files=tried.files,
        shape=tried.shape,
        checks=tried.checks,
        seed=tried.seed,
        model=tried.model,
    )


def misses(step: Checked) -> tuple[bool, int, int]:
    """As Tried.misses, of what was told."""
    found = checking.Judged(Verdict(step.data["verdict"]), step.data["results"])
    return Tried(step.files, step.shape, step.checks, found).misses


def finish(
    request: Request,
    tried: Tried,
    *,
    title: str,
    sentence: str = "",
    origin: str = Origin.MODEL,
    not_checked: Iterable[str] = (),
    measures: Json | None = None,
    keep: bool = True,
    **extra: Any,
) -> Result:
    """The Result of a making. `keep` false: the person did not want it saved as the current version."""
    visual = request.shape in VISUAL and tried.shape == "page"
    missed = not_seen(request, tried)
    return Result(
        sentence=sentence,
        files=tried.files,
        shape=request.shape if visual else tried.shape,
        title=title,
        origin=origin,
        verdict=tried.verdict,
        results=tried.judged.results,
        not_checked=[*tried.judged.not_checked, *not_checked],
        checks=tried.checks,
        model=tried.model,
        measures={
            **(measures or {}),
            **tried.ticks,
            **({"seed": tried.seed} if tried.seed else {}),
            **({"unseen": missed} if missed else {}),
            **({} if keep else {"aside": True}),
        },
        better=keep and becomes_current(request, tried),
        broke=broke(request, tried),
        **extra,
    )


def broke(request: Request, tried: Tried) -> list[str]:
    """Sentences of the checks that held in the version before and do not hold now."""
    base = request.base
    return regressions(base.results, tried.judged.results, tried.checks) if base else []


def not_seen(request: Request, tried: Tried) -> list[str]:
    """Sentences of the promises that held in the version before and could not be looked at now."""
    base = request.base
    return unseen(base.results, tried.judged.results, tried.checks) if base else []


def becomes_current(request: Request, tried: Tried) -> bool:
    """A version that breaks a check which held never becomes current by itself, nor does one of which that is not
    known; nor what does not open in place of what does, nor what is worse."""
    base = request.base
    if base is None:
        return True
    results = tried.judged.results
    if broke(request, tried) or not_seen(request, tried) or (opens(base.results) and not opens(results)):
        return False
    if tried.verdict == Verdict.HELD or base.verdict == Verdict.HELD:
        return tried.verdict == Verdict.HELD
    return tried.verdict == Verdict.UNCHECKED or tried.failing <= base.failing
