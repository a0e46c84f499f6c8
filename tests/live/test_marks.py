"""Marks: who comes back is told the same as by a fold from the start, and what came long before costs nothing."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.live.test_tail_law import begin, store
from tests.live.test_timeline_law import EVENT
from vibe.live import log, marks
from vibe.live.frames import folded, framed
from vibe.live.marks import EVERY, Marks
from vibe.live.timeline import FileView, Timeline, fold


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    history=st.lists(EVENT, min_size=1, max_size=40), every=st.sampled_from([1, 3, 7]), seed=st.integers(0, 99)
)
def test_a_page_that_comes_back_stands_as_if_all_had_been_folded(transactional_db, history, every, seed):
    job = begin()
    rungs = store(job, 1, history)
    whole = log.whole(job.pk)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(marks, "EVERY", every)
        marks.marks.clear()
        watched = Timeline()
        for rung in rungs:  # as the tail does, which goes on while others come back
            framed(watched, [rung], None)
        cuts = random.Random(seed).choices(range(len(history) + 1), k=8)
        assert [folded(job.pk, cut) for cut in cuts] == [fold(whole[:cut]) for cut in cuts]
        assert watched == fold(whole)
        marks.marks.clear()
        assert [folded(job.pk, cut) for cut in cuts] == [fold(whole[:cut]) for cut in cuts]


@pytest.mark.parametrize("events", [2 * EVERY, 20 * EVERY, 200 * EVERY])
def test_what_is_folded_again_is_no_more_than_what_was_missed_however_long_the_job_has_run(events):
    kept = Marks()
    for seq in range(1, events + 1):
        kept.pass_by(1, Timeline(seq=seq))
    for missed in (0, 1, EVERY, 2 * EVERY - 1, 5 * EVERY, 100 * EVERY):
        cursor = max(0, events - missed)
        mark = kept.before(1, cursor)
        assert 0 <= cursor - mark.seq <= max(missed, EVERY), (missed, mark.seq)
    assert len(kept._kept[1]) < 25


def test_a_mark_is_the_own_copy_of_whoever_asks():
    kept, timeline = Marks(), Timeline(seq=EVERY, files=[FileView("a.py", "one")])
    kept.pass_by(1, timeline)
    timeline.files[0].text = "two"
    kept.before(1, EVERY).files[0].text = "three"
    assert kept.before(1, EVERY).files[0].text == "one"
    assert kept.before(1, EVERY - 1) == Timeline()
    assert kept.before(2, EVERY) == Timeline()


def test_marks_take_no_more_memory_than_they_may_and_no_longer_than_an_hour(monkeypatch):
    kept = Marks()
    for job in range(100):
        kept.pass_by(job, Timeline(seq=EVERY, output="x" * 400_000))
    assert kept._size <= marks.BYTES
    assert kept.before(99, EVERY).seq == EVERY
    assert kept.before(0, EVERY).seq == 0
    monkeypatch.setattr(marks, "STALE_S", -1.0)
    assert kept.before(99, EVERY).seq == 0
