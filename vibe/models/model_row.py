"""ModelRow: a model that may be asked. The row from the environment is not stored; it wins while it is set."""

import base64
import hashlib
from dataclasses import replace
from datetime import date
from decimal import Decimal

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings
from django.db import models

from vibe.llm.capabilities import ABILITIES, PARAMETERS
from vibe.llm.message import Model

SOON_DAYS = 30  # a model that its provider shuts down within a month is warned of


def _fernet() -> Fernet:
    digest = hashlib.sha256(b"model-key:" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))


class ModelRow(models.Model):
    """`sealed_key` is encrypted with the server's key and never leaves the server again.

    `capabilities` is {ability or parameter: bool or null} (llm.capabilities), as seen on the day `tested`, or as an
    admin knows better. A row that is not enabled still says what is known of the model of its name at its address,
    when the environment names that one.
    """

    class Tier(models.TextChoices):
        STRONG = "strong", "strong: writes"
        QUICK = "quick", "quick: plans and checks"
        VISION = "vision", "vision: reads pictures"
        IMAGE = "image", "image: draws pictures"

    name = models.CharField(max_length=120)
    base_url = models.CharField(max_length=300)
    sealed_key = models.TextField(blank=True, editable=False)
    key_end = models.CharField(max_length=4, blank=True, editable=False, help_text="Last four characters.")
    tier = models.CharField(max_length=8, choices=Tier.choices, default=Tier.STRONG)
    local = models.BooleanField(default=False, help_text="Runs on this machine: costs seconds, not money.")
    enabled = models.BooleanField(default=True)
    context = models.PositiveIntegerField(
        null=True, blank=True, help_text="Tokens that question and answer may have together."
    )
    max_out = models.PositiveIntegerField(
        null=True, blank=True, help_text="Tokens that one answer may have at most."
    )
    price_in = models.DecimalField(
        max_digits=10, decimal_places=4, null=True, blank=True, help_text="USD per million tokens."
    )
    price_out = models.DecimalField(
        max_digits=10, decimal_places=4, null=True, blank=True, help_text="USD per million tokens."
    )
    price_cached = models.DecimalField(
        max_digits=10, decimal_places=4, null=True, blank=True,
        help_text="USD per million tokens that the provider had read before. Empty: the same as others.",
    )  # fmt: skip
    capabilities = models.JSONField(
        default=dict, blank=True,
        help_text="What it can do, true or false: " + ", ".join([*ABILITIES, *sorted(PARAMETERS - ABILITIES.keys())])
        + ". A parameter that is false is not sent. “Test what it can do” fills this in.",
    )  # fmt: skip
    tested = models.DateTimeField(null=True, blank=True, editable=False)
    shutdown_date = models.DateField(
        null=True, blank=True, help_text="When its provider ends it. Read off the server's list at each test."
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-enabled", "-created"]
        verbose_name = "model"

    def __str__(self) -> str:
        return self.name

    def set_key(self, key: str) -> None:
        self.sealed_key = _fernet().encrypt(key.encode()).decode() if key else ""
        self.key_end = key[-4:] if len(key) >= 12 else ""

    @property
    def key(self) -> str | None:
        """None when it was kept with another SECRET_KEY: it has to be entered again."""
        try:
            return _fernet().decrypt(self.sealed_key.encode()).decode() if self.sealed_key else ""
        except InvalidToken:
            return None

    def as_model(self) -> Model:
        return self.known_of(Model(self.name, self.base_url, self.key or "", local=self.local))

    def known_of(self, model: Model) -> Model:
        """`model` with what this row knows of it; whose key it is does not change."""
        seen = self.capabilities.items()
        return replace(
            model,
            context=self.context,
            max_out=self.max_out,
            price_in=_float(self.price_in),
            price_out=_float(self.price_out),
            price_cached=_float(self.price_cached),
            refuses=frozenset(name for name, can in seen if can is False and name in PARAMETERS),
            can=frozenset(name for name, can in seen if can and name in ABILITIES),
            tested=self.tested.isoformat() if self.tested else "",
        )

    def has_ended(self, today: date) -> bool:
        """Whether its provider ended it: from then on it is not asked."""
        return self.shutdown_date is not None and self.shutdown_date < today

    def end_is_near(self, today: date) -> str:
        """A sentence when the provider ends the model within a month or has ended it; else empty."""
        if self.shutdown_date is None:
            return ""
        days = (self.shutdown_date - today).days
        if days > SOON_DAYS:
            return ""
        on = f"{self.shutdown_date:%d %B %Y}".lstrip("0")
        if days < 0:
            return f"Its provider ended it on {on}, so it is not asked any more. Connect another one."
        return (
            f"Its provider ends it on {on}, {_in_days(days)}. Connect another one{' before' if days else ''}."
        )


def _float(price: Decimal | None) -> float | None:
    return None if price is None else float(price)


def _in_days(days: int) -> str:
    return "today" if days == 0 else "tomorrow" if days == 1 else f"in {days} days"
