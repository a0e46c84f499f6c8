"""ModelRow: a model that may be asked. The row from the environment is not stored; it wins while it is set."""

import base64
import hashlib

from cryptography.fernet import Fernet
from django.conf import settings
from django.db import models

from vibe.llm.message import Model


def _fernet() -> Fernet:
    digest = hashlib.sha256(b"model-key:" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))


class ModelRow(models.Model):
    """`sealed_key` is encrypted with the server's key and never leaves the server again."""

    class Tier(models.TextChoices):
        STRONG = "strong", "strong"
        QUICK = "quick", "quick"

    name = models.CharField(max_length=120)
    base_url = models.CharField(max_length=300)
    sealed_key = models.TextField(blank=True, editable=False)
    key_end = models.CharField(max_length=4, blank=True, editable=False, help_text="Last four characters.")
    tier = models.CharField(max_length=8, choices=Tier.choices, default=Tier.STRONG)
    local = models.BooleanField(default=False, help_text="Runs on this machine: costs seconds, not money.")
    enabled = models.BooleanField(default=True)
    context = models.PositiveIntegerField(null=True, blank=True, help_text="Tokens.")
    price_in = models.DecimalField(
        max_digits=10, decimal_places=4, null=True, blank=True, help_text="USD per million tokens."
    )
    price_out = models.DecimalField(
        max_digits=10, decimal_places=4, null=True, blank=True, help_text="USD per million tokens."
    )
    tested = models.DateTimeField(null=True, blank=True, editable=False)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-enabled", "-created"]
        verbose_name = "model"

    def __str__(self) -> str:
        return self.name

    def set_key(self, key: str) -> None:
        self.sealed_key = _fernet().encrypt(key.encode()).decode() if key else ""
        self.key_end = key[-4:] if len(key) >= 12 else ""

    def as_model(self) -> Model:
        key = _fernet().decrypt(self.sealed_key.encode()).decode() if self.sealed_key else ""
        return Model(
            name=self.name,
            base_url=self.base_url,
            key=key,
            context=self.context,
            price_in=None if self.price_in is None else float(self.price_in),
            price_out=None if self.price_out is None else float(self.price_out),
            local=self.local,
        )
