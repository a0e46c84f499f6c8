"""The film of a tool's run: its form being filled in, then what came out of it, one thing a frame.

Nobody watched a tool: the frames are made of what it was given and of what its box gave back, and shown as text of
ours around a stranger's words. Pictures that came out are shown as they are, where they are small. A run on a
person's own file is never filmed: films travel with the card, and that file does not.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sandbox.outcome import Artifact, Outcome
from vibe.generation import tables
from vibe.generation.film import Frame, picture_size, short
from vibe.generation.output import plain
from vibe.generation.tool import Cleaned, Input, ToolSpec, message, sentence

FIELDS = 6  # that are filled in one by one; the others all at once
VALUE, TEXT, LINES = 200, 1500, 24  # characters of a value; of what it said, and lines of it
PICTURES, TABLES, ROWS, COLUMNS = 3, 2, 8, 6
PICTURE_BYTES, PICTURE_SIDE = 200_000, 4000


def frames(spec: ToolSpec, given: Cleaned, outcome: Outcome) -> list[Frame]:
    """How it was used and what came out, and at the end what is looked at."""
    filled = list(_filled(spec, given))
    came = list(_came(outcome))
    answer = next((one for one in came if one.said or one.table or one.picture), came[0])
    return [*filled, *came, replace(answer, words="Then I looked", look=True, bad=False)]


def _filled(spec: ToolSpec, given: Cleaned) -> Iterator[Frame]:
    """The form: empty, and then with one value more in each frame."""
    values = {one.name: _value(one, given.values.get(one.name)) for one in spec.inputs}
    told = [one for one in spec.inputs if values[one.name]]
    singly = told if len(told) <= FIELDS else told[: FIELDS - 1]

    def form(until: int, now: str = "") -> list[dict[str, Any]]:
        known = {one.name for one in told[:until]}
        return [
            {"label": short(one.label, 120), "value": values[one.name] if one.name in known else "", "now": one.name == now,
             "kind": one.type}
            for one in spec.inputs
        ]  # fmt: skip

    yield Frame("I opened it" if spec.inputs else "I opened it: it asks for nothing", form=form(0))
    for number, one in enumerate(singly, 1):
        yield Frame(_words(one, values[one.name]), form=form(number, one.name))
    if len(singly) < len(told):
        yield Frame("I filled in the rest", form=form(len(told)))


def _value(one: Input, value: Any) -> str:
    """What stands in the field; "" for what is left as it is."""
    if one.type == "yesno":
        return "yes" if value else ""
    text = "" if value is None else str(value)
    return short(text.removeprefix("in/") if one.type == "file" else text, VALUE)


def _words(one: Input, value: str) -> str:
    label = f"“{short(one.label)}”"
    match one.type:
        case "file":
            return f"I gave it {short(value)} as {label}"
        case "choice":
            return f"I chose {short(value)} in {label}"
        case "yesno":
            return f"I ticked {label}"
        case _:
            return f"I typed {short(value)} into {label}"


def _came(outcome: Outcome) -> Iterator[Frame]:
    """What it said, then its tables and pictures; what is too large to show is named."""
    said = _said(outcome)
    if outcome.ok:
        answer = (
            "" if said else ": it said nothing" if not outcome.artifacts else ": it said nothing and made files"
        )
        yield Frame(f"I ran it, and it ended after {outcome.seconds:.1f} s{answer}", said=said)
    elif outcome.ended == "exit" and (refusal := message(outcome)):
        yield Frame("I ran it, and it answered with a message", said=refusal)
    else:
        yield Frame(f"I ran it: {short(sentence(outcome), 200)}", said=said, bad=True)
    shown: set[str] = set()
    for made in [a for a in outcome.artifacts if tables.is_table(a.name)][:TABLES]:
        if found := tables.cells(made.data, made.name, rows=ROWS):
            shown.add(made.name)
            yield Frame(f"It made {short(made.name)}", table=_table(found))
    for made, size in pictures(outcome)[:PICTURES]:
        shown.add(made.name)
        yield Frame(f"It made {short(made.name)}", made.data, *size, whole=True)
    if rest := [short(a.name) for a in outcome.artifacts if a.name not in shown]:
        names = ", ".join(rest[:5]) + (f" and {len(rest) - 5} more" if len(rest) > 5 else "")
        yield Frame(f"It made {names}", said="\n".join(rest[:LINES]))


def pictures(outcome: Outcome) -> list[tuple[Artifact, tuple[int, int]]]:
    """What a tool left that is a picture, small enough to be kept and shown, with its width and height."""
    sized = ((a, picture_size(a.data, PICTURE_BYTES, PICTURE_SIDE)) for a in outcome.artifacts)
    return [(made, size) for made, size in sized if size]


def _said(outcome: Outcome) -> str:
    """The beginning of what it printed; of a tool that broke, the end of what it complained about."""
    text = plain(outcome.stdout if outcome.ok or not outcome.stderr.strip() else outcome.stderr).strip("\n")
    lines = text.split("\n")
    kept = lines[:LINES] if outcome.ok else lines[-LINES:]
    cut = "\n".join(line[:300] for line in kept)
    cut = cut[:TEXT] if outcome.ok else cut[-TEXT:]
    return cut + ("\n…" if outcome.ok and len(lines) > LINES else "")


def _table(found: tables.Cells) -> dict[str, Any]:
    return {
        "head": [short(cell, 40) for cell in found.head[:COLUMNS]],
        "rows": [[short(cell, 60) for cell in row[:COLUMNS]] for row in found.rows],
        "numeric": found.numeric[:COLUMNS],
        "left_out": found.left_out,
    }
