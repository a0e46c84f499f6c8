"""Where this site is often wrong: said before a making starts, from what its own checks found (DESIGN §5)."""

from datetime import timedelta

from django.utils import timezone

from vibe.choices import Origin, Shape, Verdict
from vibe.models import Version

LEAST, WEAK = 20, 0.6  # versions of a kind before anything is said; the share that must hold
DAYS = 90
NAMES = {
    Shape.TOOL: "tools", Shape.CHART: "charts", Shape.SLIDES: "slides", Shape.PICTURE: "pictures",
    Shape.INFOGRAPHIC: "infographics", Shape.WHITEBOARD: "whiteboards", Shape.ANIMATION: "animations", Shape.PAGE: "pages",
}  # fmt: skip


def sentence(shape: str) -> str:
    """ "I’m often wrong at tools: …", or "" when too little is known, or when it goes well."""
    kind = Shape(shape) if shape in set(Shape) else Shape.AUTO
    if kind not in NAMES:
        return ""
    # One a Job: a version that was brought back, or another look of the same, is no try of its own.
    made = Version.objects.filter(
        shape=kind, origin=Origin.MODEL, job__isnull=False, created__gt=timezone.now() - timedelta(days=DAYS)
    ).exclude(verdict=Verdict.UNCHECKED)
    total = made.count()
    if total < LEAST:
        return ""
    held = made.filter(verdict=Verdict.HELD).count()
    if held >= WEAK * total:
        return ""
    return f"I’m often wrong at {NAMES[kind]}: {held} of the last {total} held all their checks. Look closely at this one."
