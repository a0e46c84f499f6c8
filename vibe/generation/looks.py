"""Looks: where checks tie and what was asked for is there to be looked at, an eye decides which candidate is kept.

Who looks is read off the dial: the person, who is waited for, or nobody, and then the first is taken. The others are
kept either way, as versions of their own.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from vibe.choices import VISUAL, Verdict
from vibe.generation.steps import Json, Pick, Show, Step
from vibe.generation.trial import Tried, told
from vibe.generation.work import Work

MOST = 3
NAMES = ("The first", "The second", "The third")
WORDS = 140  # characters of what a model says about its own candidate
ANY = "any"


@dataclass(frozen=True)
class Looked:
    """The candidate that is kept, the others that tie with it, and whether the person picked it."""

    best: Tried
    others: tuple[Tried, ...] = ()
    picked: bool = False


def look(work: Work, best: Tried, candidates: Sequence[Tried]) -> Generator[Step, Json, Looked]:
    """Let an eye decide, where it is the eye that can."""
    tie = tied(work, best, candidates)
    if len(tie) < 2:
        if len(candidates) > 1:
            yield Show(best.files)
        return Looked(best)
    answer = yield Pick(
        "look", _sentence(tie), _choices(tie), dial="look", unasked=ANY, looks=tuple(one.files for one in tie)
    )
    choice = str(answer["choice"])
    at = int(choice) - 1 if choice.isdecimal() and 0 < int(choice) <= len(tie) else 0
    taken = tie[at]
    yield Show(taken.files)
    if taken is not best:
        yield told(taken, work.not_checked(taken))
    return Looked(taken, tuple(one for one in tie if one is not taken), choice != ANY)


def tied(work: Work, best: Tried, candidates: Sequence[Tried]) -> list[Tried]:
    """`best` and the candidates between which no check can choose, `best` first; only `best` where an eye can't either."""
    if (
        not any(one is best for one in candidates)
        or best.verdict is not Verdict.HELD
        or not _is_to_look_at(work, best)
    ):
        return [best]
    tie = [best]
    for one in candidates:
        same = one.verdict is Verdict.HELD and one.misses == best.misses and one.shape == best.shape
        if same and all(one.files != other.files for other in tie):
            tie.append(one)
    return tie[:MOST]


def _is_to_look_at(work: Work, best: Tried) -> bool:
    """What was asked for is a picture of some kind; or a page of which nothing is promised but how it looks."""
    if best.shape != "page":
        return False
    if work.request.shape in VISUAL:
        return True
    promised = work.promised()
    return bool(promised) and not any(check.get("steps") for check in promised)


def _sentence(tie: Sequence[Tried]) -> str:
    both = "Both hold" if len(tie) == 2 else "All three hold"
    return f"{both} the same checks, so your eye decides. Which one shall it be?"


def _choices(tie: Sequence[Tried]) -> list[Json]:
    made = [{"value": str(at + 1), "label": NAMES[at], "line": words_about(one)} for at, one in enumerate(tie)]
    return [
        *made,
        {"value": ANY, "label": "You decide", "line": "I take the first. The others stay under Versions."},
    ]


def words_about(one: Tried) -> str:
    """What its writer says of it: the beginning, to a whole word."""
    words = " ".join(one.said.split())
    return words if len(words) <= WORDS else words[:WORDS].rsplit(" ", 1)[0].rstrip(",;:.-") + "…"
