"""The product as one Django app: its packages are the stages of the path (docs/architecture.md)."""

from django.apps import AppConfig
from django.core.signals import request_finished
from django.db import connections


class VibeConfig(AppConfig):
    name = "vibe"
    verbose_name = "Vibe"

    def ready(self) -> None:
        request_finished.connect(_close_connections, dispatch_uid="vibe.close")


def _close_connections(**_: object) -> None:
    """Each page is made in a thread of its own, which nobody comes back to: a connection that stays open there is held
    until the memory is tidied up, and a database gives out only so many."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()
