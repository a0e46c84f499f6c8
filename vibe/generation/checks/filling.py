"""Filling: {bill} and {food.0} in the texts of a check become the values of a run; {{bill}} stays as {bill}.

A recipe's check without `given` holds a person's own words, braces and all: there nothing is filled in.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from vibe.generation.checks.figures import plainly
from vibe.generation.checks.language import Check, Expect, Given, Step, Target

_PLACE = re.compile(r"\{\{[a-z][a-z0-9_]*(?:\.\d{1,2})?\}\}|\{([a-z][a-z0-9_]*)(?:\.(\d{1,2}))?\}")

Values = Mapping[str, Given]


class Unfilled(Exception):
    """Raised when a placeholder names nothing; its text is a sentence that says which."""


def fills(check: Check) -> bool:
    """Whether braces mean anything in this check."""
    return bool(check.given) or check.source != "recipe"


def fill(text: str, values: Values, quote: Callable[[str], str] = str) -> str:
    """`text` with the values in their places, numbers written plainly (90, 23.5). Raises Unfilled."""
    return _PLACE.sub(lambda place: quote(_value(place, values)) if place[1] else place[0][1:-1], text)


def places(text: str) -> set[str]:
    """The names that `text` uses."""
    return {place[1] for place in _PLACE.finditer(text) if place[1]}


def _value(place: re.Match[str], values: Values) -> str:
    value = values.get(place[1])
    if value is None:
        known = ", ".join(f"{{{name}}}" for name in values)
        raise Unfilled(f"“{place[0]}” names nothing in “given”; there is {known or 'nothing'}.")
    if place[2] is not None:
        if not isinstance(value, list) or int(place[2]) >= len(value):
            raise Unfilled(f"“{place[0]}” is not there: {place[1]} is {as_text(value)}.")
        value = value[int(place[2])]
    return as_text(value)


def as_text(value: Given) -> str:
    if isinstance(value, list):
        return ", ".join(plainly(item) for item in value)
    return value if isinstance(value, str) else plainly(value)


# --- a whole check ----------------------------------------------------------------------------------------------


def step(one: Step, values: Values) -> Step:
    return one.model_copy(
        update={
            "value": None if one.value is None else fill(one.value, values),
            "target": _target(one.target, values),
        }
    )


def expect(one: Expect, values: Values) -> Expect:
    """Filled in; a pattern gets its values as they are, with nothing in them that a pattern would read."""
    return one.model_copy(
        update={
            "see": fill(one.see, values),
            "target": _target(one.target, values),
            "is_": fill(one.is_, values) if isinstance(one.is_, str) else one.is_,
            "contains": None if one.contains is None else fill(one.contains, values),
            "matches": None if one.matches is None else fill(one.matches, values, re.escape),
        }
    )


def _target(target: Target | None, values: Values) -> Target | None:
    if target is None:
        return None
    texts = {k: fill(v, values) for k in ("name", "label", "text") if (v := getattr(target, k)) is not None}
    return target.model_copy(update=texts)


def anything(node: Any, values: Values) -> Any:
    """The form values of a tool: a text that is one placeholder alone gives the number itself."""
    if isinstance(node, dict):
        return {key: anything(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [anything(value, values) for value in node]
    if not isinstance(node, str):
        return node
    whole = _PLACE.fullmatch(node)
    if whole and whole[1] and whole[2] is None and isinstance(values.get(whole[1]), int | float):
        return values[whole[1]]
    return fill(node, values)
