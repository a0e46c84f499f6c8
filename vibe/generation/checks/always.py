"""The checks that need no model: a page opens calmly, a tool runs and answers. From what the box saw, never its word."""

from vibe.generation.checks.results import count, ended, outcome_of, place, result
from vibe.generation.steps import Json
from vibe.generation.tool import message
from vibe.sealed import KNOWN_CONSOLE_LINES

OPENED = "I opened it in a sealed box"


def page(seen: Json) -> list[Json]:
    """Results over the observations of a page (vibe/generation/look.py)."""
    if not seen.get("loaded"):
        why = next((e["text"] for e in seen.get("errors", [])), seen.get("reason") or "nothing came")
        return [result("a-opens", "It opens", OPENED, "the page", f"it did not open: {why}")]
    errors = [e for e in seen["errors"] if e["text"] not in KNOWN_CONSOLE_LINES]
    thrown = [e for e in errors if e["kind"] in {"uncaught", "rejection", "crash", "stuck"}]
    outside = seen["requests"]
    clicked = seen["buttons_tried"]
    faulty = [b for b in clicked if b["errors"]]
    results = [
        result("a-opens", "It opens", OPENED, "the page", f"it opened in {seen['seconds']:.1f} s", held=True),
        result(
            "a-errors", "It opens without errors", OPENED, "no errors",
            "; ".join(f"it said: {place(e.get('file'), e.get('line'))}{e['text']}" for e in thrown[:4]) or "no errors",
            held=not thrown,
        ),
        result(
            "a-blank", "There is something to see", OPENED, "words or a picture",
            "an empty page" if _is_blank(seen) else "words or a picture", held=not _is_blank(seen),
        ),
        result(
            "a-outside", "Nothing is fetched from outside", OPENED, "nothing from the internet",
            f"it asked for {', '.join(outside[:3])}" if outside else "nothing", held=not outside,
        ),
        result(
            "a-phone", "It fits a phone", "I opened it 390 points wide", "nothing is cut off at the side",
            "it is wider than the screen" if seen["sideways"].get("390") else "it fits",
            held=not seen["sideways"].get("390"),
        ),
    ]  # fmt: skip
    if clicked:
        said = "; ".join(
            f"“{b['name'] or 'a button'}”: {place(b.get('file'), b.get('line'))}{b['text']}" for b in faulty[:3]
        )
        results.append(
            result(
                "a-buttons", "Its buttons raise no errors", f"I clicked {count(len(clicked), 'button')}", "no errors",
                said or "no errors", held=not faulty,
            )
        )  # fmt: skip
    return results


def _is_blank(seen: Json) -> bool:
    return not seen["text"].strip() and not (seen["drawn"] and seen["colours"] > 1) and seen["colours"] <= 2


def tool(answer: Json) -> list[Json]:
    """Results over the runs of a tool on a sample and on noise."""
    runs = {str(r["check"]): outcome_of(r["outcome"]) for r in answer.get("runs", [])}
    first = runs.get("sample")
    if first is None:
        return [result("a-runs", "It runs", "I tried it", "an answer", "it did not start")]
    answered = bool(first.stdout.strip() or first.artifacts)
    results = [
        result("a-runs", "It runs", "I ran it on a sample in a sealed box", "it ends by itself, without errors", ended(first), held=first.ok),
        result(
            "a-says", "It gives an answer", "I ran it on a sample", "text, a table or a picture",
            f"{count(len(first.stdout.splitlines()), 'line')} and {count(len(first.artifacts), 'file')}" if answered else "nothing",
            held=answered,
        ),
    ]  # fmt: skip
    if noise := runs.get("broken"):
        calm = noise.ended == "exit" and "Traceback (most recent call last)" not in noise.stderr
        results.append(
            result(
                "a-bad", "Input that it cannot use gets a plain sentence", "I gave it a file of noise",
                "one plain sentence", message(noise) or ("it coped" if calm else ended(noise)), held=calm,
            )
        )  # fmt: skip
    return results
