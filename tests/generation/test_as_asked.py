"""“As you asked” is said only where all that the person ticked was looked at."""

import pytest

from tests.generation.test_checks import SEEN
from vibe.generation.checks import judge
from vibe.generation.trial import Tried, told
from vibe.live.timeline import Timeline
from vibe.models import Version

LATE = {"failed": {"step": 0, "why": "there was no time left"}, "seen": [], "late": True, "seconds": 0.0}


def ticked(id_):
    expect = [{"see": "text", "is": "3"}]
    return {"id": id_, "sentence": id_, "source": "model", "confirmed": True, "expect": expect}


@pytest.mark.parametrize("late", [False, True])
def test_a_promise_that_was_ticked_and_not_looked_at_is_not_passed_over(late):
    checks = [ticked("a"), ticked("b")]
    seen = {"id": "a", "failed": None, "seen": ["3"], "seconds": 1.0}
    answer = {**SEEN, "checks": [seen, {**seen, "id": "b", **(LATE if late else {})}]}
    tried = Tried({}, "page", checks, judge("page", checks, answer))
    data = told(tried).data
    assert data["verdict"] == "held"
    assert Timeline(checked=data).as_asked is not late
    version = Version(verdict=data["verdict"], results=data["results"], measures=tried.ticked_unseen)
    assert version.as_asked is not late
