"""What was done, what should be seen and what was seen, in the words of somebody who used the program.

"I typed 90 into “Bill” and clicked “Split”"; "€23.50"; "“NaN”"; "there is no button “Split”: I could not click it".
"""

from collections.abc import Mapping, Sequence
from itertools import groupby

from vibe.generation.checks import figures
from vibe.generation.checks.language import Expect, Seen, Step, Target, fold
from vibe.generation.checks.results import count, listed
from vibe.generation.checks.runs import Bound
from vibe.generation.steps import Json

JUST_THAT = "just that"


def steps(done: Sequence[Step], opening: str = "I opened it in a sealed box") -> str:
    """What was done, folded where the same was done several times over."""
    if not done:
        return opening
    parts = []
    for did, same in groupby(done, key=_done):
        times = len(list(same))
        parts.append(did if times == 1 else f"{did} {'twice' if times == 2 else f'{times} times'}")
    return f"I {listed(parts)}"


def _done(step: Step) -> str:
    where = f"“{step.target.words}”{_which(step.target)}" if step.target else ""
    match step.do:
        case "fill":
            return f"typed {step.value} into {where}" if step.value else f"emptied {where}"
        case "select":
            return f"chose “{step.value}” in {where}"
        case "check":
            ticks = str(step.value if step.value is not None else "yes").lower() not in {"no", "false", "0"}
            return f"{'ticked' if ticks else 'unticked'} {where}"
        case "uncheck":
            return f"unticked {where}"
        case "press":
            return f"pressed {step.key}{f' in {where}' if where else ''}"
        case "wait":
            return f"waited {count_seconds(step.seconds)}"
        case "resize":
            return f"made the window {step.width} points wide"
        case "open":
            return "opened it anew"
        case "reload":
            return "reloaded it"
        case _:
            return f"clicked {where}"


def when(came: Json, promises: Mapping[str, str] | None = None) -> str:
    """When in the look something came, to be put behind what came; "" for the opening. `promises` are {id: sentence}."""
    name = str(came.get("name", ""))
    match came.get("stage"):
        case "phone":
            return " on a phone"
        case "slides":
            return " when I turned its slides"
        case "later":
            return " a while after it opened"
        case "click":
            return f" when I clicked “{fold(name)[:60]}”" if name else " when I clicked a button"
        case "check":
            sentence = (promises or {}).get(name.partition("~")[0])
            return (
                f" when I checked “{fold(sentence)[:120]}”" if sentence else " when I did what a promise says"
            )
    return ""


def count_seconds(seconds: float | None) -> str:
    value = 1.0 if seconds is None else seconds
    return "1 second" if value == 1 else f"{value:g} seconds"


def _which(target: Target) -> str:
    return f" (number {target.nth + 1})" if target.nth else ""


def inputs(run: Bound) -> str:
    """What a tool was given."""
    form = run.filled(run.check.input or {})
    said = (
        [f"{name.replace('_', ' ')}: {_value(v)}" for name, v in form.items()] if isinstance(form, dict) else []
    )
    return f"I ran it with {listed([s[:80] for s in said])}" if said else "I ran it on made-up input"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return figures.plainly(value) if isinstance(value, int | float) else f"“{fold(str(value))[:60]}”"


# --- what should be seen ----------------------------------------------------------------------------------------


def wanted(run: Bound, expect: Expect, seen: Seen, before: Seen = None, *, named: bool = False) -> str:
    """What should be seen; numbers as the page wrote its own. `named` says where, for one of several."""
    said = _wanted(run, expect, seen, before)
    place = _place(expect)
    yes_or_no = expect.see in {"visible", "hidden", "changed", "kept", "errors", "exit"}
    return f"{place}: {said}" if named and place and not yes_or_no else said


def _wanted(run: Bound, expect: Expect, seen: Seen, before: Seen) -> str:
    place = _place(expect) or "the page"
    if expect.number is not None:
        number = run.wanted(expect, seen, before)
        if number is None:
            return "a number" if run.first is None else f"a number that is {expect.number}"
        return figures.in_the_manner_of(seen, number) if isinstance(seen, str) else figures.plainly(number)
    yes = expect.is_ is not False
    match expect.see:
        case "visible":
            return f"{place} can be seen" if yes else f"{place} cannot be seen"
        case "hidden":
            return f"{place} cannot be seen"
        case "changed":
            return f"{place} changes" if yes else f"{place} stays the same"
        case "kept":
            return f"{place} is the same after a reload" if yes else f"{place} is gone after a reload"
        case "errors" if not expect.compared or expect.is_ == 0:
            return "no errors"
        case "exit" if not expect.compared or expect.is_ == 0:
            return "it ends without errors"
        case "artifact" if isinstance(expect.is_, str):
            return f"a file “{expect.is_}”"
    if expect.is_ is not None:
        return _value(expect.is_) if isinstance(expect.is_, bool) else str(expect.is_)
    if expect.contains is not None:
        return f"something with “{expect.contains}”"
    if expect.at_least is not None:
        return f"at least {expect.at_least:g}"
    return f"something like “{expect.matches}”" if expect.matches else "something"


def _place(expect: Expect) -> str:
    if expect.target:
        return f"“{expect.target.words}”{_which(expect.target)}"
    if expect.see.startswith("artifact:"):
        return f"the file “{expect.see.partition(':')[2]}”"
    return {"stdout": "what it prints", "message": "its message"}.get(expect.see, "")


# --- what was seen ----------------------------------------------------------------------------------------------


def saw(expect: Expect, seen: Seen, *, named: bool = False) -> str:
    place = _place(expect) or "the page"
    match expect.see, seen:
        case _, None:
            if expect.target:
                return absent(expect.target)
            return {"message": "no message"}.get(expect.see, "nothing of the kind")
        case "visible" | "hidden", bool():
            return f"{place} {'can' if seen else 'cannot'} be seen"
        case "changed", bool():
            return f"{place} {'changed' if seen else 'stayed the same'}"
        case "kept", bool():
            return f"{place} was {'the same' if seen else 'not the same'} after a reload"
        case "errors", int() | float():
            return count(int(seen), "error")
    if isinstance(seen, bool | int | float):
        shown = _value(seen)
    else:
        shown = f"“{words}”" if (words := fold(str(seen))[:200]) else "nothing"
    return f"{place}: {shown}" if named and _place(expect) else shown


# What a person calls what a check names by its role; the other roles are words of their own.
_KINDS = {
    "textbox": "field", "spinbutton": "field", "searchbox": "field", "combobox": "list", "img": "picture",
    "listitem": "line in a list", "checkbox": "box to tick", "radio": "choice", "status": "message", "alert": "message",
}  # fmt: skip


def absent(target: Target) -> str:
    """Nothing is where it was looked for."""
    words = f"“{target.words}”{_which(target)}"
    if target.role:
        kind = _KINDS.get(target.role, target.role)
        return f"there is no {kind} {words}" if target.name else f"there is no {kind}{_which(target)}"
    if target.label or target.mark:
        return f"nothing {'labelled' if target.label else 'marked'} {words} is there"
    return f"{words} is not there"


def stuck(step: Step | None, failed: Json) -> str:
    """A step that could not be done, and why; None: what comes before the first or after the last."""
    if step is None:
        return f"I could not {'look' if failed['step'] > 0 else 'begin'}: {failed['why']}"
    if failed.get("missing") and step.target:
        verb = {
            "fill": "type into it", "select": "choose in it", "check": "tick it", "uncheck": "untick it",
            "press": "press a key in it",
        }.get(step.do, "click it")  # fmt: skip
        return f"{absent(step.target)}: I could not {verb}"
    return f"I could not {step.do} “{step.target.words if step.target else ''}”: {failed['why']}"
