"""The checks that need no model: a page opens calmly, a tool runs and answers. From what the box saw, never its word.

What was not seen does not hold: a stage of the look that did not end leaves nothing behind, and that is told.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sandbox.outcome import Outcome
from vibe.generation.checks import legible, people, told
from vibe.generation.checks.results import OPENS, OWN_FILE, count, ended, listed, outcome_of, place, result
from vibe.generation.steps import Json
from vibe.generation.tool import has_traceback, message
from vibe.sealed import KNOWN_CONSOLE_LINES

OPENED = "I opened it in a sealed box"
THROWN = frozenset({"uncaught", "rejection", "crash", "stuck", "left"})
NAMED = 6  # buttons that were not tried, by name


@dataclass(frozen=True)
class Always:
    """results: of the checks that are always there. not_checked: what they could not look at, in sentences. ran:
    whether anything was seen to run at all; without that nothing is held."""

    results: list[Json]
    not_checked: list[str] = field(default_factory=list)
    ran: bool = True


def page(seen: Json, promises: Mapping[str, str] | None = None, used: Collection[str] = ()) -> Always:
    """Over the observations of a page (vibe/generation/look.py). `promises` are {check id: its sentence}; `used` are the
    names of what is clicked in one of them, which tells itself what came of it."""
    if not seen.get("loaded"):
        why = next((e["text"] for e in seen.get("errors", [])), seen.get("reason") or "nothing came")
        return Always([result(OPENS, "It opens", OPENED, "the page", f"it did not open: {why}")])
    errors = [e for e in seen["errors"] if e["text"] not in KNOWN_CONSOLE_LINES and e["kind"] in THROWN]
    # Those of a click belong to its button, those of a promise to the promise; a page that hung is told in any case.
    own = [e for e in errors if e.get("stage", "open") not in {"click", "check"}]
    outside = [f"{r['url']}{told.when(r, promises)}" for r in seen["requests"]]
    blank, wide = _blank(seen), seen["sideways"].get("390")
    results = [
        result(OPENS, "It opens", OPENED, "the page", f"it opened in {seen['seconds']:.1f} s", held=True),
        result(
            "a-errors", "It opens without errors", OPENED, "no errors",
            "; ".join(_said(e, promises) for e in own[:4]) or "no errors", held=not own,
        ),
        result(
            "a-blank", "There is something to see", OPENED, "words or a picture", blank or "words or a picture",
            held=not blank,
        ),
        result(
            "a-outside", "Nothing is fetched from outside", "I opened it and used it in a sealed box",
            "nothing from the internet", f"it asked for {', '.join(outside[:3])}" if outside else "nothing",
            held=not outside,
        ),
        result(
            "a-phone", "It fits a phone", "I opened it 390 points wide", "nothing is cut off at the side",
            "I could not look" if wide is None else "it is wider than the screen" if wide else "it fits",
            held=wide is False,
        ),
    ]  # fmt: skip
    if absent := [f"{f['path']}{told.when(f, promises)}" for f in seen.get("absent", [])]:
        results.append(
            result(
                "a-files", "All its files are there", "I opened it and used it in a sealed box", "no file that is missing",
                f"it asked for {listed(absent[:3])}, not among its files",
            )
        )  # fmt: skip
    missed = seen.get("missed")
    if missed is not None:
        results.append(people.named(missed, OPENED))
    results += legible.results(seen)
    if clicked := seen["buttons_tried"]:
        said = _of_buttons(clicked, errors)
        results.append(
            result(
                "a-buttons", "Its buttons raise no errors", f"I clicked {count(len(clicked), 'button')}", "no errors",
                "; ".join(said[:3]) or "no errors", held=not said,
            )
        )  # fmt: skip
        deaf = _called(b["name"] for b in clicked if b.get("idle") == "unheard")
        results.append(
            result(
                "a-deaf", "Its buttons are there for something", f"I clicked {count(len(clicked), 'button')}",
                "something listens to each",
                f"nothing in the code listens to {deaf}" if deaf else "something listens to each", held=not deaf,
            )
        )  # fmt: skip
    still = _called(b["name"] for b in clicked if b.get("idle") == "unseen" and b["name"] not in used)
    idle = [f"What is done by {still}: I clicked and saw nothing change."] if still else []
    return Always(
        results,
        [*_untried(seen.get("untried", [])), *idle, *people.not_checked(missed), *legible.not_checked(seen)],
    )


def _said(error: Json, promises: Mapping[str, str] | None) -> str:
    return f"it said{told.when(error, promises)}: {place(error.get('file'), error.get('line'))}{error['text']}"


def _of_buttons(clicked: Sequence[Json], errors: Sequence[Json]) -> list[str]:
    """What is wrong with the buttons: of each what it raised or that the page was gone; and errors that came late."""
    said, faulty = [], set()
    for b in clicked:
        name = f"“{b['name'] or 'a button'}”"
        if b["errors"]:
            faulty.add(b["name"])
            said.append(f"{name}: {place(b.get('file'), b.get('line'))}{b['text']}")
        if b.get("left"):
            said.append(f"{name}: it left the page")
    late = [e for e in errors if e.get("stage") == "click" and e["name"] not in faulty]
    said += [f"“{e['name'] or 'a button'}”: {place(e.get('file'), e.get('line'))}{e['text']}" for e in late]
    return said


def _untried(names: Sequence[str]) -> list[str]:
    """The sentence about buttons that were not tried, if there are any."""
    if not names:
        return []
    verb = "was" if len(names) == 1 else "were"
    return [f"{count(len(names), 'button')} {verb} not tried: {_called(names)}."]


def _called(names: Iterable[str]) -> str:
    """Buttons by their names, each once; "" for none."""
    called = list(dict.fromkeys(f"“{name}”" if name else "one without a name" for name in names))
    more = len(called) - NAMED
    return listed([*called[:NAMED], *([f"{more} more"] if more > 0 else [])]) if called else ""


def _blank(seen: Json) -> str:
    """What is seen in place of something to see; "" when there is something. One colour all over shows nothing, in
    whatever words; without words, fields and pictures a line or a border is nothing either."""
    if seen["colours"] < 2:
        return "words that cannot be seen: all has one colour" if seen["text"].strip() else "an empty page"
    controls = seen.get("controls", {})
    there = seen["text"].strip() or seen["drawn"] or controls.get("buttons") or controls.get("inputs")
    return "" if there or seen["colours"] > 2 else "an empty page"


# --- tools ------------------------------------------------------------------------------------------------------

_GIVEN = {
    "person": OWN_FILE,
    "promise": "I ran it on what a promise gives, in a sealed box",
    "tool": "I ran it as it comes, in a sealed box",
}


def tool(answer: Json) -> Always:
    """Over the runs of a tool: on a sample, on noise, and on what its promises give."""
    runs = {str(r["check"]): outcome_of(r["outcome"]) for r in answer.get("runs", [])}
    first = runs.pop("sample", None)
    if first is None:
        return Always([result("a-runs", "It runs", "I tried it", "an answer", "it did not start")])
    noise = runs.pop("broken", None)
    whose = next(str(r.get("of", "ours")) for r in answer["runs"] if r["check"] == "sample")
    refused = message(first) if whose == "ours" and first.ended == "exit" else ""
    filmed = {str(r["check"]): str(r["check"]) for r in answer["runs"] if r.get("film")}
    film = filmed.get("sample", "")
    results = [_copes(noise, filmed.get("broken", ""))] if noise else []
    if refused:  # it may be right: what we made up need not be what it is for
        ran = any(_ran(one) for one in runs.values())
        only = "" if ran else " Nothing was seen to run."
        sentence = f"Whether it runs on other input: I had none that fits, and it said “{refused[:120]}”.{only}"
        return Always(results, [sentence], ran)
    did = _GIVEN.get(whose, "I ran it on a sample in a sealed box")
    answered = bool(first.stdout.strip() or first.artifacts)
    return Always([
        result("a-runs", "It runs", did, "it ends by itself, without errors", ended(first), held=first.ok, film=film),
        result(
            "a-says", "It gives an answer", did, "text, a table or a picture",
            f"{count(len(first.stdout.splitlines()), 'line')} and {count(len(first.artifacts), 'file')}" if answered else "nothing",
            held=answered, film=film,
        ),
        *results,
    ])  # fmt: skip


def _ran(outcome: Outcome) -> bool:
    return outcome.ok and bool(outcome.stdout.strip() or outcome.artifacts)


def _copes(noise: Outcome, film: str) -> Json:
    """The result about input that no tool can use: a sentence, or an end as if it were usable."""
    calm = noise.ended == "exit" and not has_traceback(noise) and (noise.code == 0 or bool(message(noise)))
    silent = noise.ended == "exit" and not (noise.stdout.strip() or noise.stderr.strip())
    saw = message(noise) or ("it coped" if calm else "it ended without a word" if silent else ended(noise))
    return result(
        "a-bad", "Input that it cannot use gets a plain sentence", "I gave it a file of noise", "one plain sentence",
        saw, held=calm, film=film,
    )  # fmt: skip
