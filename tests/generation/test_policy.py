"""The two sliders, cell by cell, as DESIGN §5 has them."""

import pytest

from vibe.generation.policy import policy

CALLS = {"ask": (3, 4, 6), "plan": (3, 5, 8), "make": (3, 5, 10), "keep": (6, 12, 30)}


@pytest.mark.parametrize("autonomy", CALLS)
@pytest.mark.parametrize(("index", "effort"), [(0, "quick"), (1, "normal"), (2, "thorough")])
def test_every_cell_has_its_cap_on_model_calls(autonomy, index, effort):
    assert policy(autonomy, effort).calls == CALLS[autonomy][index]


@pytest.mark.parametrize(
    ("autonomy", "waits"), [("ask", True), ("plan", True), ("make", False), ("keep", False)]
)
def test_the_plan_waits_for_the_person_only_where_the_dial_says_so(autonomy, waits):
    assert policy(autonomy, "normal").shows_plan is waits


def test_a_value_that_is_no_stop_of_the_dial_is_refused():
    with pytest.raises(ValueError, match="always"):
        policy("always", "normal")
