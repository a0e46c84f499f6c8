"""What this site is often wrong at is said before it starts, and only where enough is known."""

import pytest

from tests.jobs.carrying import PAGE, begin, carry, timeline
from vibe import weak_spots
from vibe.models import Job, Maker, Program, Version

pytestmark = pytest.mark.django_db(transaction=True)


def made(held, broken, *, by_a_job=True, shape="chart"):
    maker = Maker.objects.create()
    program = Program.objects.create(maker=maker, title="Tea")
    for n in range(held + broken):
        job = Job.objects.create(
            maker=maker, program=program, kind="make", state="done", once=f"{program.pk}{n}"
        )
        Version.objects.create(
            program=program, number=n + 1, job=job if by_a_job else None, shape=shape, origin="model",
            files={"index.html": "x"}, verdict="held" if n < held else "broken",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("held", "broken", "said"),
    [(11, 9, "I’m often wrong at charts: 11 of the last 20 held all their checks. Look closely at this one."),
     (12, 8, ""), (10, 9, ""), (0, 19, "")],
)  # fmt: skip
def test_under_sixty_of_a_hundred_of_at_least_twenty_it_is_said(held, broken, said):
    made(held, broken)
    assert weak_spots.sentence("chart") == said
    assert weak_spots.sentence("slides") == ""


def test_a_version_brought_back_or_another_look_is_no_try_of_its_own():
    made(11, 8)
    made(0, 9, by_a_job=False)
    assert weak_spots.sentence("chart") == ""


@pytest.mark.parametrize("plan", ["STEP A chart\n", "I would rather not plan"], ids=["a plan", "no plan"])
@pytest.mark.parametrize("autonomy", ["make", "plan"])
def test_it_is_said_with_the_plan_before_a_line_is_written(boxes, script, autonomy, plan):
    made(5, 20)
    script.extend([plan if plan.startswith("STEP") else f"TITLE {plan}", PAGE])
    job = carry(begin("Rainfall by month", shape="chart", autonomy=autonomy))
    types = list(job.events.order_by("seq").values_list("type", flat=True))
    assert "I’m often wrong at charts: 5 of the last 25" in timeline(job).plan["warning"]
    if autonomy == "make":
        assert types.index("plan-proposed") < types.index("file-opened")
    else:
        assert "file-opened" not in types
