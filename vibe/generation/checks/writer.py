"""What a writer is told: the one who writes the code (for_writer), and the one who writes checks (schema_for_prompt).

The code's writer learns every promise and every name that is looked for, and no number or text that is expected: a
program that knows the answers by heart is no program.
"""

from collections.abc import Iterator, Sequence

from vibe.generation.checks.language import Check, Expect, Step, Target, as_checks
from vibe.generation.checks.results import listed
from vibe.generation.checks.runs import bound
from vibe.generation.checks.skeleton import kinds_of_inputs
from vibe.generation.steps import Json


def for_writer(checks: Sequence[Check | Json]) -> str:
    """Lines for the writing call; "" without checks."""
    read = as_checks(checks)
    if not read:
        return ""
    names = list(dict.fromkeys(line for check in read for line in _names(check)))
    names += _form(read)
    lines = ["It must hold that:", *(f"- {check.sentence}" for check in read)]
    if names:
        lines += ["These are looked for, with exactly these names:", *(f"- {line}" for line in names)]
    return "\n".join(lines) + "\n"


def _names(check: Check) -> Iterator[str]:
    for run in bound(check)[:1]:
        for step in run.steps:
            if step.target:
                yield _where(step.target, step)
        for expect in run.expect:
            if expect.target and not (expect.target.text and expect.see in {"visible", "count"}):
                yield _where(expect.target, expect)
            elif expect.see.startswith("artifact:"):
                yield f"A file out/{expect.see.partition(':')[2]}{' with a number in it' if expect.number else ''}."
            elif expect.see == "artifact" and isinstance(expect.is_, str):
                yield f"A file out/{expect.is_}."


def _where(target: Target, thing: Step | Expect) -> str:
    if target.mark:
        if isinstance(thing, Step):
            return f'An element with data-vibe="{target.mark}" to {thing.do}.'
        shows = "a number, and no other number" if thing.number else "what was asked"
        said = {"text": f" shows {shows}", "value": f" holds {shows}", "count": " for each of them"}.get(
            thing.see, ""
        )
        return f'An element with data-vibe="{target.mark}"{said}.'
    if target.role:
        kind = {"textbox": "field", "spinbutton": "number field", "combobox": "list to choose from"}.get(
            target.role, target.role
        )
        return f"A {kind} named “{target.name}”." if target.name else f"Elements with the role {kind}."
    if target.label:
        do = thing.do if isinstance(thing, Step) else ""
        kind = {"select": "list to choose from", "check": "tick box", "uncheck": "tick box"}.get(do, "field")
        return f"A {kind} labelled “{target.label}”, by a real label."
    return f"The words “{target.text}”." if target.text else ""


def _form(checks: Sequence[Check]) -> list[str]:
    kinds = kinds_of_inputs([bound(check)[0] for check in checks])
    if not kinds:
        return []
    return [f"Inputs in tool.toml: {listed([f'{name} ({kind})' for name, kind in kinds.items()])}."]


def schema_for_prompt() -> str:
    """The JSON form of checks for the plan call, with an example of a page and one of a tool."""
    return _SCHEMA


PAGE_EXAMPLE = """{"id": "share", "sentence": "Everybody pays the same, tip included",
 "given": {"bill": 90, "tip": 10, "people": 3}, "vary": {"bill": [10, 500], "people": [2, 9]},
 "again": {"bill": "bill * 2"},
 "steps": [{"do": "fill", "target": {"label": "Bill"}, "value": "{bill}"},
  {"do": "fill", "target": {"label": "Tip in %"}, "value": "{tip}"},
  {"do": "fill", "target": {"label": "People"}, "value": "{people}"},
  {"do": "click", "target": {"role": "button", "name": "Split"}}],
 "expect": [{"see": "text", "target": {"mark": "share"}, "number": "bill * (1 + tip / 100) / people"}]}"""

TOOL_EXAMPLE = """{"id": "total", "sentence": "It adds up the amounts",
 "given": {"amounts": [12.5, 8, 30]}, "vary": {"amounts": [1, 99]},
 "input": {"table": "bank.csv"}, "files": {"bank.csv": "Text,Amount\\nTea,{amounts.0}\\nBus,{amounts.1}\\nRent,{amounts.2}\\n"},
 "expect": [{"see": "stdout", "number": "sum(amounts)"}]}"""

_SCHEMA = f"""A check is one JSON object: it uses the finished program once and says what must then be seen.
id, sentence (plain words). given: values; {{name}} or {{list.0}} puts them into texts. vary: ranges for numbers of given;
I try others. again: everything a second time with these changed (numbers: an expression; texts: another text); then
"before" in "number" is what was seen the first time.
steps (page): do = click, fill, select (value), check, uncheck, press (key), reload, wait (seconds).
target = one of {{"role": "button", "name": "…"}}, {{"label": "…"}}, {{"text": "…"}}, {{"mark": "…"}} (a place for a result).
expect (page): see = visible, hidden, count, text, value, changed, kept (the same after a reload), errors.
Tool: no steps, no target; input (form values), files (their texts); see = stdout, exit, message (for bad input),
artifact:<file name>.
Compare by one of is, contains, at_least, number. Never work a number out: "number" is an expression over given, with
+ - * / // % **, sum min max len mean round abs floor ceil sqrt, a if b else c. Give every number in given and vary it,
and every typed text in given with another one in again: what always sees the same cannot fail.

A page:
{PAGE_EXAMPLE}

A tool:
{TOOL_EXAMPLE}
"""
