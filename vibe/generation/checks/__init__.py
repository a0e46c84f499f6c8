"""Checks: promises in plain words with a machine form that can fail, and the verdict over what a box observed.

The path of one: reading (may it be used?) → runs (what a box does) → verdict (did it hold?); beside it nulls (can it
fail?), contradictions, hidden, mutants, and writer (what those who write code and checks are told). No I/O anywhere.
"""

from vibe.generation.checks.harmless import clean_text
from vibe.generation.checks.language import Check, Expect, Step, Target
from vibe.generation.checks.reading import read
from vibe.generation.checks.runs import runs
from vibe.generation.checks.verdict import Judged, from_faults, judge

__all__ = [
    "Check", "Expect", "Judged", "Step", "Target", "clean_text", "from_faults", "judge", "read", "runs",
]  # fmt: skip
