"""Reading a plan with its checks, and what the person makes of it."""

from vibe.generation import plan

TEXT = """Sure, here it is.

TITLE Split the bill
STEP A box for the bill
- **STEP** 2. A box for the people
QUESTION Which currency? | € | $
CHECK Three people owe a third each
```json
{"given": {"bill": 90, "people": 3},
 "steps": [{"do": "fill", "target": {"label": "Bill"}, "value": "{bill}"}],
 "expect": [{"see": "text", "target": {"mark": "share"}, "number": "bill / people"}], "covers": [1, 2]}
```
CHECK: It looks nice
CHECK It can be seen {"expect": [{"see": "visible", "target": {"text": "Bill"}}]}
DROP 2, 3
"""


def test_a_plan_is_read_from_its_lines_and_forms():
    read = plan.read(TEXT)
    assert (read.title, read.steps) == ("Split the bill", ("A box for the bill", "A box for the people"))
    first, vague, inline = read.promises
    assert first.form["expect"][0]["number"] == "bill / people"
    assert first.covers == (1, 2)
    assert vague.form is None
    assert inline.sentence == "It can be seen"
    assert inline.form is not None, inline.why_not
    assert read.questions[0].choices == ("€", "$")
    assert read.drops == (2, 3)
    assert [c["id"] for c in read.checks()] == ["p1", "p3"]


def test_a_reply_without_a_step_is_no_plan():
    assert plan.read("Sure! I would build it like this.") is None


def test_a_form_that_names_what_is_not_given_makes_no_check_and_says_why():
    read = plan.read(
        'STEP x\nCHECK Sums\n{"expect": [{"see": "text", "target": {"mark": "s"}, "number": "a + b"}]}'
    )
    assert read.promises[0].form is None
    assert read.promises[0].why_not


def test_a_question_ends_with_you_decide():
    (question,) = plan.read("STEP x\nQUESTION Which? | this | that").questions
    assert [c["label"] for c in question.as_choices("Up to you")] == ["this", "that", "Up to you"]
    assert question.answer("2") == "that"
    assert question.answer(plan.DECIDE) == ""


def test_the_words_around_our_questions_come_with_the_plan_or_are_ours():
    frame = plan.read("STEP x\nCLASH: Nur eines gilt: welches? | Keines | Entscheide du").frame
    assert (frame.clash, frame.neither, frame.decide) == ("Nur eines gilt: welches?", "Keines", "Entscheide du")
    for broken in ("CLASH Nur eines | Keines", "CLASH a | | c", "CLASH", "CLASH a | b | c | d"):
        assert plan.read(f"STEP x\n{broken}").frame == plan.ENGLISH


def test_the_persons_lines_replace_ours_and_empty_ones_vanish():
    read = plan.read(TEXT)
    edited = plan.edited(read, {"steps": ["b", "  ", "c"]})
    assert edited.steps == ("b", "c")
    assert edited.promises == read.promises


def test_ticked_edited_added_and_removed_checks():
    edited = plan.edited(
        plan.read(TEXT),
        {
            "checks": [
                {"id": "p1", "sentence": "Three people owe a third each", "confirmed": True},
                {"id": "p3", "sentence": "It can be seen at once", "confirmed": False},
                {"id": "", "sentence": "It is blue", "confirmed": False},
            ]
        },
    )
    ticked, changed, added = edited.promises
    assert ticked.confirmed
    assert ticked.form is not None
    assert changed.form is None  # its words changed, so its old form proves nothing
    assert [p.sentence for p in plan.open_promises(edited)] == ["It can be seen at once", "It is blue"]
    assert all(p.confirmed for p in (changed, added))


def test_every_promise_of_the_person_has_an_id_of_its_own():
    first = plan.edited(
        plan.read(TEXT, prefix="c2-"),
        {"checks": [{"id": "c2-p1", "sentence": "A"}, {"sentence": "It is blue"}]},
        "c2-",
    )
    blue = first.promises[1].id
    assert blue == "c2-own1"
    second = plan.edited(
        first, {"checks": [{"id": blue, "sentence": "It is blue"}, {"sentence": "It is round"}]}, "c2-"
    )
    assert [p.id for p in second.promises] == ["c2-own1", "c2-own2"]
    third = plan.edited(
        second, {"checks": [{"sentence": "New"}, {"id": "c2-own2", "sentence": "It is round"}]}, "c2-"
    )
    assert [p.id for p in third.promises] == ["c2-own3", "c2-own2"]


def test_a_form_that_sends_one_id_twice_makes_two_promises():
    edited = plan.edited(
        plan.read(TEXT), {"checks": [{"id": "p1", "sentence": "It adds"}, {"id": "p1", "sentence": "It sorts"}]}
    )
    assert [(p.id, p.sentence) for p in edited.promises] == [("p1", "It adds"), ("own1", "It sorts")]


def test_forms_for_the_persons_own_promises_come_in_order():
    edited = plan.edited(plan.read(TEXT), {"checks": [{"id": "", "sentence": "It is blue"}]})
    done = plan.with_forms(
        edited, 'CHECK It is blue\n{"expect": [{"see": "visible", "target": {"text": "blue"}}]}'
    )
    (check,) = done.checks()
    assert (check["source"], check["confirmed"], check["sentence"]) == ("person", True, "It is blue")


def test_what_no_counted_check_covers_is_named():
    read = plan.read(TEXT)
    said = plan.not_checked(read, {"p3"})
    assert "“It looks nice”: I could not turn this into a check." in said
    assert "“A box for the bill”" in said
    assert "“A box for the bill”" not in plan.not_checked(read, {"p1"})


def test_a_plan_never_grows_past_what_a_page_can_show():
    assert len(plan.read("\n".join(f"STEP line {i}" for i in range(100))).steps) == plan.MAX_STEPS


def test_ids_of_a_change_are_kept_apart_from_those_before():
    assert plan.read(TEXT, prefix="c2-").checks()[0]["id"] == "c2-p1"
