"""Whether all words of a page can be read and its slides hold what is on them, from what the box saw (words.py there).

A line that is cut through where the flow put it breaks a page: nobody means half a line, and the place to mend is known.
What may be meant (a row of cards that goes on at the side, words placed by hand) is told and breaks nothing. On a slide
nothing can be scrolled while somebody talks, so whatever is cut off there breaks it.
"""

from collections.abc import Sequence

from vibe.generation.checks.results import count, listed, result
from vibe.generation.steps import Json

PHONE = "390"
SHOWN = 3
SIDES = {"left": "at the left", "right": "at the right", "top": "at the top", "bottom": "at the bottom"}


def results(seen: Json) -> list[Json]:
    """The results about words that are cut off and, where there are slides, about those. None of what was not seen."""
    made = []
    if looked := _looked(seen):
        clear = [_said(one, where) for one, where in looked if one["how"] != "moved"]
        made.append(
            result(
                "a-cut", "Its words are not cut off", "I opened it 1280 and 390 points wide", "no line that is cut off",
                _some(clear) or "no line is cut off", held=not clear,
            )
        )  # fmt: skip
    deck = _deck(seen)
    if deck and deck["seen"]:
        cut = [f"on slide {one['slide']} {_said(one, '')}" for one in deck["cut"]]
        made.append(
            result(
                "a-slides", "Its slides hold all their words", f"I looked at {count(deck['seen'], 'slide')} on a screen of 1280 × 720",
                "nothing on a slide is cut off", _some(cut) or "nothing is cut off", held=not cut,
            )
        )  # fmt: skip
    return made


def not_checked(seen: Json) -> list[str]:
    """What is told and breaks nothing, in sentences."""
    told = []
    cut = seen.get("cut") or {}
    if None in cut.values():
        told.append("Whether all its words can be read: I could not look whether some are cut off.")
    perhaps = [_short(one, where) for one, where in _looked(seen) or [] if one["how"] == "moved"]
    if perhaps:
        told.append(f"Whether all its words can be read: {_some(perhaps)}, which may be meant.")
    if deck := _deck(seen):
        told += _of_slides(deck)
    return told


def _deck(seen: Json) -> Json | None:
    """What was seen of the slides; None where nobody asked for any and nothing turned what is only called so."""
    deck: Json | None = seen.get("slides")
    return deck if deck and (deck["asked"] or deck["way"]) else None


def _of_slides(deck: Json) -> list[str]:
    if not deck["seen"]:
        return ["Whether its slides hold all their words: I found none to turn."]
    said = []
    if deck["late"]:
        said.append(f"Whether its slides hold all their words: I looked at the first {deck['seen']} only.")
    elif deck["seen"] == 1 and not deck["way"]:
        said.append(
            "Whether its slides hold all their words: I saw one, and neither an arrow key nor a button “Next” turned it."
        )
    if lower := list(dict.fromkeys(str(one["slide"]) for one in deck["below"])):
        which = f"slide {lower[0]} is" if len(lower) == 1 else f"slides {listed(lower[:6])} are"
        said.append(f"Whether its slides are seen at once: {which} higher than a screen of 1280 × 720.")
    return said


def _looked(seen: Json) -> list[tuple[Json, str]] | None:
    """What is cut off with where it was seen, the same on a desk and a phone once; None when it was never looked at."""
    cut = seen.get("cut") or {}
    if not cut or all(found is None for found in cut.values()):
        return None
    pairs: dict[tuple[str, str, str], tuple[Json, str]] = {}
    for width, found in sorted(cut.items(), key=lambda one: one[0] == PHONE):
        for one in found or []:
            pairs.setdefault(
                (one["html"], one["text"], one["side"]), (one, " on a phone" if width == PHONE else "")
            )
    return list(pairs.values())


def _short(one: Json, where: str) -> str:
    words = " ".join(one["text"].split())
    words = words if len(words) <= 40 else words[:40].rsplit(" ", 1)[0].rstrip(",;:.-") + "…"
    return f"“{words}” is cut off {SIDES.get(one['side'], '')}{where}".replace("  ", " ")


def _said(one: Json, where: str) -> str:
    """With the place, for whoever mends it: the element, and what cuts it."""
    by = " ".join(one["by"].split())[:70] or "the edge of the page"
    itself = one["by"] == one["html"]
    return f"{_short(one, where)}{f' in its own {by}' if itself else f' by {by}'}"


def _some(said: Sequence[str]) -> str:
    more = len(said) - SHOWN
    return listed([*said[:SHOWN], *([f"{more} more"] if more > 0 else [])]) if said else ""
