"""Reads the plan call's reply: TITLE, STEP and CHECK lines. Lenient about decoration, strict about size."""

import re

from vibe.generation.steps import Json

_LINE = re.compile(r"^\W{0,6}(TITLE|STEP|CHECK)\b\W{0,6}(?:\d+\W{1,3})?\s*(.+?)\W{0,2}$", re.IGNORECASE)
MAX_STEPS, MAX_CHECKS, MAX_LINE = 8, 7, 300


def read(text: str) -> Json | None:
    """{"title", "steps", "checks"}, or None when the reply holds no step at all."""
    plan: Json = {"title": "", "steps": [], "checks": []}
    for line in text.splitlines():
        found = _LINE.match(line.strip())
        if not found:
            continue
        kind, words = found[1].upper(), found[2].strip()[:MAX_LINE]
        if kind == "TITLE":
            plan["title"] = plan["title"] or words[:60]
        elif kind == "STEP" and len(plan["steps"]) < MAX_STEPS:
            plan["steps"].append(words)
        elif kind == "CHECK" and len(plan["checks"]) < MAX_CHECKS:
            plan["checks"].append(words)
    return plan if plan["steps"] else None


def clean(proposal: Json, edited: Json) -> Json:
    """`proposal` with the person's own lines in place of ours; empty lines are dropped."""
    steps = [str(s).strip()[:MAX_LINE] for s in edited.get("steps") or proposal["steps"]]
    return {**proposal, "steps": [s for s in steps if s][:20]}
