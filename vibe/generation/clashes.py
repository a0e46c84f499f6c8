"""Promises that cannot both hold: found before a line of code, and settled by the person where the dial asks them.

Where nobody is asked, what the person promised themselves goes before what was made up, and what was promised before
goes before what is new; of two that were made up now neither counts, and the person may settle it afterwards with one
click: a Job that first looks whether the program is so already.
"""

from collections.abc import Generator, Sequence
from dataclasses import replace

from vibe.choices import Verdict
from vibe.generation import write
from vibe.generation.checks import contradictions
from vibe.generation.plan import DECIDE, Frame, Plan
from vibe.generation.request import Request, Result
from vibe.generation.steps import Json, Question, Step
from vibe.generation.trial import finish, refused, told
from vibe.generation.work import Work

NEITHER = "neither"


def consistent(work: Work, agreed: Plan) -> Generator[Step, Json, Plan]:
    """`agreed` without the promises that cannot hold beside another one; it is `work.plan` from here on."""
    work.plan = agreed
    before = {str(check["id"]) for check in work.kept()}
    checks = {str(check["id"]): check for check in [*work.kept(), *agreed.checks()]}
    for first, second, sentence in contradictions.find(list(checks.values())):
        if first not in checks or second not in checks or (first in before and second in before):
            continue  # settled by an answer before this one
        if first == second:
            stays, goes = "", [first]
            work.say(sentence)
            work.impossible |= {first} if checks[first].get("confirmed") else set()
        else:
            answer = yield from _settle(work, checks[first], checks[second], sentence)
            stays, goes = _outcome(work, str(answer["choice"]), checks[first], checks[second], before, sentence)
        for id_ in goes:
            del checks[id_]
        work.let_go |= before & set(goes)
        if stays:
            checks[stays] = {**checks[stays], "confirmed": True}
            work.chosen.add(stays)
        promises = [p for p in work.plan.promises if p.id not in goes]
        work.plan = replace(
            work.plan, promises=tuple(replace(p, confirmed=True) if p.id == stays else p for p in promises)
        )
    _close(work, [check for check in checks.values() if check.get("confirmed")])
    return work.plan


def _close(work: Work, wanted: Sequence[Json]) -> None:
    """What the person promised since, one of two that were left open cannot stand beside: so they said which one holds."""
    for pair in list(work.unsettled):
        sides = [{**one, "id": "open"} for one in pair["checks"]]
        promised = [{**check, "id": "promised"} for check in wanted]
        both = ([one, check] for one in sides for check in promised)
        if any(first != second for two in both for first, second, _ in contradictions.find(two)):
            work.close(pair)


def _settle(work: Work, one: Json, other: Json, sentence: str) -> Generator[Step, Json, Json]:
    pair = (str(one["sentence"]), str(other["sentence"]))
    for known, swapped in ((pair, False), (pair[::-1], True)):
        if (choice := work.answers.get(known)) is not None:  # of an earlier plan: nobody is asked twice
            return {"choice": {"1": "2", "2": "1"}.get(choice, choice) if swapped else choice}
    if not work.questions_left:
        return {"choice": ""}
    work.questions += 1
    frame = work.frame
    choices: list[Json] = [
        {"value": "1", "label": one["sentence"], "line": _whose(one, frame)},
        {"value": "2", "label": other["sentence"], "line": _whose(other, frame)},
        {
            "value": NEITHER,
            "label": frame.neither,
            "line": "" if frame.clash else "I check neither, and say so.",
        },
        {"value": DECIDE, "label": frame.decide, "line": ""},
    ]
    asked = frame.clash or f"{sentence} Which one shall hold?"
    answer = yield Question(f"clash-{work.questions}", asked, choices, dial="contradiction")
    if answer["choice"]:
        work.answers[pair] = str(answer["choice"])
    return answer


def decided(work: Work) -> list[str]:
    """What the person said about such pairs, for another plan."""
    said = []
    for (one, other), choice in work.answers.items():
        if choice in {"1", "2"}:
            stays, goes = (one, other) if choice == "1" else (other, one)
            said.append(f"This counts: “{stays}” This does not: “{goes}”")
        elif choice == NEITHER:
            said.append(f"Neither of these counts: “{one}” “{other}”")
    return said


def _whose(check: Json, frame: Frame) -> str:
    if not check.get("confirmed"):
        return ""
    return "✓" if frame.clash else "You asked for this."


def _outcome(
    work: Work, choice: str, one: Json, other: Json, before: set[str], sentence: str
) -> tuple[str, list[str]]:
    """(id of what the person chose, or ""; ids of what is promised no longer). What goes is said."""
    a, b = str(one["id"]), str(other["id"])
    if choice in {"1", "2"}:
        stays, goes = (one, other) if choice == "1" else (other, one)
        work.say(f"{_gone(goes, stays)}, which you chose.")
        return str(stays["id"]), [str(goes["id"])]
    if choice == NEITHER:
        work.say(f"{sentence} You wanted neither checked.")
        return "", [a, b]
    first = _first(one, other, before) or (one if choice == DECIDE else None)
    if first is None:
        work.leave_open(sentence, one, other, said=sentence)
        return "", [a, b]
    last = other if first is one else one
    said = f"{_gone(last, first)}{': you left it to me' if choice == DECIDE else ''}."
    if choice != DECIDE and not first.get("confirmed"):
        work.leave_open(sentence, one, other, said)
    else:
        work.say(said)
    return "", [str(last["id"])]


def _first(one: Json, other: Json, before: set[str]) -> Json | None:
    """Which of the two goes before the other without asking; None when neither does."""
    mine, theirs = bool(one.get("confirmed")), bool(other.get("confirmed"))
    if mine != theirs:
        return one if mine else other
    old, older = str(one["id"]) in before, str(other["id"]) in before
    return (one if old else other) if old != older else None


def _gone(goes: Json, stays: Json) -> str:
    return f"“{goes['sentence']}” is not promised: it cannot hold beside “{stays['sentence']}”"


def chosen(unsettled: Json, which: int) -> Json:
    """Request.settled for the promise `which` (0 or 1) of an entry of Version.measures["unsettled"]."""
    keep, drop = unsettled["checks"][which], unsettled["checks"][1 - which]
    return {"keep": [{**keep, "confirmed": True}], "drop": [str(drop["id"])]}


def as_it_is(request: Request, force: Json) -> Generator[Step, Json, Result | None]:
    """The program there is, held to what the person settled, without a call to a model; None when it does not hold."""
    base, work = request.base, Work(request, force)
    if base is None or not force["engine"] or refused(dict(base.files), work.promised()):
        return None
    tried = yield from write.held_to(work, dict(base.files))
    # What the person chose must be seen to hold, also where it could not fail on a program that does nothing.
    wanted = {str(check["id"]) for check in request.settled.get("keep", [])}
    if tried.verdict is not Verdict.HELD or any(
        not r["held"] for r in tried.judged.results if r["id"] in wanted
    ):
        return None
    yield told(tried)
    return finish(request, tried, title=base.title, sentence="It was so already: nothing had to change.")
