"""Job: one turn of making, leased to one worker at a time. EventRecord: what the browser was told, numbered."""

import hashlib
import hmac

from django.conf import settings
from django.db import models

from vibe.choices import Autonomy, Effort, JobKind, JobState, Shape
from vibe.models.maker import Maker
from vibe.models.program import Program


class Job(models.Model):
    """Only vibe.jobs writes `state`. `lease_until` is epoch seconds by the clocks of the workers, which must agree."""

    maker = models.ForeignKey(Maker, on_delete=models.CASCADE, related_name="jobs")
    program = models.ForeignKey(Program, null=True, blank=True, on_delete=models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=8, choices=[(k.value, k.value) for k in JobKind])
    state = models.CharField(
        max_length=8, choices=[(s.value, s.value) for s in JobState], default=JobState.QUEUED, db_index=True
    )
    request = models.TextField(blank=True)
    shape = models.CharField(max_length=12, default=Shape.AUTO)
    autonomy = models.CharField(max_length=8, default=Autonomy.MAKE)
    effort = models.CharField(max_length=10, default=Effort.NORMAL)
    recipe = models.CharField(max_length=60, blank=True, help_text="A recipe asked for by name.")
    slots = models.JSONField(default=dict, blank=True, help_text="Recipe settings that the person typed.")
    without = models.JSONField(
        default=list, blank=True, help_text="Parts of what the model reads that the person took out."
    )
    files = models.JSONField(
        default=dict, blank=True, help_text="Files that the person edited by hand: {path: text}."
    )
    pointed = models.CharField(
        max_length=300, blank=True, help_text="What the person pointed at in the preview."
    )
    settled = models.JSONField(
        default=dict, blank=True, help_text="Promises that clashed: {keep: checks, drop: ids}."
    )
    base = models.ForeignKey("Version", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    once = models.CharField(max_length=64, unique=True, help_text="Idempotency key of the form that made it.")

    sentence = models.CharField(
        max_length=400, blank=True, help_text="Why it is in this state, for the person."
    )
    flow = models.CharField(max_length=40, blank=True, help_text="Version of the flow that began it.")
    attempt = models.PositiveIntegerField(default=0, help_text="Claims since the last journaled answer.")
    lease_owner = models.CharField(max_length=80, blank=True, help_text="One claim of one worker.")
    lease_until = models.FloatField(default=0)
    interrupted = models.BooleanField(default=False, help_text="Its worker was lost; it goes on where it was.")
    stop_asked = models.BooleanField(default=False)
    plan_change = models.JSONField(
        null=True, blank=True, help_text="The plan as the person changed it while it was being written."
    )
    fault_ref = models.CharField(max_length=12, blank=True, help_text="Reference number of a fault of ours.")

    compacted = models.BooleanField(default=False, help_text="Its deltas were merged: it is long over.")
    created = models.DateTimeField(auto_now_add=True, db_index=True)
    started = models.DateTimeField(null=True, blank=True)
    ended = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["state", "id"])]

    def __str__(self) -> str:
        return f"job {self.pk} ({self.state})"

    @property
    def seal(self) -> str:
        """Names the sealed frame of what a recipe made of this Job, before it is checked. No Version's seal has a j."""
        mac = hmac.new(settings.SECRET_KEY.encode(), f"job:{self.pk}:{self.once}".encode(), hashlib.sha256)
        return f"{mac.hexdigest()[:32]}j{self.pk}"

    def look_seal(self, number: int) -> str:
        """Names the sealed frame of one of the looks that the person is asked to pick from."""
        mac = hmac.new(
            settings.SECRET_KEY.encode(), f"look:{self.pk}:{number}:{self.once}".encode(), hashlib.sha256
        )
        return f"{mac.hexdigest()[:32]}k{number}j{self.pk}"

    @property
    def is_over(self) -> bool:
        return JobState(self.state).is_over


class EventRecord(models.Model):
    """One event as stored. Append-only; numbers of a Job have no gap."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="events")
    seq = models.PositiveIntegerField()
    type = models.CharField(max_length=24)
    payload = models.TextField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "seq"], name="one_seq_an_event")]
        ordering = ["job", "seq"]

    def __str__(self) -> str:
        return f"{self.seq} {self.type}"
