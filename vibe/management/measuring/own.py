"""A suite's own checks: written by whoever measures, never seen by a model, run on the product's program and on the bare
model's alike. What the product's own checks say of its own programs is a promise kept; this is a second opinion.

Nobody told the program's writer a name, so a check that is to be fair looks for what the request itself says, or for a
number anywhere. An input of a tool is found by its name, else by its label, else as the only one of its kind.
"""

from collections.abc import Mapping
from typing import Any

from vibe.generation import gate, tool
from vibe.generation.request import Request
from vibe.generation.steps import Json
from vibe.generation.trial import judged, refused, run_of
from vibe.llm.client import Client
from vibe.management.measuring.product import unheard
from vibe.models import Job

FIRST = 980  # its steps stand behind those of the making and of the bare model


def figures(job: Job, files: Mapping[str, str], checks: list[Json], client: Client, nth: int) -> Json:
    """{"own": how many of the suite's checks there are, "own_held": how many hold on `files`}; none hold on no files."""
    if not checks:
        return {}
    request = Request(job.request, job.shape, salt=job.once)
    made = dict(files)
    asked = _fitted(made, checks)
    if not made or gate.shape_of(made) is None or refused(made, asked):
        return {"own": len(checks), "own_held": 0}
    answer = unheard(job, client).perform(run_of(request, made, asked, why="own"), str(FIRST + nth))
    if "unchecked" in answer:
        return {}
    held = judged(request, made, asked, answer, {}).judged.held_ids
    return {"own": len(checks), "own_held": len(held & {str(check["id"]) for check in checks})}


def _fitted(files: Mapping[str, str], checks: list[Json]) -> list[Json]:
    """The checks with the names that this tool gave to its inputs; a page's as they are."""
    try:
        spec = tool.ToolSpec.parse(files["tool.toml"])
    except (KeyError, tool.BadTool):
        return checks
    return [{**check, "input": _renamed(spec, check)} if check.get("input") else check for check in checks]


def _renamed(spec: tool.ToolSpec, check: Json) -> Json:
    fitted: Json = {}
    for name, value in check["input"].items():
        free = [one for one in spec.inputs if one.name not in fitted]
        kind = "file" if value in check.get("files", {}) else _kind(value, check.get("given", {}))
        found = (
            [one for one in free if one.name == name]
            or [one for one in free if one.label.casefold() == name.casefold()]
            or [one for one in free if one.type == kind]
        )
        fitted[found[0].name if len(found) == 1 else name] = value
    return fitted


def _kind(value: object, given: Mapping[str, Any]) -> str:
    """number or text, as a value is once its placeholder is filled."""
    text = str(value)
    filled = given.get(text[1:-1], text) if text[:1] == "{" and text[-1:] == "}" else text
    try:
        float(filled)
    except (TypeError, ValueError):
        return "text"
    return "number"
