"""Where this site is often wrong: said before a making starts, from how its makings ended (DESIGN §5).

Counted is every making with a model that came to an end of its own: the Versions that were checked, and the Jobs that
failed without one although the model answered. Not counted is what says nothing of the kind: recipes, files edited by
hand, what was stopped, what nothing could check, and what a provider, an allowance or a fault of ours ended.
"""

from collections import Counter
from datetime import timedelta

from django.db.models import Count, Exists, OuterRef
from django.utils import timezone

from vibe.choices import JobKind, JobState, Origin, Shape, Verdict
from vibe.models import Job, StepRecord, Version

LEAST, WEAK = 20, 0.6  # makings of a kind before anything is said; the share that must hold
DAYS = 90
NAMES = {
    Shape.TOOL: "tools", Shape.CHART: "charts", Shape.SLIDES: "slides", Shape.PICTURE: "pictures",
    Shape.INFOGRAPHIC: "infographics", Shape.WHITEBOARD: "whiteboards", Shape.ANIMATION: "animations", Shape.PAGE: "pages",
}  # fmt: skip

Kind = tuple[str, str]  # shape, and whether it was made anew or changed (choices.JobKind)


def sentence(shape: str, kind: str = JobKind.MAKE) -> str:
    """ "I’m often wrong at tools: …", or "" when too little is known, or when it goes well.

    Changes are counted apart from first requests where there are enough of them, else the shape as a whole. Of `auto`
    nothing is known before there is a plan.
    """
    return _sentence(_counted(), shape, kind)


def sentences(kind: str = JobKind.MAKE) -> dict[str, str]:
    """{shape: sentence} of all weak spots, for where a shape is chosen or is known later."""
    ended = _counted()
    return {str(shape): said for shape in NAMES if (said := _sentence(ended, shape, kind))}


def _sentence(ended: "Counter[tuple[Kind, bool]]", shape: str, kind: str) -> str:
    if shape not in NAMES:
        return ""
    kinds = [(shape, kind)]
    if _of(ended, kinds)[1] < LEAST:
        kinds = [(shape, JobKind.MAKE), (shape, JobKind.CHANGE)]
    held, total = _of(ended, kinds)
    if total < LEAST or held >= WEAK * total:
        return ""
    what = NAMES[Shape(shape)] if len(kinds) > 1 or kind == JobKind.MAKE else f"changing {NAMES[Shape(shape)]}"
    return f"I’m often wrong at {what}: {held} of the last {total} held all their checks. Look closely at this one."


def _of(ended: "Counter[tuple[Kind, bool]]", kinds: list[Kind]) -> tuple[int, int]:
    """(how many held, how many there were)."""
    held = sum(ended[kind, True] for kind in kinds)
    return held, held + sum(ended[kind, False] for kind in kinds)


def _counted() -> "Counter[tuple[Kind, bool]]":
    """How many makings of each shape and kind held all their checks, and how many did not, in two queries."""
    since = timezone.now() - timedelta(days=DAYS)
    ended: Counter[tuple[Kind, bool]] = Counter()
    made = Version.objects.filter(origin=Origin.MODEL, created__gt=since, job__isnull=False)
    checked = made.exclude(verdict=Verdict.UNCHECKED).order_by()
    for shape, kind, verdict, count in checked.values_list("shape", "job__kind", "verdict").annotate(
        Count("pk")
    ):
        ended[(shape, kind), verdict == Verdict.HELD] += count
    asked = StepRecord.objects.filter(job=OuterRef("pk"), kind="ask", void=False, answer__isnull=False)
    failed = Job.objects.filter(
        Exists(asked.exclude(answer__has_key="fault")), ~Exists(asked.filter(answer__has_key="fault")),
        state=JobState.FAILED, fault_ref="", version=None, created__gt=since,
    ).exclude(kind=JobKind.RUN)  # fmt: skip
    for shape, kind, count in failed.order_by().values_list("shape", "kind").annotate(Count("pk")):
        ended[(shape, kind), False] += count
    return ended
