"""A number is found in a text however people write it, and nothing else is taken for it."""

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe.generation.checks.figures import figures, in_the_manner_of, plainly, shows


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1,234.50", 1234.5), ("1.234,50", 1234.5), ("1 234,50 €", 1234.5), ("1\u202f234,50", 1234.5), ("1'234.50", 1234.5),
        ("12,34,567", 1234567), ("€23.50", 23.5), ("23,50 €", 23.5), ("CHF 5.00", 5), ("12 %", 12), ("12 %", 0.12),
        ("−5", -5), ("-$12.00", -12), ("$-12.00", -12), ("(5.00)", -5), ("(5.00)", 5), ("10 - 5", 5), ("3–5 days", 5),
        ("Each pays 22.00 (for 3)", 22), ("Each pays 22.00 (for 3)", 3), ("24.12.2026", 12), ("2026-11-24", 11),
        ("5km", 5), ("1½ cups", 1.5), ("1 1/2 cups", 1.5), ("3/10 done", 3), ("3/10 done", 10), ("1, 2, 3", 2),
        ("٢٣٫٥٠", 23.5), ("0.3333333333333333", 1 / 3), ("23.50", 23.505), ("23.51", 23.505), ("33", 33.004), ("1,234", 1.234),
        ("1,234", 1234), (".5", 0.5),
    ],
)  # fmt: skip
def test_a_number_is_found_however_it_is_written(text, value):
    assert shows(text, value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("23", 23.5), ("24", 23.5), ("23.4", 23.5), ("23.52", 23.505), ("66.66", 200 / 3), ("-5", 5), ("5", -5), ("NaN", 0),
        ("A4", 4), ("h2", 2), ("", 0), ("undefined", 0), ("1234.5", 234.5), ("22.000", 22.5), ("1e21", 1), ("9" * 5000, 9),
    ],
)  # fmt: skip
def test_what_only_looks_alike_is_not_the_number(text, value):
    assert not shows(text, value)


CENTS = st.integers(-(10**9), 10**9)


@given(CENTS)
def test_money_is_found_in_every_usual_notation(cents):
    value = cents / 100
    for form in (f"{value:,.2f}", f"€{value:,.2f}".replace("€-", "-€"), f"{value:.2f} €".replace(".", ",")):
        assert shows(f"Total: {form} in all", value), form
        assert not shows(f"Total: {form} in all", value + 0.02), form


@given(st.decimals(0, 10**6, places=3))
def test_both_ways_of_rounding_a_tie_are_accepted(number):
    for way in (ROUND_HALF_UP, ROUND_HALF_EVEN):
        assert shows(str(number.quantize(Decimal("0.01"), way)), float(number))


@given(st.text(max_size=300))
def test_any_text_can_be_read(text):
    for figure in figures(text):
        assert 0 <= figure.start < figure.end <= len(text)


def test_a_number_is_said_as_the_page_writes_its_own():
    assert in_the_manner_of("€24,00", 23.5) == "€23,50"
    assert in_the_manner_of("$24.00 each", 1234.5) == "$1234.50 each"
    assert in_the_manner_of("24 €", 23.5) == "23.50 €"
    assert in_the_manner_of("NaN", 23.5) == "23.5"
    assert [plainly(n) for n in (90, 90.0, 23.5, 1 / 3)] == ["90", "90", "23.5", "0.3333333333"]
