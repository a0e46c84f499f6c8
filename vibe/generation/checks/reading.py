"""Reads a check that a model or a person wrote, or says in a sentence why it cannot be used.

The sentence goes back to whoever wrote it, so it says what to write instead. What a model may not do is told apart
here: no selectors (a selector binds the check to one way of writing the page), and no number that it worked out itself.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from vibe.generation.checks import filling
from vibe.generation.checks.arithmetic import BadExpression, exactly, names_in
from vibe.generation.checks.figures import exact, figures, plainly
from vibe.generation.checks.language import TOOL_SEES, Check, Expect, Source, Step, Target
from vibe.generation.checks.runs import bound, changed

MAX_CHECK = 40_000  # characters of JSON


def read(raw: object, *, source: Source | None = None) -> Check | str:
    """The Check that `raw` (parsed JSON) is, or one sentence why it cannot be used and what would be right.

    `source` is who wrote it, whatever the JSON says: a model cannot pass for a recipe nor tick its own check.
    """
    if not isinstance(raw, dict):
        return "A check is an object with id, sentence, steps and expect."
    if source is not None:
        raw = {**raw, "source": source, "confirmed": source == "person"}
    raw = {**raw, "expect": [raw["expect"]]} if isinstance(raw.get("expect"), dict) else raw
    try:
        if len(json.dumps(raw, ensure_ascii=False)) > MAX_CHECK:
            return f"A check has at most {MAX_CHECK:,} characters."
        check = Check.model_validate(raw)
    except ValidationError as problem:
        return _first(problem)
    except (TypeError, ValueError):
        return "A check is plain JSON."
    return next(_refusals(check), check)


def _first(problem: ValidationError) -> str:
    error = problem.errors()[0]
    where = ".".join(str(part) for part in error["loc"] if part not in {"int", "float", "str"})
    match error["type"]:
        case "extra_forbidden":
            said = f"“{error['loc'][-1]}” is no part of a check"
        case "missing":
            said = f"“{error['loc'][-1]}” is missing"
        case "too_short" if error["loc"] == ("expect",):
            said = "a check needs something that can fail: add to “expect”"
        case "literal_error":
            said = f"“{error['input']}” is not known here; use {error['ctx']['expected']}".replace("'", "")
        case "model_type" if isinstance(error["input"], str):
            said = f'“{error["input"]}” should be an object, such as {{"label": "{error["input"]}"}}'
        case "string_pattern_mismatch":
            said = f"“{error['input']}” is no such name: use small letters, digits and “_”, beginning with a letter"
        case _:
            said = error["msg"].removeprefix("Value error, ")
    said = said.rstrip(".")
    return f"{where}: {said}." if where else f"{said[:1].upper()}{said[1:]}."


def _refusals(check: Check) -> Iterator[str]:
    """Sentences against a check whose form is right; the first one counts."""
    yield from _of_one_kind(check)
    yield from _varied(check)
    yield from _filled(check)
    for expect in check.expect:
        yield from _can_fail(expect)
    if check.source in {"model", "person"}:
        for target in _targets(check):
            if target.css is not None:
                yield "A selector ties the check to one way of writing the page: use role, label, text or mark."
    if check.source == "model":
        yield from _worked_out(check)


def _of_one_kind(check: Check) -> Iterator[str]:
    on_page = [e.see for e in check.expect if not e.of_a_tool]
    if check.of_a_tool and on_page:
        yield f"A check is about a page or about a tool: “{on_page[0]}” is of a page. A tool's are {', '.join(TOOL_SEES)}."
    if check.of_a_tool and check.steps:
        yield "A tool has no steps: give its form values in “input” and its files' texts in “files”."
    if check.of_a_tool and any(e.target for e in check.expect):
        yield "What a tool gives has no target: leave “target” out."
    for name in check.input or {}:
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
            yield f"“{name}” cannot name a field of the form: use small letters, digits and “_”."
    for name in (v for v in (check.input or {}).values() if isinstance(v, str) and "." in v and check.files):
        if name not in check.files and name.rsplit(".", 1)[-1] in {f.rsplit(".", 1)[-1] for f in check.files}:
            yield f"The file “{name}” of “input” is not among “files”."


def _varied(check: Check) -> Iterator[str]:
    for name, (low, high) in check.vary.items():
        value = check.given.get(name)
        if value is None or isinstance(value, str):
            yield f"“vary” has “{name}”, which is no number in “given”: only numbers can be varied."
        elif not -(10**12) <= low < high <= 10**12:
            yield f"“vary” of “{name}” needs a range from less to more, as [1, 500]."
        elif isinstance(value, int) and int(high) <= low:
            yield f"“vary” of “{name}” has no whole number between {plainly(low)} and {plainly(high)}."
    for name in check.again:
        if name not in check.given:
            yield f"“again” changes “{name}”, which is not in “given”."
        elif isinstance(check.again[name], list) != isinstance(check.given[name], list):
            yield f"“again” gives “{name}” another kind of value than “given”."


def _filled(check: Check) -> Iterator[str]:
    """Placeholders name something, expressions can be reckoned with the given values, both times."""
    for expect in check.expect:
        if expect.number is None:
            continue
        try:
            before = "before" in names_in(expect.number)
            if before and not check.again:
                yield "“before” is what was seen the first time: it needs “again”, which says what changes."
            elif before and "before" in check.given:
                yield "A value of “given” cannot be called “before”."
            elif before:
                exactly(expect.number, {**changed(check, check.given), "before": 7})
        except BadExpression as problem:
            yield f"number: {problem}"
    try:
        for run in bound(check):
            run.as_json()
        if check.again and changed(check, check.given) == check.given:
            yield "“again” changes nothing: give it other values."
    except filling.Unfilled as problem:
        yield str(problem)
    except BadExpression as problem:
        yield f"number: {problem}"


def _can_fail(expect: Expect) -> Iterator[str]:
    needs = {"count", "text", "value", "stdout", "message"}
    if (expect.see in needs or expect.see.startswith("artifact:")) and not expect.compared:
        yield f"“{expect.see}” needs something to compare with: is, contains, matches, at_least or number."
    yes_or_no = expect.see in {"visible", "changed", "kept"} and isinstance(expect.is_, bool)
    if expect.see in {"visible", "hidden", "changed", "kept"} and expect.compared and not yes_or_no:
        yield f"“{expect.see}” is yes or no by itself: leave “{expect.compared[0]}” out."
    if expect.see in {"visible", "hidden", "count", "value"} and expect.target is None:
        yield f"“{expect.see}” needs “target”."
    if expect.contains is not None and not expect.contains.strip():
        yield "“contains” needs a text: every text contains nothing."
    if expect.see == "count" and expect.at_least is not None and expect.at_least <= 0:
        yield "“at_least” 0 always holds."


def _targets(check: Check) -> Iterator[Target]:
    things: list[Step | Expect] = [*check.steps, *check.expect]
    yield from (thing.target for thing in things if thing.target is not None)


# --- a model's own sums -----------------------------------------------------------------------------------------


def _worked_out(check: Check) -> Iterator[str]:
    """A number that is expected where numbers went in must be an expression: a model's own sums are not trusted."""
    went_in = set(_numbers_in(check))
    if not went_in:
        return
    for run in bound(check)[:1]:
        for expect, original in zip(run.expect, check.expect, strict=True):
            texts = [expect.is_, expect.contains, expect.target.text if expect.target else None]
            for text in texts:
                number = _only_number(text) if expect.see in {"text", "value", "stdout", "visible"} else None
                if number is not None and number not in went_in and original.number is None:
                    yield (
                        f"“{text}” is a number that somebody worked out: say how it comes about instead, with “number” "
                        "as an expression over “given”."
                    )


def _numbers_in(check: Check) -> Iterator[float]:
    values: list[Any] = [*check.given.values(), *(s.value for s in check.steps), *(check.input or {}).values()]
    for value in values:
        for item in value if isinstance(value, list) else [value]:
            if (number := _only_number(item)) is not None:
                yield number


def _only_number(text: object) -> float | None:
    """The number that a text is, but for its currency or unit sign; None for words with a number among them."""
    if isinstance(text, int | float) and not isinstance(text, bool):
        return float(exact(text))
    if not isinstance(text, str) or any(c.isalpha() for c in text):
        return None
    there = figures(text)
    return float(there[0].readings[0][0]) if len(there) == 1 and there[0].readings else None
