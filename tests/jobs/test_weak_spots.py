"""Where this site is often wrong: what is counted, what is not, and where people read it before they begin."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.jobs.carrying import PAGE, begin, carry, timeline
from vibe import weak_spots
from vibe.choices import JobState, Origin, Verdict
from vibe.models import Job, Maker, Program, StepRecord, Version

pytestmark = pytest.mark.django_db(transaction=True)


def ended(
    count,
    *,
    shape="tool",
    kind="make",
    verdict="",
    origin=Origin.MODEL,
    state=JobState.DONE,
    answer=None,
    **more,
):
    """`count` makings: each with a Version of this verdict, or without one."""
    maker = Maker.objects.create()
    for _ in range(count):
        program = Program.objects.create(maker=maker, title="T", description="t")
        job = Job.objects.create(
            maker=maker, program=program, kind=kind, shape=shape, state=state, once=f"{program.pk}", **more
        )
        StepRecord.objects.create(
            job=job, order=1, number="1", kind="ask", fingerprint="f", answer=answer or {"text": "hello"}
        )
        if verdict:
            Version.objects.create(
                program=program, number=1, job=job, shape=shape, origin=origin, files={"a": ""}, verdict=verdict
            )


def test_little_is_known_of_little():
    ended(19, verdict=Verdict.BROKEN)
    assert weak_spots.sentence("tool") == ""
    ended(1, verdict=Verdict.BROKEN)
    assert weak_spots.sentence("tool").startswith("I’m often wrong at tools: 0 of the last 20 held")
    assert weak_spots.sentence("page") == weak_spots.sentence("auto") == weak_spots.sentence("nonsense") == ""


def test_three_fifths_are_good_enough():
    ended(12, verdict=Verdict.HELD)
    ended(8, verdict=Verdict.BROKEN)
    assert weak_spots.sentence("tool") == ""
    ended(1, verdict=Verdict.BROKEN)
    assert "12 of the last 21" in weak_spots.sentence("tool")


def test_what_failed_without_a_version_counts_as_well():
    ended(11, verdict=Verdict.HELD)
    ended(9, state=JobState.FAILED)
    assert "11 of the last 20" in weak_spots.sentence("tool")


@pytest.mark.parametrize(
    "innocent",
    [
        {"state": JobState.FAILED, "answer": {"fault": {"kind": "no_server", "sentence": "x"}}},
        {"state": JobState.FAILED, "fault_ref": "abcd"},
        {"state": JobState.STOPPED},
        {"verdict": Verdict.UNCHECKED},
        {"verdict": Verdict.BROKEN, "origin": Origin.RECIPE},
        {"verdict": Verdict.BROKEN, "origin": Origin.PERSON},
        {"verdict": Verdict.BROKEN, "origin": Origin.CARD},
        {"state": JobState.FAILED, "kind": "run"},
    ],
    ids=str,
)
def test_what_says_nothing_of_the_kind_is_not_counted(innocent):
    ended(30, **innocent)
    assert weak_spots.sentence("tool") == ""


def test_what_is_long_ago_is_forgiven():
    ended(30, verdict=Verdict.BROKEN)
    ended(30, state=JobState.FAILED)
    long_ago = timezone.now() - timedelta(days=weak_spots.DAYS + 1)
    Version.objects.update(created=long_ago)
    Job.objects.update(created=long_ago)
    assert weak_spots.sentence("tool") == ""


def test_changes_are_told_apart_where_there_are_enough_of_them():
    ended(20, verdict=Verdict.HELD)
    ended(20, verdict=Verdict.BROKEN, kind="change")
    assert weak_spots.sentence("tool") == ""
    assert weak_spots.sentence("tool", "change").startswith(
        "I’m often wrong at changing tools: 0 of the last 20"
    )
    ended(12, verdict=Verdict.BROKEN, shape="chart", kind="change")
    ended(12, verdict=Verdict.BROKEN, shape="chart")
    assert "wrong at charts: 0 of the last 24" in weak_spots.sentence("chart", "change")


def test_it_is_said_at_the_desk_and_with_the_plan_before_a_line_is_written(browser, boxes, script):
    ended(20, verdict=Verdict.BROKEN, shape="chart")
    said = weak_spots.sentence("chart")
    page = browser.get("/").content.decode()
    assert f'data-weak="chart">{said}' in page
    assert page.count("data-weak=") == 1
    script.append(PAGE)
    seen = timeline(carry(begin("a chart of teas", shape="chart")))
    assert seen.plan["warning"] == said


def test_the_desk_asks_the_same_few_questions_of_the_database_for_many_makings(
    browser, script, django_assert_num_queries
):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    ended(20, verdict=Verdict.BROKEN)
    browser.get("/")
    with CaptureQueriesContext(connection) as few:
        browser.get("/")
    ended(40, verdict=Verdict.BROKEN, shape="chart")
    with django_assert_num_queries(len(few)):
        browser.get("/")


def test_a_version_brought_back_or_another_look_is_no_try_of_its_own():
    ended(11, verdict=Verdict.HELD)
    ended(8, verdict=Verdict.BROKEN)
    program = Program.objects.create(maker=Maker.objects.create(), title="T")
    Version.objects.create(
        program=program, number=1, shape="tool", origin=Origin.MODEL, files={"a": ""}, verdict=Verdict.BROKEN
    )
    assert weak_spots.sentence("tool") == ""


SUMS = 'STEP A sum\nCHECK It adds\n{"input": {"n": 1}, "expect": [{"see": "stdout", "contains": "1"}]}\n'
BELL = 'STEP A bell\nCHECK It rings\n{"expect": [{"see": "visible", "target": {"text": "rings"}}]}\n'


@pytest.mark.parametrize("autonomy", ["make", "plan"])
def test_where_no_shape_was_chosen_it_is_said_as_soon_as_the_plan_shows_what_it_will_be(
    boxes, script, autonomy
):
    ended(20, verdict=Verdict.BROKEN)
    script.extend([SUMS, PAGE])
    job = carry(begin("Add up numbers", autonomy=autonomy))
    assert timeline(job).plan["warning"] == weak_spots.sentence("tool") != ""
    script[:] = [BELL, PAGE]
    assert timeline(carry(begin("A bell", autonomy=autonomy, once="2"))).plan["warning"] == ""
    script[:] = ["STEP A bell\n", PAGE]
    unknown = timeline(carry(begin("A sound", autonomy=autonomy, once="3")))
    assert unknown.plan["warning"] == "", "no promise shows what it will be"
    ended(20, verdict=Verdict.BROKEN, shape="page")
    script[:], said = [BELL, PAGE], weak_spots.sentence("page")
    bell = timeline(carry(begin("A bell for tea", autonomy=autonomy, once="4")))
    assert bell.plan["warning"] == said != ""


@pytest.mark.parametrize("plan", ["STEP A chart\n", "TITLE I would rather not plan"], ids=["a plan", "no plan"])
@pytest.mark.parametrize("autonomy", ["make", "plan"])
def test_it_is_said_whether_there_is_a_plan_or_not(boxes, script, autonomy, plan):
    ended(20, verdict=Verdict.BROKEN, shape="chart")
    said = weak_spots.sentence("chart")
    script.extend([plan, PAGE])
    job = carry(begin("Rainfall by month", shape="chart", autonomy=autonomy))
    types = list(job.events.order_by("seq").values_list("type", flat=True))
    assert timeline(job).plan["warning"] == said
    if autonomy == "make":
        assert types.index("plan-proposed") < types.index("file-opened")
    else:
        assert "file-opened" not in types
