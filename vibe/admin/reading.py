"""What pages of the admin share: rows that are only read, and how money, time and counts are written."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.http import HttpRequest


class ReadOnly(admin.ModelAdmin):
    """Rows that the product writes: to be looked at, searched, acted on, never typed into."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyInline(admin.TabularInline):
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def money(cost: Decimal | float | None) -> str:
    """USD with four decimals; a dash where the price is not known."""
    return f"{cost:.4f}" if cost is not None else "–"


def seconds(passed: float | None) -> str:
    """12.34567 → 12.3."""
    return f"{passed:.1f}" if passed is not None else "–"


def counted(number: int, one: str, many: str) -> str:
    """1, "card was", "cards were" → 1 card was."""
    return f"{number} {one if number == 1 else many}"
