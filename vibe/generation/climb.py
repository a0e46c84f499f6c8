"""Climb: from the first candidates to one that holds, or to the best there is and the reason why there is no better.
Then measure what its checks are worth.
"""

from collections.abc import Generator, Sequence
from typing import Any

from vibe.choices import Verdict
from vibe.generation import fixers, gate
from vibe.generation.checks import hidden, mutants
from vibe.generation.drafts import Draft, Unusable
from vibe.generation.ladder import Attempt, next_move
from vibe.generation.prompt import fill
from vibe.generation.steps import All, Approve, Consult, Json, Step
from vibe.generation.trial import Tried, judged, run_of, told
from vibe.generation.work import Nothing, Work
from vibe.generation.write import again, try_all


def climb(work: Work, candidates: Sequence[Tried]) -> Generator[Step, Json, Tried]:
    """From the first candidates to one that holds, or to the best there is and the reason why no better one."""
    best = current = candidates[0]
    history = [current.attempt()]
    while current.verdict is Verdict.BROKEN:
        before = work.asked
        if fixed := fixers.after(current.files, current.judged.evidence):
            how, mended = "fix", Draft(fixed.files, fixed.did, current.model)
        else:
            force = yield Consult(f"round {len(history)}", tuple(work.wasted))
            work.force = {**work.force, **force}
            move = next_move(history, work.allowed, work.spent(), can_escalate=work.can_escalate())
            if not move.kind:
                work.stopped = move.why
                break
            if move.kind == "repair":
                decision = yield Approve("repair", {"sentence": current.state})
                if not decision["yes"]:
                    work.stopped = "You left it as it is."
                    break
            try:
                draft = yield from _move(work, move.kind, current)
            except Nothing as end:  # more to read than the model can hold: what there is stays
                draft = end.sentence
            if isinstance(draft, str):
                work.stopped = draft
                work.wasted += range(before + 1, work.asked + 1)  # a stream that broke was paid for, too
                break
            if isinstance(draft, Unusable):  # what there is stays; the reply was a try that held nothing
                work.wasted += range(before + 1, work.asked + 1)
                history.append(Attempt(move.kind, f"unusable {len(history)}", frozenset()))
                continue
            how, mended = move.kind, draft
        (current,) = yield from try_all(work, [mended], how)
        history.append(current.attempt())
        if how != "fix" and current.misses >= best.misses:
            work.wasted += range(before + 1, work.asked + 1)
        best = min(best, current, key=lambda one: one.rank)
    if best is not current:
        yield told(best, work.not_checked(best))
    return best


def _move(work: Work, kind: str, current: Tried) -> Generator[Step, Json, Draft | Unusable | str]:
    """What came of one more call; of a few where it was an edit that did not fit."""
    asked: dict[str, Any]
    files: dict[str, str] | None = None
    if kind == "repair":
        back = hidden.kept_back(work.promised(), work.request.salt)
        asked = {"guidance": fill("repair"), "run": current.judged.evidence_without(back)}
        files = current.files
    else:
        asked = {"tier": "strong", "effort": "high"} if kind == "escalate" else {"number": 1}
    ask = work.writing(kind, files=files, **asked)
    answer = yield from work.ask(ask)
    if work.narrower(ask, answer):
        answer = yield from work.ask(work.writing(kind, files=files, **asked))
    draft = work.draft(answer, files)
    if isinstance(draft, Unusable) and draft.edit:
        asked.pop("number", None)
        draft = yield from again(work, draft, files, **asked)
    return draft


def measure(work: Work, best: Tried) -> Generator[Step, Json, Json]:
    """How many broken copies of the winner its checks notice: what the checks themselves are worth."""
    if best.verdict is not Verdict.HELD or not work.allowed.mutants or not work.promised():
        return {}
    copies = mutants.mutants(best.files, best.shape, best.seed, work.allowed.mutants)
    copies = [m for m in copies if not gate.gate(m.files, best.shape)]
    if not copies:
        return {}
    runs = tuple(run_of(work.request, m.files, work.promised(), why="mutant") for m in copies)
    answers = (yield All(runs))["answers"]
    rate = mutants.kill_rate(
        best.judged,
        [
            judged(work.request, m.files, work.promised(), a, work.idle).judged
            for m, a in zip(copies, answers, strict=True)
        ],
    )
    measures = {"mutants": rate.tried, "noticed": rate.killed}
    yield told(best, work.not_checked(best), measures)
    return measures
