"""What pages of the admin share: rows that are only read, and how money, time and counts are written."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest


class _OneQuery:
    """Rows of a list in one query: counts and sums are annotations, columns of hundreds of kilobytes stay unread."""

    unread: Sequence[str] = ()  # columns that a list does not read; the page of one row does
    counts: Mapping[str, Any] = {}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).annotate(**self.counts)  # type: ignore[misc]
        one = request.resolver_match and "object_id" in request.resolver_match.kwargs
        return rows if one and not isinstance(self, admin.TabularInline) else rows.defer(*self.unread)


class _Untouched:
    """Rows that the product writes: to be looked at, searched, acted on, never typed into."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Whoever may only look does not stop, take down or revoke: that is for those who may change such rows."""
        meta = self.model._meta  # type: ignore[attr-defined]
        return request.user.has_perm(f"{meta.app_label}.change_{meta.model_name}")


class ReadOnly(_OneQuery, _Untouched, admin.ModelAdmin):
    pass


class ReadOnlyInline(_OneQuery, _Untouched, admin.TabularInline):
    extra = 0
    can_delete = False


def money(cost: Decimal | float | None) -> str:
    """USD with four decimals; a dash where the price is not known."""
    return f"{cost:.4f}" if cost is not None else "–"


def seconds(passed: float | None) -> str:
    """12.34567 → 12.3."""
    return f"{passed:.1f}" if passed is not None else "–"


def counted(number: int, one: str, many: str) -> str:
    """1, "card was", "cards were" → 1 card was."""
    return f"{number} {one if number == 1 else many}"
