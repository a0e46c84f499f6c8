"""The journal: every answer is paid once, whatever happens between the steps."""

from dataclasses import dataclass
from typing import ClassVar

import pytest

from vibe.generation.drive import Entry, JournalMismatch, drive
from vibe.generation.steps import All, Step


@dataclass(frozen=True)
class Word(Step):
    kind: ClassVar[str] = "word"
    text: str


def three_words():
    first = yield Word("one")
    second = yield Word("two after " + first["said"])
    third = yield Word("three")
    return [first["said"], second["said"], third["said"]]


def three_at_once():
    before = yield Word("before")
    answers = (yield All((Word("a"), Word("b"), Word("c"))))["answers"]
    after = yield Word("after " + "".join(a["said"] for a in answers))
    return before["said"], after["said"]


class World:
    """Performs by echoing; dies before the n-th performance; keeps a journal as the product does."""

    def __init__(self, dies_at=0):
        self.journal, self.performed, self.dies_at = {}, [], dies_at

    def perform(self, step, number):
        if len(self.performed) + 1 == self.dies_at:
            self.dies_at = 0
            raise RuntimeError("the worker died")
        self.performed.append((number, step.text))
        answer = {"said": step.text.upper()}
        self.journal[number] = Entry(step.fingerprint(), answer)
        return answer


def test_a_generation_runs_to_its_result():
    world = World()
    assert drive(three_words(), {}, world.perform) == ["ONE", "TWO AFTER ONE", "THREE"]


@pytest.mark.parametrize("dies_at", [1, 2, 3])
def test_a_death_before_any_step_pays_nothing_twice(dies_at):
    world = World(dies_at)
    with pytest.raises(RuntimeError):
        drive(three_words(), dict(world.journal), world.perform)
    assert drive(three_words(), dict(world.journal), world.perform) == ["ONE", "TWO AFTER ONE", "THREE"]
    assert [number for number, _ in world.performed] == ["1", "2", "3"]


@pytest.mark.parametrize("dies_at", range(1, 6))
def test_parts_that_were_answered_before_a_death_are_not_performed_again(dies_at):
    world = World(dies_at)
    with pytest.raises(RuntimeError):
        drive(three_at_once(), dict(world.journal), world.perform)
    assert drive(three_at_once(), dict(world.journal), world.perform) == ("BEFORE", "AFTER ABC")
    assert sorted(number for number, _ in world.performed) == ["1", "2.1", "2.2", "2.3", "3"]


def test_only_the_open_parts_are_performed_side_by_side_and_answers_keep_their_places():
    world = World()
    drive(three_at_once(), {}, world.perform)
    del world.journal["2.2"], world.journal["3"]
    asked = []

    def together(parts):
        asked.append([number for _, number in parts])
        return [{"said": "X"} for _ in parts]

    again = drive(three_at_once(), world.journal, lambda step, number: {"said": step.text}, together=together)
    assert asked == [["2.2"]]
    assert again == ("BEFORE", "after AXC")


def test_a_part_of_another_question_is_refused():
    world = World()
    drive(three_at_once(), {}, world.perform)
    world.journal["2.3"] = Entry(Word("x").fingerprint(), {"said": "X"})
    with pytest.raises(JournalMismatch):
        drive(three_at_once(), world.journal, world.perform)


def test_a_journal_of_another_flow_is_refused():
    journal = {"1": Entry(Word("something else").fingerprint(), {"said": "X"})}
    with pytest.raises(JournalMismatch):
        drive(three_words(), journal, World().perform)


def test_replayed_answers_are_told_in_order():
    world, told = World(), []
    drive(three_words(), {}, world.perform)
    drive(
        three_words(),
        world.journal,
        world.perform,
        replayed=lambda step, number, answer: told.append((number, answer["said"])),
    )
    assert told == [("1", "ONE"), ("2", "TWO AFTER ONE"), ("3", "THREE")]


def test_the_flow_is_closed_when_performing_fails():
    closed = []

    def flow():
        try:
            yield Word("one")
        finally:
            closed.append(True)

    with pytest.raises(RuntimeError):
        drive(flow(), {}, World(dies_at=1).perform)
    assert closed == [True]


def test_equal_steps_have_equal_fingerprints_and_others_differ():
    assert Word("a").fingerprint() == Word("a").fingerprint()
    assert Word("a").fingerprint() != Word("b").fingerprint()
