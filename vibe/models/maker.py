"""Maker: the person or the anonymous browser session that owns Programs and Cards."""

import secrets

from django.conf import settings
from django.db import models


def random_id() -> str:
    """22 characters, 128 bits: an id that can stand in an address without telling how many there are."""
    return secrets.token_urlsafe(16)


def short_id() -> str:
    """12 lower-case letters and digits, 60 bits: for ids that are checked against their owner anyway."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "".join(secrets.choice(alphabet) for _ in range(12))


def seal() -> str:
    """32 hex digits, 128 bits: a host label names a sealed frame, and host names know no upper case."""
    return secrets.token_hex(16)


class Maker(models.Model):
    id = models.CharField(primary_key=True, max_length=32, default=random_id, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="maker"
    )
    created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return str(self.user) if self.user_id else f"visitor {self.id[:6]}"
