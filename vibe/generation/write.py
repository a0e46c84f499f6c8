"""Write: the candidates side by side, and what becomes of a reply in a form that cannot be used; then their trial."""

import itertools
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import Any

from vibe.generation import fixers, gate
from vibe.generation.checks import nulls
from vibe.generation.drafts import Draft, Unusable
from vibe.generation.plan import MAX_LINE, Plan
from vibe.generation.prompt import fill
from vibe.generation.steps import All, Consult, Json, Step, Tell
from vibe.generation.trial import Tried, judged, refused, run_of, told
from vibe.generation.work import Nothing, Work

# The plan as the person changed it, with forms for their own promises.
Settled = Callable[[Work, Plan, Json], Generator[Step, Json, Plan]]


def write(work: Work, settled: Settled) -> Generator[Step, Json, list[Tried]]:
    """The candidates on trial. While they are written, the checks are tried on programs that must fail them.

    Each time the person changes the plan meanwhile, the writing starts anew from what `settled` makes of it, as long
    as a call is left. Raises Nothing when none is. What was too much to read is asked once more with less in it.
    """
    for nth in itertools.count(1):
        force = yield Consult(f"write {nth}")
        work.force = {**work.force, **force}
        if work.calls_left < 1:  # who changes a plan is refused before; here the dial was moved as well
            raise Nothing(
                f"The plan was changed when all {work.allowed.calls} calls to the model that this setting allows "
                "were used, so nothing was written from it. Your words are kept: send them again."
            )
        count = min(work.allowed.candidates, work.calls_left)
        purpose = "change" if work.request.base else "write"
        asks = [
            work.writing(purpose, number=number, shown=number == 0, tier=work.first())
            for number in range(count)
        ]
        asks = [replace(ask, most=1 + work.calls_left // count) for ask in asks]  # what is left is shared
        nulls_ = must_fail(work)
        answers = (yield All((*asks, *nulls_.values())))["answers"]
        for answer in answers[:count]:
            work.count(answer)
        work.idle = idle_of(work, dict(zip(nulls_, answers[count:], strict=True)))
        changes = [answer["changed"] for answer in answers[:count] if "changed" in answer]
        if not changes:
            if work.narrower(asks[0], answers[0]):
                continue
            break
        changed: Json = next(filter(None, changes), {})
        yield Tell("answered", {"about": "plan", "line": "You changed it."})
        work.plan = yield from settled(
            work, work.plan or Plan(steps=(work.request.description[:MAX_LINE],)), changed
        )
    drafts = [work.draft(answer) for answer in answers[:count]]
    good = [draft for draft in drafts if isinstance(draft, Draft)]
    if not good:
        good = [(yield from _usable(work, drafts[0]))]
    return (yield from try_all(work, good, purpose))


def _usable(work: Work, draft: Draft | Unusable | str) -> Generator[Step, Json, Draft]:
    """The files of a reply, asked for again where its form cannot be used. Raises Nothing when there are none."""
    before = work.asked
    if isinstance(draft, Unusable):
        draft = yield from again(work, draft, tier=work.first())
    more = work.asked - before
    match draft:
        case Draft():
            return draft
        case Unusable(problems) if not more:
            raise Nothing(f"The model answered in a form I can’t use. {problems[0]} Try again.")
        case str() if not more:
            raise Nothing(draft)
        case str():  # the last call came to no answer
            times = {1: "", 2: " twice"}[more]
            raise Nothing(f"The model answered{times} in a form I can’t use. When I asked once more: {draft}")
        case Unusable(problems):
            last = problems[0]
    times = {1: "twice", 2: "three times"}[more]
    raise Nothing(
        f"The model answered {times} in a form I can’t use, so there is no program. "
        f"The last trouble was: {last} Try again, say it in smaller steps, or connect a stronger model."
    )


def again(
    work: Work, failed: Unusable, files: dict[str, str] | None = None, **asked: Any
) -> Generator[Step, Json, Draft | Unusable | str]:
    """Ask once more after a reply whose form cannot be used; twice where an edit did not fit: first with the lines
    that come nearest, then for the whole file. `files` and `asked` are what the call before was made of."""
    times = 2 if failed.edit else 1
    for left in reversed(range(times)):
        if work.calls_left < 1:
            break
        edit = failed.edit if left else None
        whole = (failed.edit.whole,) if failed.edit else failed.problems
        problems = (
            fill("edit", problem=str(edit))
            if edit
            else fill("again", problems="\n".join(f"- {problem}" for problem in whole))
        )
        answer = yield from work.ask(
            work.writing("again", files=files, problems=problems, edits=bool(edit), **asked)
        )
        draft = work.draft(answer, files)
        if not isinstance(draft, Unusable):
            return draft
        failed = draft
    return failed


def must_fail(work: Work, *, previous: bool = True) -> dict[str, Step]:
    """Programs that do nothing of what was asked: a check that holds on one of them cannot fail.

    previous: the version before is one of them (nothing is asked of a change that was so already).
    """
    promised = work.promised()
    if not promised or not work.force["engine"]:
        return {}
    base = work.request.base if previous else None
    words = "\n".join([*work.request.history, work.request.description])  # what the promises were made from
    made = nulls.programs(words, promised, work.shape(), dict(base.files) if base else None)
    return {
        name: run_of(work.request, files, promised, seed=work.null_seed(), why="null")
        for name, files in made.items()
        if not gate.gate(files, gate.shape_of(files) or "page")
    }


def idle_of(work: Work, answers: dict[str, Json]) -> dict[str, str]:
    """{check id: the program on which it holds although it must fail there}, from the answers of must_fail's runs."""
    carried = {str(check["id"]) for check in (work.request.base.checks if work.request.base else [])}
    return nulls.idle(work.promised(), answers, shape=work.shape(), seed=work.null_seed(), carried=carried)


def held_to(work: Work, files: dict[str, str]) -> Generator[Step, Json, Tried]:
    """Files that no model was asked for, held to what is promised already and beside programs that must fail."""
    request, promised = work.request, work.promised()
    if (end := refused(files, promised)) is not None:
        return end
    run, nulls_ = run_of(request, files, promised), must_fail(work, previous=False)
    answers = (yield All((run, *nulls_.values())))["answers"] if nulls_ else [(yield run)]
    work.idle = idle_of(work, dict(zip(nulls_, answers[1:], strict=True)))
    return judged(request, files, promised, answers[0], work.idle)


def try_all(work: Work, drafts: Sequence[Draft], how: str) -> Generator[Step, Json, list[Tried]]:
    """Every draft on trial, side by side; the best comes first and is the one that the person is told of."""
    tried: list[Tried] = []
    waiting = []
    for draft in drafts:
        files, did = _certain(draft.files)
        said = " ".join(filter(None, (draft.said, did)))
        more = {"model": draft.model, "how": how, "said": said, "unproven": _unproven(work)}
        if (end := refused(files, work.promised(), **more)) is not None:
            tried.append(end)
        else:
            waiting.append((files, more))
    if waiting:
        runs = tuple(run_of(work.request, files, work.promised()) for files, _ in waiting)
        answers = [(yield runs[0])] if len(runs) == 1 else (yield All(runs))["answers"]
        tried += [
            judged(work.request, files, work.promised(), answer, work.idle, **more)
            for (files, more), answer in zip(waiting, answers, strict=True)
        ]
    tried.sort(key=lambda one: one.rank)
    yield told(tried[0], work.not_checked(tried[0]))
    return tried


def _unproven(work: Work) -> int:
    """How many promises that the person ticked no check stands for: none could be made of them, or they cannot hold and
    nobody was asked about it."""
    formless = {p.id for p in (work.plan.promises if work.plan else ()) if p.confirmed and p.form is None}
    open_ = {str(c["id"]) for pair in work.unsettled for c in pair["checks"] if c.get("confirmed")}
    stands = {str(check["id"]) for check in work.promised()}
    return len((formless | open_ | work.impossible) - stands)


def _certain(files: dict[str, str]) -> tuple[dict[str, str], str]:
    """What can be mended without asking anybody, and what that was."""
    fixed = fixers.before(files)
    return (fixed.files, f"({fixed.did}.)") if fixed else (files, "")
