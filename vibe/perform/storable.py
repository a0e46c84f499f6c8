"""Steps as every database can keep them: a page's text and a tool's file may hold what PostgreSQL's JSON refuses."""

from math import isfinite
from typing import Any

from vibe.generation import steps


def asked(step: steps.Step) -> dict[str, Any]:
    """What the journal keeps of what a step asks for."""
    match step:
        case steps.Ask():
            return {"messages": [m.as_json() for m in step.messages], "parts": list(step.parts), "sent": 1}
        case steps.Approve():
            return {"about": step.about, "proposal": step.proposal}
        case steps.Question():
            looks = {"looks": list(step.looks)} if isinstance(step, steps.Pick) else {}
            return {"about": step.about, "sentence": step.sentence, "choices": step.choices, **looks}
        case steps.Run():
            files, checks = sorted(step.files), len(step.checks)
            return {"why": step.why, "shape": step.shape, "files": files, "checks": checks}
    return {}


def storable(value: Any) -> Any:
    """`value` without NUL and without halves of characters (both become �), without numbers that JSON does not have
    (they become None)."""
    if isinstance(value, str):
        return _storable(value)
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {_storable(name): storable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [storable(one) for one in value]
    return value


def _storable(text: str) -> str:
    text = text.replace("\0", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
