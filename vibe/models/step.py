"""StepRecord: one thing a Job asked for and got: resume point, cost ledger and admin view at once."""

from collections import defaultdict
from collections.abc import Iterable

from django.db import models

from vibe.models.job import Job


class StepRecord(models.Model):
    """`number` is its place in the journal ("3", "3.1"); an open step has no answer yet."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="steps")
    order = models.PositiveIntegerField()
    number = models.CharField(max_length=12)
    kind = models.CharField(max_length=10)  # of generation/steps.py
    purpose = models.CharField(max_length=24, blank=True)
    fingerprint = models.CharField(max_length=32)
    prompt = models.CharField(max_length=32, blank=True, help_text="Fingerprint of the prompt files.")
    request = models.JSONField(default=dict)
    void = models.BooleanField(
        default=False, help_text="Of an attempt that was begun anew; its cost still counts."
    )
    answer = models.JSONField(null=True, blank=True)
    model = models.CharField(max_length=120, blank=True)
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)
    cached = models.PositiveIntegerField(default=0)
    cost_usd = models.DecimalField(max_digits=12, decimal_places=6, null=True, blank=True)
    price_in = models.DecimalField(
        max_digits=10, decimal_places=4, null=True, blank=True, help_text="USD per million tokens, at the time."
    )
    price_out = models.DecimalField(
        max_digits=10, decimal_places=4, null=True, blank=True, help_text="USD per million tokens, at the time."
    )
    seconds = models.FloatField(default=0)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["job", "number"], condition=models.Q(void=False), name="one_place_a_step"
            )
        ]
        ordering = ["job", "order", "id"]

    def __str__(self) -> str:
        return f"{self.number} {self.kind} {self.purpose}".strip()

    @classmethod
    def took(cls, jobs: Iterable[int]) -> dict[int, float]:
        """{id of a Job: seconds that its steps took}. How long it waited for its person, or for a worker, is none of it;
        of parts of one order, which ran side by side, the longest counts."""
        sums: dict[int, float] = defaultdict(float)
        rows = cls.objects.filter(job__in=list(jobs), void=False).order_by().values("job", "order")
        for job, seconds in rows.annotate(longest=models.Max("seconds")).values_list("job", "longest"):
            sums[job] += seconds
        return sums
