"""The product as one Django app: its packages are the stages of the path (docs/architecture.md)."""

from typing import Any

from django.apps import AppConfig
from django.core.signals import request_finished
from django.db import connections
from django.db.backends.signals import connection_created

FROZEN_S = 20  # no transaction of ours is idle for nearly as long


class VibeConfig(AppConfig):
    name = "vibe"
    verbose_name = "Vibe"

    def ready(self) -> None:
        request_finished.connect(_close_connections, dispatch_uid="vibe.close")
        connection_created.connect(_let_go_of_the_frozen, dispatch_uid="vibe.frozen")


def _close_connections(**_: object) -> None:
    """Each page is made in a thread of its own, which nobody comes back to: a connection that stays open there is held
    until the memory is tidied up, and a database gives out only so many."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()


def _let_go_of_the_frozen(connection: Any, **_: object) -> None:
    """A machine that loses its power or is frozen in the middle of a transaction says nothing to PostgreSQL, which would
    keep its rows locked for two hours: no sweep could take its Jobs, and whoever needs the day's sums would wait."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET idle_in_transaction_session_timeout = '{FROZEN_S}s'")
