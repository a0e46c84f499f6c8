"""Whether everybody can use a page, from what axe-core missed in it (sandbox/images/browser/beside.py).

A button or field without a name breaks a page: who cannot see it cannot know what it is for, the writer was told to name
it, and a word mends it. How far words stand out from their ground, and what a picture shows, is told and breaks nothing:
half of what people like would fail by a hair, and no person asked for the measure.
"""

from collections.abc import Sequence

from vibe.generation.checks.results import count, listed, result
from vibe.generation.steps import Json

KINDS = {
    "button-name": "button", "input-button-name": "button", "aria-command-name": "button", "input-image-alt": "button",
    "aria-toggle-field-name": "box to tick", "aria-input-field-name": "field", "label": "field", "select-name": "list",
    "link-name": "link",
}  # fmt: skip
PICTURES = frozenset({"image-alt", "svg-img-alt", "role-img-alt"})
EXAMPLES = 3


def named(missed: Sequence[Json], did: str) -> Json:
    """The result about names."""
    nameless = [m for m in missed if m["rule"] in KINDS]
    totals: dict[str, int] = {}
    for one in nameless:
        totals[KINDS[one["rule"]]] = totals.get(KINDS[one["rule"]], 0) + one["count"]
    shown = [" ".join(e["html"].split()) for one in nameless for e in one["examples"]][:EXAMPLES]
    counted = [
        count(number, kind) if kind != "box to tick" else f"{number} box{'es' if number > 1 else ''} to tick"
        for kind, number in totals.items()
    ]
    return result(
        "a-names", "Its buttons and fields have names", did, "a word for each that can be read out",
        f"no name for {listed(counted)}: {', '.join(shown)}" if nameless else "each has one", held=not nameless,
    )  # fmt: skip


def not_checked(missed: Sequence[Json] | None) -> list[str]:
    """What is told of a page and breaks nothing, in sentences. None: it could not be looked at."""
    if missed is None:
        return ["Whether everybody can use it: I could not look at its names and colours."]
    said = []
    for one in missed:
        if one["rule"] == "color-contrast" and one["examples"]:
            said.append(_pale(one))
    if pictures := sum(one["count"] for one in missed if one["rule"] in PICTURES):
        have = "has" if pictures == 1 else "have"
        said.append(
            f"Whether everybody knows what it shows: {count(pictures, 'picture')} {have} no words to be read out."
        )
    return said


def _pale(found: Json) -> str:
    worst = min(found["examples"], key=lambda e: float(e["ratio"]))
    words = " ".join(worst["text"].split())
    name = f"“{words}”" if words else "a text"
    more = found["count"] - 1
    others = f", and {count(more, 'other text')} little more" if more else ""
    return (
        f"Whether everybody can read it: {name} stands out from its ground {worst['ratio']:.1f} to 1{others}, "
        f"where {worst['least'] or 4.5:g} to 1 is asked for."
    )
