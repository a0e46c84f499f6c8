"""Patterns agree with Python's own engine, and no pattern can make us think for long."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibe.generation.checks.patterns import BadPattern, check, found

KNOWN = [
    r"^\d+$", r"\S", r"(ab|c)*d{2,3}", r"a{2}", r"(a?){3}b", r"x*y+?z", r"[^]a]+\]", r"\bfoo\b|bar$", r"(a|b)*?c",
    r"(?i)HELLO w", r"a{,2}b", r"(?:a*)*b", r"\$\d+\.\d{2}", r"^$", r"a|", r"[\d.]+", r"^(ab){0}c", r"\x41\u0042", r"a.c",
    r"(?P<x>a)b",
]  # fmt: skip


@given(st.sampled_from(KNOWN), st.text(alphabet="abcdxyzAB \n12.]$fohelw", max_size=14))
def test_a_pattern_finds_what_python_finds(pattern, text):
    assert found(pattern, text) == bool(re.search(pattern, text))


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"(a|aa)+$", r"(.*){3}.*.*.*x", r"a*a*a*a*a*b"])
def test_a_pattern_made_to_think_for_hours_takes_no_time(pattern):
    began = time.process_time()
    found(pattern, "a" * 7999 + "!")
    assert time.process_time() - began < 5


@pytest.mark.parametrize("pattern", ["(", "(?=a)", r"(a)\1", "a{500}", "((a{90}){90}){9}", "a" * 301, "a++"])
def test_what_is_not_known_is_refused(pattern):
    with pytest.raises(BadPattern):
        check(pattern)
