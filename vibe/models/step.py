"""StepRecord: one thing a Job asked for and got: resume point, cost ledger and admin view at once."""

from collections import defaultdict
from collections.abc import Iterable

from django.db import models

from vibe.models.job import Job


class StepRecord(models.Model):
    """`number` is its place in the journal ("3", "3.1"); an open step has no answer yet.

    `request` of a question to a model holds "sent": how many calls it came to, counted before each is made.
    """

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

    @property
    def calls(self) -> int:
        """Of a question to a model: the calls that it came to; one of which nobody knows whether it was sent counts. 0 when
        no server took it."""
        return int(self.request.get("sent", 1))

    @classmethod
    def calls_of(cls, rows: "models.QuerySet[StepRecord]") -> int:
        """The calls to a model that these steps came to."""
        sent = rows.filter(kind="ask").order_by().values_list("request__sent", flat=True)
        return sum(1 if one is None else int(one) for one in sent)

    @classmethod
    def took(cls, jobs: Iterable[int]) -> dict[int, float]:
        """{id of a Job: seconds that its steps took}. How long it waited for its person, or for a worker, is none of it;
        of parts of one order, which ran side by side, the longest counts."""
        sums: dict[int, float] = defaultdict(float)
        rows = cls.objects.filter(job__in=list(jobs), void=False).order_by().values("job", "order")
        for job, seconds in rows.annotate(longest=models.Max("seconds")).values_list("job", "longest"):
            sums[job] += seconds
        return sums
