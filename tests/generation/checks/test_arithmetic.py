"""Arithmetic is ours: exact, bounded, and nothing but arithmetic."""

from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe.generation.checks.arithmetic import BadExpression, evaluate, exactly, names_in

VALUES = {"bill": 90, "tip": 10, "people": 3, "food": [12, 8.5], "name": "Ann"}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("sum(food) * 1.1 / people", 20.5 * 1.1 / 3),
        ("bill * (1 + tip / 100) / people", 33),
        ("food[0] + food[-1]", 20.5),
        ("min(bill, tip, sum(food)) + max(food) + len(food)", 24),
        ("mean(food)", 10.25),
        ("round(23.505, 2)", 23.51),
        ("round(-2.5)", -3),
        ("7 // 2 + 7 % 2", 4),
        ("sqrt(9) + 2 ** 3 + abs(-1) + floor(1.9) + ceil(1.1)", 15),
        ("20 if bill >= 50 and tip < 20 else 10", 20),
        ("0.1 + 0.2", 0.3),
        ("bill × 2 ÷ 3 − 1", 59),
        ("1000 * (1 + 4.5 / 100 / 12) ** 360", 1000 * 1.00375**360),
    ],
)
def test_an_expression_is_reckoned(expression, value):
    assert evaluate(expression, VALUES) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("", "An expression has 1 to 300 characters."),
        ("bill / (tip - 10)", "“bill / (tip - 10)” divides by zero."),
        ("total", "There is no value “total”; there is bill, tip, people, food."),
        ("name + 1", "“name” is a text; only numbers can be reckoned with."),
        ("food * 2", "“food” is a list; take one of it, its sum or its length."),
        ("food[7]", "“food” has 2 numbers, counted from 0."),
        ("bill ^ 2", "A power is written with **, not with ^."),
        ("9 ** 9 ** 9", "A power is at most 1000."),
        ("99999 ** 900", "It comes to a number that is too large."),
        ("median(food)", "There is no function “median”; there are abs, ceil, floor, len, max, mean, min, round, sqrt, sum."),
        ("(1", "“(1” is no expression that I can read."),
        ("1" + "+1" * 140, None),
    ],
)  # fmt: skip
def test_what_cannot_be_reckoned_is_said_in_a_sentence(expression, why):
    with pytest.raises(BadExpression) as caught:
        evaluate(expression, VALUES)
    assert why is None or str(caught.value) == why


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').system('x')", "bill.real", "[1, 2]", "sum(x for x in food)", "lambda: 1", "'a' * 9", "True",
        "food[0:1]", "(bill := 2)", "f'{bill}'", "sum(*food)", "round(1, ndigits=2)", "print(1)", "1j", "{}", "((" * 200,
    ],
)  # fmt: skip
def test_nothing_but_arithmetic_is_an_expression(expression):
    with pytest.raises(BadExpression):
        evaluate(expression, VALUES)


@given(st.text(alphabet="bilfod[]()+-*/%<>=.,0123456789 andorifels!~", max_size=40))
def test_whatever_is_written_gives_a_number_or_a_sentence(expression):
    with suppress(BadExpression):
        assert isinstance(evaluate(expression, VALUES), float)


NUMBERS = st.decimals(-(10**6), 10**6, places=2).map(float)


@given(NUMBERS, NUMBERS)
def test_sums_are_exact_to_the_cent(a, b):
    assert exactly("a + b - b", {"a": a, "b": b}) == Fraction(repr(a))


@given(NUMBERS)
def test_rounding_goes_to_the_nearest_and_ties_away_from_zero(a):
    rounded = exactly("round(a / 7, 1)", {"a": a})
    assert abs(rounded - Fraction(repr(a)) / 7) <= Fraction(1, 20)
    assert exactly("round(a)", {"a": 0.5}) == 1


def test_the_values_of_an_expression_are_known_before_it_is_reckoned():
    assert names_in("sum(food) + bill * 2") == {"food", "bill"}
