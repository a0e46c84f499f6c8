"""What is claimed and no check covers is listed, whoever claims it: the plan, or the model of its own program."""

import pytest

from tests.generation.world import CHECKED, PAGE, World, make
from vibe.generation.claims import not_checked

PLAN = ["A start button", "A bell that rings after three minutes"]


@pytest.mark.parametrize(
    ("said", "listed"),
    [
        ("Here it is.", []),
        ("I made it. Enjoy!", []),
        ("It has a start button, and the bell rings after three minutes.", []),
        ("It also saves your teas in the cloud and syncs them.", ["saves your teas in the cloud"]),
        ("The bell rings after three minutes. It works offline and speaks French, too.", ["speaks French"]),
        ("**Exports to PDF with one click.**", ["Exports to PDF"]),
        ("(index.html is called index.html now.)", []),
        (
            "三分後に鳴ります。データをクラウドに保存します。",
            ["三分後に鳴ります", "データをクラウドに保存します"],
        ),
    ],
)
def test_what_a_model_says_beyond_the_plan_is_listed(said, listed):
    lines = not_checked(said, PLAN)
    assert len(lines) == len(listed)
    for line, words in zip(lines, listed, strict=True):
        assert words in line


def test_no_more_is_listed_than_a_person_reads():
    many = " ".join(f"It also handles marvellous{n} exports{n} nicely{n}." for n in range(50))
    lines = not_checked(many, PLAN)
    assert len(lines) == 5
    assert lines[-1] == "46 more things that the model says of it"
    five = " ".join(f"It also handles marvellous{n} exports{n} nicely{n}." for n in range(5))
    assert not_checked(five, PLAN)[-1] == "One more thing that the model says of it"
    assert all(len(line) < 240 for line in not_checked("exporting wonders " * 900, PLAN))


def test_a_claim_of_the_reply_stands_beside_the_result():
    page = "It rings. It also sends your tea to all your friends.\n\n" + PAGE
    result = make(World(asks=[page], plan=CHECKED))
    assert any("sends your tea to all your friends" in line for line in result.not_checked)


def test_without_a_single_promise_no_step_counts_as_checked():
    result = make(World(asks=[PAGE], plan="TITLE Tea\nSTEP A start button\nSTEP A bell\n"))
    assert [line for line in result.not_checked if "bell" in line or "button" in line] == [
        "“A start button”",
        "“A bell”",
    ]


def test_without_a_plan_that_could_be_read_the_request_itself_is_not_checked():
    assert "“tea page”" in make(World(asks=[PAGE], plan="Sure, I can help!")).not_checked
