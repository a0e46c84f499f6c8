"""Kept back: the third of the checks that a repair call is not told about, so that they still measure something.

What the person wrote or ticked is told first: it is what they asked for, and a repair should work towards it. Only
when everything is theirs do some of theirs stay back; the repair call always hears how many do not hold.
"""

import hashlib
from collections.abc import Sequence

from vibe.generation.checks.language import Check, as_checks
from vibe.generation.steps import Json


def kept_back(checks: Sequence[Check | Json], salt: str) -> set[str]:
    """The ids of a third of `checks`, rounded down: none of one or two, one of three. The same salt, the same third."""

    def order(check: Check) -> tuple[bool, bool, str]:
        chance = hashlib.sha256(f"{salt}:{check.id}".encode()).hexdigest()
        return check.confirmed, check.source == "person", chance

    read = as_checks(checks)
    return {check.id for check in sorted(read, key=order)[: len(read) // 3]}
