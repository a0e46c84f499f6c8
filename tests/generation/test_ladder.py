"""The next move after a program that fails."""

import pytest

from vibe.generation.ladder import Attempt, Spent, next_move
from vibe.generation.policy import policy

NORMAL, KEEP = policy("make", "thorough"), policy("keep", "thorough")
LITTLE = Spent(2, 0.0, 10.0)


def tried(*rows: tuple[str, str, str]) -> list[Attempt]:
    """(how, signature, ids that hold)."""
    return [Attempt(how, signature, frozenset(held.split())) for how, signature, held in rows]


def move(attempts, allowed=NORMAL, spent=LITTLE, *, can_escalate=True):
    return next_move(attempts, allowed, spent, can_escalate=can_escalate)


def test_located_evidence_is_mended_twice_at_most():
    assert move(tried(("write", "s1", ""))).kind == "repair"
    assert move(tried(("write", "s1", ""), ("repair", "s2", ""))).kind == "repair"
    assert move(tried(("write", "s1", ""), ("repair", "s2", ""), ("repair", "s3", ""))).kind == "resample"


def test_the_same_failure_twice_is_written_afresh():
    assert move(tried(("write", "s1", ""), ("repair", "s1", ""))).kind == "resample"


def test_a_failure_that_nothing_locates_is_written_afresh_at_once():
    assert move([Attempt("write", "blank", frozenset(), located=False)]).kind == "resample"


def test_after_writing_afresh_the_strong_model_is_asked_and_then_it_ends():
    attempts = tried(("write", "a", ""), ("repair", "a", ""), ("resample", "b", ""), ("repair", "b", ""))
    assert move(attempts).kind == "escalate"
    attempts += tried(("escalate", "c", ""), ("repair", "c", ""))
    last = move(attempts)
    assert last.kind == ""
    assert last.why == "The same thing failed again after I had written it afresh."


def test_without_a_stronger_model_it_ends_after_writing_afresh():
    attempts = tried(("write", "a", ""), ("repair", "a", ""), ("resample", "b", ""), ("repair", "b", ""))
    assert move(attempts, can_escalate=False).kind == ""


def test_keep_going_goes_on_while_new_checks_pass():
    spent_all = tried(("write", "a", ""), ("repair", "a", ""), ("resample", "b", ""), ("repair", "b", ""),
                      ("escalate", "c", ""), ("repair", "c", "p1"))  # fmt: skip
    assert move(spent_all, KEEP).kind == "resample"
    stale = [*spent_all, *tried(("resample", "d", "p1"), ("repair", "d", "p1"))]
    assert move(stale, KEEP).kind == ""


@pytest.mark.parametrize(
    ("spent", "words"),
    [
        (Spent(30, 0.0, 1.0), "all 30 calls"),
        (Spent(3, 0.51, 1.0), "$0.50"),
        (Spent(3, 0.0, 601.0), "10 minutes"),
    ],
)
def test_calls_money_and_time_end_it_and_it_says_which(spent, words):
    last = move(tried(("write", "a", "")), KEEP, spent)
    assert last.kind == ""
    assert words in last.why
