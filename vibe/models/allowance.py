"""What may be used in a day, what was, and for which step: the tables behind allowance.py, their only writer.

Money is counted in millionths of a dollar, as whole numbers: sums of them are exact in every database.
"""

from datetime import date
from decimal import Decimal

from django.db import models

from vibe.models.count import NOT_BELOW_0, SITE, MakerCaps, SiteCaps
from vibe.models.maker import Maker
from vibe.models.step import StepRecord

__all__ = [
    "SITE",
    "Charge",
    "DayTally",
    "MakerAllowance",
    "SiteAllowance",
]  # SITE: DayTally.who of the whole site


def _usd(
    name: str, help_text: str, default: Decimal | None = None
) -> "models.DecimalField[Decimal | None, Decimal | None]":
    return models.DecimalField(
        name, max_digits=10, decimal_places=4, null=True, blank=True, default=default, validators=NOT_BELOW_0,
        help_text=help_text,
    )  # fmt: skip


class SiteAllowance(MakerCaps, SiteCaps):
    """One row for the whole site. An empty limit is none; days are those of UTC."""

    making_off = models.BooleanField(
        "making with a model is off", default=False, help_text="Stops every new call to a model at once."
    )
    off_sentence = models.CharField(
        "what people are told",
        max_length=300,
        blank=True,
        help_text="Empty: the standard sentence.",
    )
    usd_per_day = _usd("USD", "For the whole site. Empty: no limit.")
    tokens_per_day = models.PositiveBigIntegerField(
        "tokens", null=True, blank=True, help_text="For the whole site. Empty: no limit."
    )
    maker_usd_per_day = _usd("USD", "For each person who has no allowance of their own.")
    maker_tokens_per_day = models.PositiveBigIntegerField(
        "tokens", null=True, blank=True, help_text="For each person who has no allowance of their own."
    )
    forgiven_usd_per_maker = _usd("USD for one person", "At most. Empty: no cap.", Decimal("0.50"))
    forgiven_tokens_per_maker = models.PositiveBigIntegerField(
        "tokens for one person", null=True, blank=True, default=500_000
    )
    forgiven_usd_per_site = _usd("USD for all together", "At most. Empty: no cap.", Decimal("5.00"))
    forgiven_tokens_per_site = models.PositiveBigIntegerField(
        "tokens for all together", null=True, blank=True, default=5_000_000
    )

    class Meta:
        verbose_name = verbose_name_plural = "allowance of the site"

    def __str__(self) -> str:
        return "Allowance of the site"

    def save(self, *args: object, **kwargs: object) -> None:
        self.pk = 1
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    @classmethod
    def current(cls) -> "SiteAllowance":
        """The stored row, or the standard one: no limits, nothing off."""
        return cls.objects.filter(pk=1).first() or cls(pk=1)


class MakerAllowance(MakerCaps):
    """What one maker may use instead of what everyone may. An empty limit is everyone's."""

    maker = models.OneToOneField(Maker, on_delete=models.CASCADE, related_name="allowance")
    unlimited = models.BooleanField(default=False, help_text="Only the limits of the site hold.")
    usd_per_day = _usd("USD a day", "Empty: as for everyone.")
    tokens_per_day = models.PositiveBigIntegerField(
        "tokens a day", null=True, blank=True, help_text="Empty: as for everyone."
    )

    class Meta:
        verbose_name = "allowance of one maker"
        verbose_name_plural = "allowances of makers"

    def __str__(self) -> str:
        return f"Allowance of {self.maker}"


class DayTally(models.Model):
    """What a maker or the site used in one day of UTC; changed only by updates that keep to the limit.

    held: reserved by calls that are still open. forgiven: failed repairs; a maker's used is without them, the
    site's with them, because the money was spent.
    """

    day = models.DateField()
    who = models.CharField(max_length=32, help_text="A maker's id, or “site”.")
    used_micro = models.BigIntegerField(default=0)
    used_tokens = models.BigIntegerField(default=0)
    held_micro = models.BigIntegerField(default=0)
    held_tokens = models.BigIntegerField(default=0)
    forgiven_micro = models.BigIntegerField(default=0)
    forgiven_tokens = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day", "who"], name="one_tally_a_day")]
        ordering = ["-day", "who"]
        verbose_name = "used in a day"
        verbose_name_plural = "used, by day"

    def __str__(self) -> str:
        return f"{self.who} on {self.day}"


class Charge(models.Model):
    """What one step may cost, then what it did. One a step: a step that is taken up again is charged once."""

    class State(models.TextChoices):
        RESERVED = "reserved", "reserved"
        SETTLED = "settled", "settled"
        RELEASED = "released", "released"  # nothing came of it
        FORGIVEN = "forgiven", "forgiven"  # paid, but not counted against the maker

    step = models.OneToOneField(StepRecord, on_delete=models.CASCADE, related_name="charge")
    maker = models.ForeignKey(Maker, on_delete=models.CASCADE, related_name="charges")
    day = models.DateField()
    model = models.CharField(max_length=120)
    state = models.CharField(max_length=8, choices=State.choices, default=State.RESERVED, db_index=True)
    reserved_micro = models.BigIntegerField(default=0)
    reserved_tokens = models.BigIntegerField(default=0)
    micro = models.BigIntegerField(null=True, blank=True, help_text="Empty: the price is not known.")
    tokens = models.BigIntegerField(default=0)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.state} for step {self.step_id}"

    @property
    def tallies(self) -> tuple[tuple[date, str], tuple[date, str]]:
        """The keys of the two tallies it counts in: the maker's, then the site's (always in this order)."""
        return (self.day, self.maker_id), (self.day, SITE)
