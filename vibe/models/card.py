"""Card: a secret link to one frozen Version. It never moves by itself, and it fades unless kept."""

import base64
import hashlib
import hmac
from datetime import timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models
from django.utils import timezone

from vibe.models.maker import Maker, random_id, seal, short_id
from vibe.models.program import Program, Version, frame_address

LIFE = timedelta(days=7)
BIN = timedelta(hours=24)


def token_digest(token: str) -> str:
    """What the database knows of a link's token: its SHA-256."""
    return hashlib.sha256(token.encode()).hexdigest()


class Card(models.Model):
    """The token of the link is derived from `salt` and the server's key: a stolen database opens no card.

    `seal` names the card's frame on the content origin; it changes when the card shows another Version, so that
    a frame once opened can never show what the link no longer does.
    """

    id = models.CharField(primary_key=True, max_length=16, default=short_id, editable=False)
    program = models.ForeignKey(Program, on_delete=models.CASCADE, related_name="cards")
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="cards")
    maker = models.ForeignKey(Maker, on_delete=models.CASCADE, related_name="cards")
    title = models.CharField(max_length=120)
    asked = models.TextField(blank=True)
    salt = models.CharField(max_length=32, default=random_id, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    seal = models.CharField(max_length=32, unique=True, default=seal, editable=False)
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField(null=True, blank=True, db_index=True, help_text="Empty: pinned.")
    thrown = models.DateTimeField(null=True, blank=True)
    revoked = models.DateTimeField(null=True, blank=True)
    opens = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return self.title

    def save(self, *args: object, **kwargs: object) -> None:
        self.digest = token_digest(self.token)
        super().save(*args, **kwargs)  # type: ignore[arg-type]

    @property
    def token(self) -> str:
        mac = hmac.new(settings.SECRET_KEY.encode(), f"card:{self.id}:{self.salt}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(mac.digest()[:16]).decode().rstrip("=")

    @property
    def is_pinned(self) -> bool:
        return self.expires is None

    @property
    def is_open(self) -> bool:
        """Whether the link works now."""
        return not self.thrown and not self.revoked and not self.has_faded

    @property
    def has_faded(self) -> bool:
        return self.expires is not None and self.expires <= timezone.now()

    @property
    def days_left(self) -> int | None:
        """Whole days, rounded up; None when pinned."""
        if self.expires is None:
            return None
        return max(0, -((timezone.now() - self.expires) // timedelta(days=1)))

    @property
    def frame_url(self) -> str:
        return frame_address(self.seal)

    @property
    def film_base(self) -> str:
        """Where the pictures of the films of its version lie, for whoever has the link."""
        return f"{self.get_absolute_url()}film/"

    @property
    def link(self) -> str:
        """The whole address, to hand on."""
        return settings.VIBE_ORIGIN + self.get_absolute_url()

    @property
    def has_picture(self) -> bool:
        """Whether a check saw something of the version to show. A shelf of cards knows it in one query."""
        if hasattr(self, "pictured"):
            return bool(self.pictured)
        return self.version.shot is not None

    @property
    def stays_here(self) -> bool:
        """Whether the address opens on this computer only: "localhost" is another machine wherever it is opened."""
        host = urlsplit(settings.VIBE_ORIGIN).hostname or ""
        return host in {"localhost", "127.0.0.1", "::1"} or host.endswith(".localhost")

    @property
    def bring_back_url(self) -> str:
        return f"/cards/{self.id}/restore/"

    def get_absolute_url(self) -> str:
        return f"/c/{self.token}/"
