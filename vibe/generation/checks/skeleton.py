"""Skeletons: the fields, buttons, marks and files that checks name, with nothing behind them. For null programs."""

import json
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from html import escape

from vibe.generation.checks.figures import plainly
from vibe.generation.checks.language import Expect, Step, Target
from vibe.generation.checks.runs import Bound

MOST = 50  # elements of one kind
_VOID = {"img": '<img alt="{name}">', "textbox": '<input aria-label="{name}">', "searchbox": '<input type="search" aria-label="{name}">',
    "spinbutton": '<input type="number" aria-label="{name}">', "slider": '<input type="range" aria-label="{name}">',
    "checkbox": '<input type="checkbox" aria-label="{name}">', "radio": '<input type="radio" aria-label="{name}">'}  # fmt: skip
_TAGS = {
    "button": "button",
    "heading": "h2",
    "listitem": "li",
    "list": "ul",
    "paragraph": "p",
    "row": "tr",
    "cell": "td",
}


def plain(value: float | Fraction) -> str:
    """A number as a page shows one: 23.50, 90."""
    text = plainly(value)
    return f"{text}0" if re.fullmatch(r"-?\d+\.\d", text) else text


# --- pages ------------------------------------------------------------------------------------------------------


def page(runs: Sequence[Bound], *, numbers: bool) -> str:
    """The body of a page on which every step can be done and nothing follows from it."""
    wanted: dict[str, tuple[Target, int, list[Step]]] = {}
    for run in runs:
        things: list[Step | Expect] = [*run.steps, *run.expect]
        for thing in things:
            target = thing.target
            if target is None or target.css is not None:
                continue
            key = target.model_copy(update={"nth": 0}).model_dump_json()
            _, many, steps = wanted.get(key, (target, 1, []))
            many = max(many, target.nth + 1, _counted(thing) if numbers else 1)
            wanted[key] = (target, min(many, MOST), [*steps, thing] if isinstance(thing, Step) else steps)
    shown = _shown(runs, numbers=numbers)
    return "".join(
        _element(target, steps, shown.get(target.model_copy(update={"nth": 0}).model_dump_json(), "")) * many
        for target, many, steps in wanted.values()
    )


def _counted(thing: Step | Expect) -> int:
    if isinstance(thing, Expect) and thing.see == "count":
        return int(thing.is_ or thing.at_least or 1) if not isinstance(thing.is_, str) else 1
    return 1


def _shown(runs: Sequence[Bound], *, numbers: bool) -> dict[str, str]:
    """{target: the text in it}. Where checks want different numbers at one place no constant can be right: none is shown."""
    texts: dict[str, list[str]] = {}
    figures: dict[str, list[str]] = {}
    for run in runs:
        for e in run.expect:
            if e.target is None:
                continue
            key = e.target.model_copy(update={"nth": 0}).model_dump_json()
            if (number := run.number(e)) is not None:
                figures.setdefault(key, []).append(plain(number))
            elif isinstance(e.is_, str) or e.contains:
                texts.setdefault(key, []).append(str(e.is_ if e.is_ is not None else e.contains))
    found = {
        key: texts[key][0] if len(set(texts[key])) == 1 else " ".join(dict.fromkeys(texts[key]))
        for key in texts
    }
    for key, values in figures.items():
        if numbers and len(set(values)) == 1:
            found[key] = f"{found.get(key, '')} {values[0]}".strip()
    return found


def _element(target: Target, steps: Sequence[Step], text: str) -> str:
    name = escape(target.name or target.label or target.text or "")
    if target.mark:
        return _marked(target.mark, {s.do for s in steps}, text)
    if target.text:
        return f"<p>{name}</p>"
    if target.label:
        return f"<p><label>{name} {_field(steps, text)}</label></p>"
    role = target.role or ""
    if role in _VOID:
        return f"<p>{_VOID[role].format(name=name)}</p>"
    if role in {"combobox", "listbox"}:
        return f'<p><select aria-label="{name}">{_options(steps)}</select></p>'
    if role == "link":
        return f'<p><a href="#">{name}</a></p>'
    if role in _TAGS and role not in {"row", "cell"}:
        return f"<{_TAGS[role]}>{name or escape(text)}</{_TAGS[role]}>"
    return f'<div role="{role}" aria-label="{name}">{escape(text) or name}</div>'


def _marked(mark: str, done: set[str], text: str) -> str:
    if done & {"fill", "select"}:
        return f'<p><input data-vibe="{mark}" value="{escape(text)}"></p>'
    if done & {"check", "uncheck"}:
        return f'<p><input type="checkbox" data-vibe="{mark}"></p>'
    return f'<p data-vibe="{mark}">{escape(text)}</p>'


def _field(steps: Sequence[Step], value: str) -> str:
    done = {s.do for s in steps}
    if "select" in done:
        return f"<select>{_options(steps)}</select>"
    if done & {"check", "uncheck"}:
        return '<input type="checkbox">'
    return f'<input value="{escape(value)}">'


def _options(steps: Sequence[Step]) -> str:
    chosen = dict.fromkeys(s.value or "" for s in steps if s.do in {"select", "fill"})
    return "".join(f"<option>{escape(value)}</option>" for value in ["", *chosen])


# --- tools ------------------------------------------------------------------------------------------------------


def kinds_of_inputs(runs: Sequence[Bound]) -> dict[str, str]:
    """{name: type} of the form fields that the checks fill, as their values have it."""
    kinds: dict[str, str] = {}
    for run in runs:
        for name, value in (run.check.input or {}).items():
            kinds.setdefault(name, _kind(run.filled(value), run.check.files))
    return kinds


def form(runs: Sequence[Bound]) -> str:
    """A tool.toml that asks for the inputs that the checks give."""
    kinds = kinds_of_inputs(runs)
    lines = ['title = "x"', 'run = ["python3", "main.py"]']
    for name, kind in list(kinds.items())[:20]:
        lines += ["[[inputs]]", f"name = {json.dumps(name)}", f"label = {json.dumps(name)}", f'type = "{kind}"']
    return "\n".join(lines) + "\n"


def _kind(value: object, files: dict[str, str]) -> str:
    if isinstance(value, bool):
        return "yesno"
    if isinstance(value, int | float):
        return "number"
    return "file" if value in files else "text"


def artifacts(runs: Sequence[Bound], *, numbers: bool) -> dict[str, str]:
    """{file name: text} of the files that the checks look for, with what they expect in them."""
    made: dict[str, str] = {}
    for name, text in _named(runs, numbers):
        made[name] = (
            f"{made.get(name, '')}{text}\n" if text not in made.get(name, "") or not text else made[name]
        )
    return {name: text for name, text in made.items() if name and "/" not in name}


def _named(runs: Sequence[Bound], numbers: bool) -> Iterator[tuple[str, str]]:
    for run in runs:
        for e in run.expect:
            if e.see == "artifact" and isinstance(e.is_, str):
                yield e.is_, ""
            elif e.see.startswith("artifact:"):
                number = run.number(e)
                figure = plain(number) if numbers and number is not None else ""
                yield e.see.partition(":")[2], str(e.is_ if e.is_ is not None else e.contains or figure)
