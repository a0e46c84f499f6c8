"""What is kept of whom, in bytes: files given, results of runs, pictures and films of versions.

The text of programs is left out: it is small, and bounded by how many may be made. A maker's own sum is added up when
it is asked for; the site's, and those that the admin sorts by, by the housekeeping.
"""

from collections import Counter
from typing import Any

from django.db.models import F, IntegerField, QuerySet, Sum
from django.db.models.functions import Length
from django.utils import timezone

from vibe.models import Film, Kept, Maker, RunFile, Upload, Version
from vibe.models.count import SITE

BATCH = 500


def of_maker(maker: Maker) -> int:
    """Bytes that are kept of this maker now."""
    return sum(
        rows.filter(**{owner: maker.pk}).aggregate(all=Sum(size))["all"] or 0 for rows, owner, size in _parts()
    )


def of_everybody() -> Counter[str]:
    """{maker's id: bytes}."""
    found: Counter[str] = Counter()
    for rows, owner, size in _parts():
        grouped = rows.order_by().values(who=F(owner)).annotate(all=Sum(size)).values_list("who", "all")
        found.update({who: total for who, total in grouped if total})
    return found


def measure() -> int:
    """Add up what is kept of everybody, for the admin and for the site's limit. How many rows changed.

    What is given in this moment may be missing until the next time, a few minutes later.
    """
    found, now = of_everybody(), timezone.now()
    sizes = {_of(maker): size for maker, size in found.items()} | {SITE: found.total()}
    before = dict(Kept.objects.values_list("who", "size"))
    gone = before.keys() - sizes.keys()
    Kept.objects.filter(who__in=list(gone)).update(size=0, measured=now)
    changed = sorted(who for who, size in sizes.items() if before.get(who) != size)  # in order: no deadlock
    Kept.objects.bulk_create(
        [Kept(who=who, size=sizes[who], measured=now) for who in changed],
        batch_size=BATCH, update_conflicts=True, unique_fields=["who"], update_fields=["size", "measured"],
    )  # fmt: skip
    return len(changed)


def of_site() -> int:
    """Bytes that were kept of everybody when they were last added up, and what was given since."""
    return Kept.objects.filter(who=SITE).values_list("size", flat=True).first() or 0


def _of(maker_id: str) -> str:
    return f"maker {maker_id}"


def _parts() -> list[tuple[QuerySet[Any], str, Any]]:
    """(rows, whose they are, bytes of one). The length of a blob is read without the blob, in both databases."""
    data, shot = Length("data", output_field=IntegerField()), Length("shot", output_field=IntegerField())
    return [
        (Upload.objects.all(), "program__maker_id", "size"),
        (RunFile.objects.all(), "run__visitor_id", "size"),
        (Version.objects.exclude(shot=None), "program__maker_id", shot),
        (Film.objects.exclude(version=None), "version__program__maker_id", data),
        (Film.objects.filter(version=None), "job__maker_id", data),
    ]
