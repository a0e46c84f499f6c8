"""How often something was done in an hour or a day, and what is kept of whom: the tables behind limits.py and stored.py.

Only counts stand here. A network address stands as a keyed hash whose key is of that day only and is deleted after it.
"""

import secrets
from datetime import date

from django.core.validators import MinValueValidator
from django.db import models

SITE = "site"
NOT_BELOW_0 = [MinValueValidator(0)]


class Count(models.Model):
    """`since` is the beginning of the hour or day (UTC). Changed only by updates that keep to the limit."""

    class What(models.TextChoices):
        MAKERS = "makers", "new makers"
        JOBS = "jobs", "programs and changes"
        RUNS = "runs", "runs of tools"
        UPLOADED = "uploaded", "bytes given"
        PASSWORDS = "password", "wrong passwords"

    what = models.CharField(max_length=8, choices=What.choices)
    who = models.CharField(
        max_length=48, help_text="“maker …”, “card …”, “address …” (a hash of that day) or “site”."
    )
    since = models.DateTimeField(db_index=True)
    used = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["what", "who", "since"], name="one_count_a_period")]
        ordering = ["-since", "what", "who"]
        verbose_name = "done in an hour or a day"
        verbose_name_plural = "done, by hour and day"

    def __str__(self) -> str:
        return f"{self.used} {self.get_what_display()} of {self.who}"


class Kept(models.Model):
    """Bytes that are kept of one maker, or of the site, when they were last added up."""

    who = models.CharField(max_length=48, primary_key=True, help_text="“maker …” or “site”.")
    size = models.BigIntegerField(default=0)
    measured = models.DateTimeField()

    class Meta:
        verbose_name = "bytes kept"
        verbose_name_plural = "bytes kept"

    def __str__(self) -> str:
        return f"{self.size} bytes of {self.who}"


def day_secret() -> str:
    return secrets.token_urlsafe(32)


class DaySecret(models.Model):
    """The key under which addresses of one day are hashed. Once it is gone nobody can tell whose they were."""

    day = models.DateField(primary_key=True)
    secret = models.CharField(max_length=64, default=day_secret, editable=False)

    def __str__(self) -> str:
        return f"secret of {self.day}"

    @classmethod
    def of(cls, day: date) -> str:
        """The secret of this day, made by whoever asks first."""
        if known := cls.objects.filter(day=day).values_list("secret", flat=True).first():
            return known
        cls.objects.bulk_create([cls(day=day)], ignore_conflicts=True)
        return cls.objects.get(day=day).secret


def most(
    about: str, help_text: str = "Empty: as the server is set."
) -> "models.PositiveIntegerField[int | None, int | None]":
    return models.PositiveIntegerField(
        about, null=True, blank=True, validators=NOT_BELOW_0, help_text=help_text
    )


class MakerCaps(models.Model):
    """How much one person may cause: fields of caps.Caps, of which an empty one is as said elsewhere."""

    maker_at_once = most("at once")
    maker_jobs_per_day = most("programs and changes a day")
    maker_runs_per_hour = most("runs of tools an hour")
    maker_upload_mb_per_day = most("MB given a day")
    maker_stored_mb = most("MB kept")
    maker_sockets = most("pages that follow at once")

    class Meta:
        abstract = True


class SiteCaps(models.Model):
    """The same for one card, one network address and the whole site."""

    card_runs_per_hour = most("runs of one card an hour")
    address_makers_per_day = most("new makers a day")
    address_jobs_per_day = most("programs and changes a day")
    address_runs_per_hour = most("runs of tools an hour")
    address_upload_mb_per_day = most("MB given a day")
    address_passwords_per_hour = most("wrong passwords of the admin an hour")
    address_sockets = most("pages that follow at once")
    site_queue = most("waiting for their turn")
    site_makers_per_day = most("new makers a day")
    site_jobs_per_day = most("programs and changes a day")
    site_runs_per_hour = most("runs of tools an hour")
    site_upload_mb_per_day = most("MB given a day")
    site_stored_mb = most("MB kept")
    site_sockets = most("pages that follow at once, in one process")

    class Meta:
        abstract = True
