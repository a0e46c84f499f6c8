"""Two promises that cannot both hold: asked about before a line of code, or settled afterwards."""

import pytest

from tests.generation.world import CHECKED, HELD, PAGE, SEEN, World, make
from vibe.choices import Verdict
from vibe.generation import clashes
from vibe.generation.request import Base, Request
from vibe.generation.steps import Ask, Question, Run, Tell

QUIET = 'CHECK It stays quiet\n{"expect": [{"see": "hidden", "target": {"text": "rings"}}]}\n'
TWO = CHECKED + QUIET
RINGS = {"id": "p1", "sentence": "It rings", "expect": [{"see": "visible", "target": {"text": "rings"}}]}
SILENT = {"id": "p2", "sentence": "It stays quiet", "expect": [{"see": "hidden", "target": {"text": "rings"}}]}


def promised(result):
    return [c["sentence"] for c in result.checks]


def asked(world):
    return [q for q in world.of(Question) if q.about.startswith("clash")]


@pytest.mark.parametrize("autonomy", ["ask", "plan"])
def test_who_is_asked_is_asked_before_any_code_with_answers_to_click(autonomy):
    world = World(asks=[PAGE], plan=TWO, choice="2", force={"autonomy": autonomy})
    result = make(world)
    (question,) = asked(world)
    assert "cannot both hold" in question.sentence
    assert [c["label"] for c in question.choices] == [
        "It rings",
        "It stays quiet",
        "Neither of them",
        "You decide",
    ]
    assert world.seen.index(question) < next(
        at for at, s in enumerate(world.seen) if isinstance(s, Ask) and s.purpose == "write"
    )
    assert promised(result) == ["It stays quiet"]
    assert "It rings" not in world.seen_by("write")[0]
    assert any("“It rings” is not promised" in line and "you chose" in line for line in result.not_checked)


GERMAN = "CLASH Nur eines gilt: welches? | Keines | Entscheide du\n"


@pytest.mark.parametrize("autonomy", ["ask", "plan"])
def test_the_question_is_asked_in_the_language_of_the_plan_where_that_has_the_words(autonomy):
    plan = TWO + GERMAN + "QUESTION Wie laut? | leise | laut\n"
    world = World(asks=[PAGE], plan=plan, choice="2", force={"autonomy": autonomy})
    result = make(world, Request("Ein Teewecker", salt="s"))
    (question,) = asked(world)
    assert question.sentence == "Nur eines gilt: welches?"
    assert [(c["label"], c["line"]) for c in question.choices] == [
        ("It rings", ""), ("It stays quiet", ""), ("Keines", ""), ("Entscheide du", ""),
    ]  # fmt: skip
    assert promised(result) == ["It stays quiet"]
    others = [q.choices[-1]["label"] for q in world.of(Question) if q.about.startswith("plan")]
    assert others == (["Entscheide du"] if autonomy == "ask" else [])


def test_the_words_for_it_are_asked_for_only_where_they_may_be_needed():
    for autonomy, wanted in (("ask", True), ("plan", True), ("make", False), ("keep", False)):
        world = World(asks=[PAGE, PAGE], plan=CHECKED, force={"autonomy": autonomy})
        make(world)
        (asked_,) = [a for a in world.of(Ask) if a.purpose == "plan"]
        assert ("CLASH" in asked_.messages[0].text) is wanted


def test_another_plan_keeps_the_words_of_the_one_before():
    first = CHECKED + GERMAN + "QUESTION Wie laut? | leise | laut\n"
    force = {"autonomy": "ask", "effort": "thorough"}
    world = World(asks=[PAGE, PAGE], plan=[first, TWO], choice="1", force=force)
    make(world)
    assert [q.sentence for q in asked(world)] == ["Nur eines gilt: welches?"]


def test_what_the_person_chose_is_theirs():
    result = make(World(asks=[PAGE], plan=TWO, choice="1", force={"autonomy": "plan"}))
    assert [(r["sentence"], r["confirmed"]) for r in result.results if r["source"] == "model"] == [
        ("It rings", True)
    ]


def test_left_to_us_the_first_counts_and_it_is_said():
    result = make(World(asks=[PAGE], plan=TWO, choice="you-decide", force={"autonomy": "plan"}))
    assert promised(result) == ["It rings"]
    assert any("you left it to me" in line for line in result.not_checked)
    assert "unsettled" not in result.measures


def test_neither_may_be_chosen():
    assert promised(make(World(asks=[PAGE], plan=TWO, choice="neither", force={"autonomy": "plan"}))) == []


@pytest.mark.parametrize("autonomy", ["make", "keep"])
def test_who_is_not_asked_is_shown_it_and_may_settle_it_afterwards(autonomy):
    world = World(asks=[PAGE], plan=TWO, force={"autonomy": autonomy, "effort": "quick"})
    result = make(world)
    assert promised(result) == []
    assert any("cannot both hold" in line for line in result.not_checked)
    (open_,) = result.measures["unsettled"]
    assert [c["sentence"] for c in open_["checks"]] == ["It rings", "It stays quiet"]


def test_a_promise_of_the_persons_own_goes_before_one_that_was_made_up():
    own = {
        "changed": {
            "checks": [
                {"id": "p1", "sentence": "It rings", "confirmed": True},
                {"id": "", "sentence": "Quiet", "confirmed": True},
            ]
        }
    }
    world = World(asks=[own, QUIET, PAGE], plan=CHECKED.replace("It rings", "It rings"))
    result = make(world)
    assert promised(result) == [], "both are theirs: nobody but they can say which"
    own["changed"]["checks"][0]["confirmed"] = False
    result = make(World(asks=[own, QUIET, PAGE], plan=CHECKED))
    assert promised(result) == ["Quiet"]
    assert "unsettled" not in result.measures


def base():
    return Base(
        {"index.html": "<p>hello</p>"},
        "page",
        "Tea",
        "held",
        0,
        checks=[RINGS],
        results=[*HELD, {**HELD[0], "id": "p1", "sentence": "It rings"}],
    )


def test_a_new_promise_that_ends_an_earlier_one_is_asked_about_too():
    world = World(asks=[PAGE], plan="STEP x\n" + QUIET, choice="2", force={"autonomy": "plan"})
    result = make(world, Request("no bell", base=base(), salt="s"))
    assert len(asked(world)) == 1
    assert promised(result) == ["It stays quiet"]
    assert result.better


def test_unasked_an_earlier_promise_stays_so_that_it_is_not_broken_silently():
    world = World(asks=[PAGE], plan="STEP x\n" + QUIET)
    result = make(world, Request("no bell", base=base(), salt="s"))
    assert promised(result) == ["It rings"]
    assert any("“It stays quiet” is not promised" in line for line in result.not_checked)
    assert result.measures["unsettled"]


def own(sentence):
    return {"changed": {"checks": [{"id": "", "sentence": sentence, "confirmed": True}]}}


def test_what_was_left_open_is_settled_by_a_promise_of_the_persons_own():
    world = World(asks=[own("No bell at all"), QUIET, PAGE], plan=TWO)
    result = make(world)
    assert promised(result) == ["No bell at all"]
    assert "unsettled" not in result.measures
    assert not any("cannot both hold" in line for line in result.not_checked)
    shown = [tell.data for tell in world.of(Tell) if tell.event == "plan-proposed"]
    assert [one["unpromised"] for one in shown][-1] == []


def test_what_was_left_open_stays_so_beside_a_promise_about_something_else():
    kettle = 'CHECK A kettle\n{"expect": [{"see": "visible", "target": {"text": "kettle"}}]}\n'
    result = make(World(asks=[own("A kettle"), kettle, PAGE], plan=TWO))
    assert promised(result) == ["A kettle"]
    assert len(result.measures["unsettled"]) == 1
    assert any("cannot both hold" in line for line in result.not_checked)


def test_an_earlier_promise_that_stayed_and_then_goes_is_not_said_to_have_stayed():
    world = World(asks=[own("It stays quiet"), QUIET, PAGE], plan="STEP x\n" + QUIET)
    result = make(world, Request("no bell", base=base(), salt="s"))
    assert promised(result) == ["It stays quiet"]
    assert "unsettled" not in result.measures
    assert not any("“It stays quiet” is not promised" in line for line in result.not_checked)


def test_two_questions_of_this_kind_are_enough():
    many = "STEP x\n" + "".join(
        f'CHECK Bell {n}\n{{"expect": [{{"see": "visible", "target": {{"text": "bell {n}"}}}}]}}\n'
        f'CHECK No bell {n}\n{{"expect": [{{"see": "hidden", "target": {{"text": "bell {n}"}}}}]}}\n'
        for n in range(3)
    )
    world = World(asks=[PAGE], plan=many, choice="1", force={"autonomy": "plan"})
    result = make(world)
    assert len(asked(world)) == 2
    assert promised(result) == ["Bell 0", "Bell 1"]
    assert len(result.measures["unsettled"]) == 1


WONDERS = "QUESTION Which bell? | loud | soft\nQUESTION Which colour? | red | blue\n"


def abouts(world):
    return [q.about for q in world.of(Question)]


def test_asked_everything_there_are_two_questions_in_all_and_what_contradicts_comes_first():
    world = World(asks=[PAGE], plan=[WONDERS + TWO, CHECKED], choice="1", force={"autonomy": "ask"})
    result = make(world)
    assert abouts(world) == ["clash-1", "plan-1"]
    again = world.seen_by("plan")[1]
    assert "Which bell? loud" in again
    assert "This counts: “It rings” This does not: “It stays quiet”" in again
    assert promised(result) == ["It rings"]


def test_two_contradictions_leave_no_question_to_the_model():
    many = "".join(
        f'CHECK Bell {n}\n{{"expect": [{{"see": "visible", "target": {{"text": "bell {n}"}}}}]}}\n'
        f'CHECK No bell {n}\n{{"expect": [{{"see": "hidden", "target": {{"text": "bell {n}"}}}}]}}\n'
        for n in range(2)
    )
    world = World(asks=[PAGE], plan=f"STEP x\n{WONDERS}{many}", choice="1", force={"autonomy": "ask"})
    make(world)
    assert abouts(world) == ["clash-1", "clash-2"]
    assert world.purposes() == ["plan", "write"]


def test_without_a_contradiction_both_questions_are_the_models():
    world = World(asks=[PAGE], plan=[WONDERS + CHECKED, TWO], choice="2", force={"autonomy": "ask"})
    result = make(world)
    assert abouts(world) == ["plan-1", "plan-2"]
    assert promised(result) == [], "of the second plan nobody is asked any more"
    assert len(result.measures["unsettled"]) == 1


@pytest.mark.parametrize("swapped", [False, True])
def test_what_was_answered_once_is_not_asked_of_the_second_plan(swapped):
    again = CHECKED.replace("CHECK", QUIET + "CHECK") if swapped else TWO
    world = World(asks=[PAGE], plan=[WONDERS + TWO, again], choice="1", force={"autonomy": "ask"})
    result = make(world)
    assert abouts(world) == ["clash-1", "plan-1"]
    assert promised(result) == ["It rings"]
    assert "unsettled" not in result.measures


def test_a_check_that_contradicts_itself_counts_for_nothing_and_nobody_is_asked():
    both = 'CHECK It rings\n{"expect": [{"see": "visible", "target": {"text": "a"}}, {"see": "hidden", "target": {"text": "a"}}]}\n'
    world = World(asks=[PAGE], plan="STEP x\n" + both, force={"autonomy": "plan"})
    result = make(world)
    assert not asked(world)
    assert any("wants two things at once" in line for line in result.not_checked)


def settled(which):
    return clashes.chosen({"checks": [RINGS, SILENT]}, which)


def test_settled_afterwards_a_program_that_is_so_already_costs_no_call():
    plain = Base({"index.html": "<p>hello</p>"}, "page", "Tea", "held", 0, results=HELD)
    world = World(force={"model": ""})
    result = make(world, Request("this", base=plain, salt="s", settled=settled(0)))
    assert world.of(Ask) == []
    assert (result.verdict, promised(result)) == (Verdict.HELD, ["It rings"])
    assert [r["confirmed"] for r in result.results if r["id"] == "p1"] == [True]
    assert result.files == plain.files
    assert {r.why for r in world.of(Run)} == {"candidate", "null"}


def test_settled_afterwards_a_program_that_is_not_so_is_changed():
    plain = Base({"index.html": "<p>hello</p>"}, "page", "Tea", "held", 0, results=HELD)
    misses = {**SEEN, "checks": [{"id": "p2", "failed": None, "seen": [True]}]}
    world = World(asks=[PAGE], runs=[misses])
    result = make(world, Request("this", base=plain, salt="s", settled=settled(1)))
    assert world.purposes() == ["plan", "change"]
    assert "It stays quiet" in world.seen_by("plan")[0]
    assert promised(result) == ["It stays quiet"]


def test_a_check_that_cannot_fail_settles_nothing_by_itself():
    plain = Base({"index.html": "<p>hello</p>"}, "page", "Tea", "held", 0, results=HELD)
    result = make(World(nulls_hold=True), Request("this", base=plain, salt="s", settled=settled(0)))
    assert [bool(r["idle"]) for r in result.results if r["id"] == "p1"] == [True]
