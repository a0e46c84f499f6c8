"""The two sliders, cell by cell, as DESIGN §5 has them."""

import pytest

from vibe.generation.policy import policy

CALLS = {"ask": (3, 4, 6), "plan": (3, 5, 8), "make": (3, 5, 10), "keep": (6, 12, 30)}


@pytest.mark.parametrize("autonomy", CALLS)
@pytest.mark.parametrize(("index", "effort"), [(0, "quick"), (1, "normal"), (2, "thorough")])
def test_every_cell_has_its_cap_on_model_calls(autonomy, index, effort):
    assert policy(autonomy, effort).calls == CALLS[autonomy][index]


@pytest.mark.parametrize(
    ("autonomy", "asks"),
    [
        ("ask", {"question", "contradiction", "plan", "look", "repair", "save"}),
        ("plan", {"contradiction", "plan"}),
        ("make", set()),
        ("keep", set()),
    ],
)
def test_what_waits_for_the_person_is_what_the_dial_says(autonomy, asks):
    assert policy(autonomy, "normal").asks == asks


@pytest.mark.parametrize("effort", ["quick", "normal", "thorough"])
def test_only_where_nobody_is_asked_and_it_goes_on_money_and_time_end_it(effort):
    assert policy("keep", effort).usd == 0.50
    assert policy("keep", effort).seconds == 600
    assert policy("make", effort).usd is None


@pytest.mark.parametrize("autonomy", CALLS)
@pytest.mark.parametrize("effort", ["quick", "normal", "thorough"])
def test_the_candidates_leave_room_for_the_plan_and_one_repair(autonomy, effort):
    cell = policy(autonomy, effort)
    assert cell.calls >= 1 + cell.candidates + 1


def test_a_value_that_is_no_stop_of_the_dial_is_refused():
    with pytest.raises(ValueError, match="always"):
        policy("always", "normal")
