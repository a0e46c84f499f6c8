"""One result: what a check came to, as events.Checked and Version.results keep it, and the words that all share."""

from collections.abc import Sequence

from sandbox.outcome import Outcome
from vibe.generation.checks.harmless import clean_text
from vibe.generation.complaint import complaint
from vibe.generation.steps import Json

OPENS, GATE = (
    "a-opens",
    "g-",
)  # the check that a page comes up; what the ids of the static gate's faults begin with


def result(
    id_: str, sentence: str, did: str, expected: str, saw: str, *, held: bool = False, source: str = "always",
    confirmed: bool = False, idle: str = "", film: str = "", seed: int = 0,
) -> Json:  # fmt: skip
    """`idle` names the program without behaviour on which the check holds as well: then it counts for nothing."""
    return {
        "id": id_, "sentence": sentence, "held": held, "did": did, "expected": expected, "saw": clean_text(saw, 500),
        "source": source, "confirmed": confirmed, "idle": idle, "film": film, "seed": seed,
    }  # fmt: skip


OWN_FILE = "I ran it on your file in a sealed box"


def for_others(results: Sequence[Json]) -> list[Json]:
    """The results as whoever has the card's link may see them: what a tool said of its maker's own file stays with the
    maker, as that file does."""
    kept = {
        "did": "I ran it on its maker’s file in a sealed box",
        "saw": "it broke; what it said of that file is its maker’s",
    }
    return [{**row, **kept} if row.get("did") == OWN_FILE and not row.get("held") else row for row in results]


def opens(results: Sequence[Json]) -> bool:
    """Whether what these results are of could be read and opened. True where nobody looked."""
    return not any(
        (r["id"] == OPENS or str(r["id"]).startswith(GATE)) and not r["held"]
        for r in results
        if r.get("source", "always") == "always"
    )


def place(file: str | None, line: int | None) -> str:
    return f"{file}, line {line}: " if file and line else f"{file}: " if file else ""


def count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def listed(parts: Sequence[str], word: str = "and") -> str:
    """a, b and c."""
    return f" {word} ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def ended(outcome: Outcome) -> str:
    """How a tool's run ended, with the last lines of what it said."""
    if outcome.ok:
        return f"it ran in {outcome.seconds:.1f} s"
    tail = " / ".join((outcome.stderr.strip() or outcome.stdout.strip()).splitlines()[-4:])
    found = complaint(outcome.stderr)
    if found and found.line:  # other languages than Python begin with what matters
        tail = f"{found} / {tail}"
    how = {
        "timeout": "it did not end in time",
        "memory": "it needed too much memory",
        "output_limit": "it printed without end",
    }
    return f"{how.get(outcome.ended, 'it broke')}{': ' + tail if tail else ''}"


def outcome_of(raw: Json) -> Outcome:
    """The Outcome of a journaled tool run; its artifacts are {"name", "size", "text"?}."""
    return Outcome(
        ended=raw["ended"], code=raw.get("code"), signal=raw.get("signal"), stdout=raw.get("stdout", ""),
        stderr=raw.get("stderr", ""), artifacts=tuple(raw.get("artifacts", ())), seconds=raw.get("seconds", 0.0),
    )  # fmt: skip
