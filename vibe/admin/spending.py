"""Allowances: what the site and its makers may use and cause, what they did, and the switch that stops it all."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from vibe import allowance, limits
from vibe.admin.reading import ReadOnly, money
from vibe.models import Charge, Count, DayTally, Kept, MakerAllowance, SiteAllowance
from vibe.models.count import MakerCaps, SiteCaps

AS_SET = (
    "Empty: as the environment of this server says, or what is standard (docs/operating.md). 0: nothing at all."
)


def _names(caps: type[models.Model], *beginnings: str) -> tuple[str, ...]:
    return tuple(one.name for one in caps._meta.get_fields() if one.name.startswith(beginnings or ""))


@admin.register(SiteAllowance)
class SiteAllowanceAdmin(admin.ModelAdmin):
    """One row: its list is its form."""

    readonly_fields = ("today", "done_today")
    fieldsets = (
        ("The switch", {"fields": ("making_off", "off_sentence")}),
        ("The whole site, a day of UTC", {"fields": ("usd_per_day", "tokens_per_day", "today")}),
        ("Each person, a day of UTC", {"fields": ("maker_usd_per_day", "maker_tokens_per_day")}),
        (
            "Failed repairs that are not counted against people, a day of UTC",
            {
                "fields": (
                    "forgiven_usd_per_maker", "forgiven_tokens_per_maker",
                    "forgiven_usd_per_site", "forgiven_tokens_per_site",
                ),
                "description": "The money is spent all the same, and the site’s total keeps it.",
            },
        ),
        ("How much each person may cause", {"fields": _names(MakerCaps), "description": AS_SET}),
        ("How much one card and one network address may cause", {"fields": _names(SiteCaps, "card_", "address_")}),
        ("How much everybody together may cause", {"fields": ("done_today", *_names(SiteCaps, "site_"))}),
    )  # fmt: skip

    @admin.display(description="used today")
    def today(self, site: SiteAllowance) -> str:
        used = allowance.used_today()
        return f"{_usd(used.used.micro)} USD, {used.used.tokens} tokens; open calls hold {_usd(used.held.micro)} USD"

    @admin.display(description="done today")
    def done_today(self, site: SiteAllowance) -> str:
        return limits.done_today()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not SiteAllowance.objects.exists()

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if SiteAllowance.objects.exists():
            return HttpResponseRedirect(reverse("admin:vibe_siteallowance_change", args=[1]))
        return HttpResponseRedirect(reverse("admin:vibe_siteallowance_add"))


@admin.register(MakerAllowance)
class MakerAllowanceAdmin(admin.ModelAdmin):
    list_display = (
        "maker", "unlimited", "usd_per_day", "tokens_per_day", "maker_jobs_per_day", "maker_upload_mb_per_day",
        "maker_stored_mb",
    )  # fmt: skip
    list_select_related = ("maker__user",)
    raw_id_fields = ("maker",)
    search_fields = ("maker__id", "maker__user__username")


@admin.register(DayTally)
class DayTallyAdmin(ReadOnly):
    list_display = ("day", "who", "used", "used_tokens", "held", "held_tokens", "forgiven", "forgiven_tokens")
    date_hierarchy = "day"
    search_fields = ("who",)

    @admin.display(description="used USD", ordering="used_micro")
    def used(self, tally: DayTally) -> str:
        return _usd(tally.used_micro)

    @admin.display(description="held USD", ordering="held_micro")
    def held(self, tally: DayTally) -> str:
        return _usd(tally.held_micro)

    @admin.display(description="forgiven USD", ordering="forgiven_micro")
    def forgiven(self, tally: DayTally) -> str:
        return _usd(tally.forgiven_micro)


@admin.register(Charge)
class ChargeAdmin(ReadOnly):
    list_display = ("id", "job", "step", "maker", "day", "model", "state", "reserved", "usd", "tokens")
    list_filter = ("state", "day")
    list_select_related = ("step__job", "maker__user")
    search_fields = ("=step__job__id", "maker__id", "model")

    unread = ("step__request", "step__answer")

    @admin.display(description="job", ordering="step__job")
    def job(self, charge: Charge) -> int:
        return charge.step.job_id

    @admin.display(description="reserved USD", ordering="reserved_micro")
    def reserved(self, charge: Charge) -> str:
        return _usd(charge.reserved_micro)

    @admin.display(description="USD", ordering="micro")
    def usd(self, charge: Charge) -> str:
        return _usd(charge.micro)


def _usd(micro: int | None) -> str:
    return money(None if micro is None else micro / 1e6)


@admin.register(Count)
class CountAdmin(ReadOnly):
    list_display = ("since", "what", "who", "used")
    list_filter = ("what",)
    date_hierarchy = "since"
    search_fields = ("who",)


@admin.register(Kept)
class KeptAdmin(ReadOnly):
    ordering = ("-size",)
    list_display = ("who", "size", "measured")
    search_fields = ("who",)
