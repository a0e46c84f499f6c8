"""Run: one execution of a tool card on a visitor's own input. Its Job carries lease, state and events."""

from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.text import get_text_list

from vibe.models.card import Card
from vibe.models.job import Job
from vibe.models.maker import Maker, random_id, short_id
from vibe.models.program import Version

LIFE = timedelta(hours=24)
TRIED = "tried when it was made"  # the request of the Job of a run that the making itself did, on the maker's own file


def a_day_from_now() -> datetime:
    return timezone.now() + LIFE


class Run(models.Model):
    """`card` is empty when the maker tries the tool in the workbench. Files are deleted at `expires`."""

    id = models.CharField(primary_key=True, max_length=16, default=short_id, editable=False)
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="runs")
    card = models.ForeignKey(Card, null=True, blank=True, on_delete=models.CASCADE, related_name="runs")
    visitor = models.ForeignKey(Maker, on_delete=models.CASCADE, related_name="runs")
    job = models.OneToOneField(Job, on_delete=models.CASCADE, related_name="run")
    values = models.JSONField(default=dict, help_text="Cleaned inputs; a file's value is its name in the box.")
    outcome = models.JSONField(null=True, blank=True, help_text="sandbox.Outcome.as_json() when it ended.")
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField(default=a_day_from_now, db_index=True)

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return f"run {self.id}"

    def get_absolute_url(self) -> str:
        return f"/runs/{self.id}/"

    @property
    def said(self) -> str:
        """What it printed."""
        return str((self.outcome or {}).get("stdout") or (self.outcome or {}).get("stderr") or "")

    def given_file(self, field: str) -> "RunFile | None":
        """The file that was chosen for this input, while it is kept."""
        if self.expires <= timezone.now() or not self.values.get(field):
            return None
        row = self.files.filter(made=False, name=self.values[field]).first()
        return row if row and row.path.exists() else None

    @property
    def given_files(self) -> dict[str, str]:
        """{input: name of its file}, of those that are still kept."""
        kept = {
            name: self.given_file(name) for name, value in self.values.items() if str(value).startswith("in/")
        }
        return {name: row.name.removeprefix("in/") for name, row in kept.items() if row}

    @property
    def given_name(self) -> str:
        """The names of the files that went in, as one reads them out; "" when none did."""
        names = [row.name.removeprefix("in/") for row in self.files.filter(made=False)]
        return get_text_list(names, "and")


class RunFile(models.Model):
    """A file that went into a run (`made` false) or came out of it. Bytes lie under var/runs/<key>."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField()
    made = models.BooleanField()
    key = models.CharField(max_length=32, unique=True, default=random_id, editable=False)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> Path:
        return Path(settings.VAR) / "runs" / self.key
