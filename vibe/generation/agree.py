"""Agree on what is to be made: the plan and its checks, before any code, in a call that sees neither code nor text of
strangers; then the person, if the dial says so.
"""

from collections.abc import Generator, Sequence
from dataclasses import replace

from vibe.generation import plan, reading
from vibe.generation.checks import writer
from vibe.generation.clashes import consistent
from vibe.generation.clashes import decided as decided_clashes
from vibe.generation.plan import ENGLISH, Plan, Promise
from vibe.generation.prompt import fill, fingerprint
from vibe.generation.request import Request
from vibe.generation.steps import Approve, Json, Question, Step, Tell
from vibe.generation.work import Nothing, Work


def agree(work: Work) -> Generator[Step, Json, Plan | None]:
    """The plan that is written from, or None when the model's plan could not be read and nobody waits for one."""
    asks = work.allowed.asks
    if not work.calls_left:
        raise Nothing(
            f"All {work.allowed.calls} calls to the model that this setting allows were used before I had to begin "
            "anew, so nothing more is written. Your words are kept: send them again, and they have calls of their own."
        )
    agreed = None
    if work.calls_left > 1:  # the last call is for the writing
        agreed = yield from _plan(work, (), questions="question" in asks)
    if agreed and agreed.questions and "question" in asks:
        agreed = yield from consistent(work, agreed)  # what contradicts itself is asked about before all else
        agreed = yield from _ask_person(work, agreed)
    if agreed is None:
        # A model that cannot keep the form still deserves a person's look at what it understood.
        agreed = Plan(steps=(work.request.description[: plan.MAX_LINE],))
        if "plan" not in asks and not work.weak():
            return None
    agreed = yield from consistent(work, agreed)
    work.shown = _as_shown(work, agreed)
    decision = yield Approve("plan", work.shown)
    if not decision["yes"]:
        raise Nothing(
            "You left the plan, so nothing was made. Your words are kept: change them and send them again."
        )
    return (yield from settled(work, agreed, decision.get("proposal") or {}))


def settled(work: Work, agreed: Plan, edited: Json) -> Generator[Step, Json, Plan]:
    """The plan with the person's edits, and forms for the promises that they wrote themselves."""
    work.plan = agreed = plan.edited(agreed, edited, _prefix(work.request), _taken(work.request))
    yield from _show(work, agreed)
    wanting = plan.open_promises(agreed)
    if wanting and work.calls_left > 1:  # the last call is for the writing
        agreed = yield from _with_forms(work, agreed, wanting)
    agreed = yield from consistent(work, agreed)
    yield from _show(work, agreed)
    return agreed


def _with_forms(work: Work, agreed: Plan, wanting: Sequence[Promise]) -> Generator[Step, Json, Plan]:
    words = "\n".join(f"- {p.sentence}" for p in wanting)
    answer = yield from work.ask(
        work.call(
            "checks",
            fill("checks", language=writer.schema_for_prompt()),
            f"{reading.plan_text(work.request, work.summaries)}\nThe promises:\n{words}",
            fingerprint("checks"),
        )
    )
    return agreed if "fault" in answer else plan.with_forms(agreed, answer.get("text", ""))


def _show(work: Work, agreed: Plan) -> Generator[Step, Json, None]:
    """The plan that is written from stands on the page, where it may be changed once more."""
    if work.shown != (now := _as_shown(work, agreed)):
        work.shown = now
        yield Tell("plan-proposed", {**now, "waits": False})


def _as_shown(work: Work, agreed: Plan) -> Json:
    return {**agreed.proposal(), "warning": work.weak(), "unpromised": list(work.unsaid)}


def _plan(work: Work, decided: Sequence[str], *, questions: bool) -> Generator[Step, Json, Plan | None]:
    wishes = ["question"] if questions and not decided else []
    wishes += ["clash"] if "contradiction" in work.allowed.asks else []
    wish = ". ".join(fill(name).strip() for name in wishes)
    text = reading.plan_text(work.request, work.summaries) + _promised_already(work)
    if decided:
        text += "\n\nThe person decided:\n" + "\n".join(f"- {line}" for line in decided)
    answer = yield from work.ask(
        work.call(
            "plan",
            fill("plan", questions=wish, language=writer.schema_for_prompt()),
            text,
            fingerprint("plan", *wishes),
        )
    )
    if fault := answer.get("fault"):
        raise Nothing(fault["sentence"])
    read = plan.read(answer["text"], prefix=_prefix(work.request))
    if read and read.frame != ENGLISH:
        work.frame = read.frame
    return read


def _taken(request: Request) -> set[str]:
    """The ids of promises of the version before: no new one may be called so."""
    base = request.base.checks if request.base else []
    return {str(check["id"]) for check in [*base, *request.settled.get("keep", [])]}


def _prefix(request: Request) -> str:
    """What the ids of this making's promises begin with. No earlier one does: a program that began as somebody's card
    brings ids with numbers of its own."""
    if request.base is None:
        return ""
    nth, taken = len(request.history) + 1, _taken(request)
    while any(id_.startswith(f"c{nth}-") for id_ in taken):
        nth += 1
    return f"c{nth}-"


def _promised_already(work: Work) -> str:
    """Of a change: the promises of the version before, which the change may make untrue."""
    base = work.request.base
    promised = work.before()
    if base is None or not promised or work.request.foreign:
        return ""
    lines = [f"{number}. {check['sentence']}" for number, check in enumerate(promised, 1)]
    asked = "If the change makes one of these untrue, add a line: DROP its number"
    return "\n".join(["\nIt is promised already that:", *lines, asked]) + "\n"


def _ask_person(work: Work, agreed: Plan) -> Generator[Step, Json, Plan]:
    """What the model asks, as far as the person may be asked more; what was decided goes into a second plan where a call
    is left for it."""
    yield Tell("plan-proposed", {**agreed.proposal(), "waits": False})
    decided = []
    for number, question in enumerate(agreed.questions[: work.questions_left], 1):
        work.questions += 1
        answer = yield Question(
            f"plan-{number}",
            question.sentence,
            question.as_choices(work.frame.decide),
            dial="question",
            unasked=plan.DECIDE,
        )
        if label := question.answer(str(answer["choice"])):
            decided.append(f"{question.sentence} {label}")
    if decided and work.calls_left > 2:
        again = yield from _plan(work, [*decided, *decided_clashes(work)], questions=False)
        agreed = again or agreed
    return replace(agreed, decided=tuple(decided), questions=())
