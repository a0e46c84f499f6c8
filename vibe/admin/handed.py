"""What was handed on, to whom: cards, the runs of their visitors, makers. Never a card's HTML."""

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from vibe import cards
from vibe.admin.reading import ReadOnly, counted
from vibe.models import Card, Maker, Run


@admin.register(Card)
class CardAdmin(ReadOnly):
    ordering = ("-created",)
    list_display = ("title", "maker", "version_number", "condition", "opens", "created", "expires")
    list_filter = (
        ("expires", admin.EmptyFieldListFilter),
        ("thrown", admin.EmptyFieldListFilter),
        ("revoked", admin.EmptyFieldListFilter),
    )
    list_select_related = ("version", "program", "maker__user")
    search_fields = ("title", "asked", "id", "program__id")
    exclude = ("salt", "digest", "seal")
    actions = ("retire", "new_link")

    unread = ("version__files", "version__shot", "version__results", "version__checks")

    @admin.display(description="version", ordering="version__number")
    def version_number(self, card: Card) -> int:
        return card.version.number

    @admin.display(description="condition")
    def condition(self, card: Card) -> str:
        if card.revoked:
            return "taken down"
        if card.thrown:
            return "thrown away"
        return "faded" if card.has_faded else "pinned" if card.is_pinned else f"{card.days_left} days left"

    @admin.action(description="Take down")
    def retire(self, request: HttpRequest, chosen: QuerySet[Card]) -> None:
        retire_all(self, request, chosen.filter(revoked=None))

    @admin.action(description="Revoke the link (the maker gets a new one)")
    def new_link(self, request: HttpRequest, chosen: QuerySet[Card]) -> None:
        for card in chosen:
            cards.revoke(card)
        self.message_user(
            request, f"{counted(len(chosen), 'link was', 'links were')} revoked.", messages.SUCCESS
        )


@admin.register(Maker)
class MakerAdmin(ReadOnly):
    ordering = ("-created",)
    list_display = ("__str__", "programs_made", "created")
    list_select_related = ("user",)
    search_fields = ("id", "user__username")

    counts = {"_programs": Count("programs")}

    @admin.display(description="programs", ordering="_programs")
    def programs_made(self, maker: Maker) -> int:
        return maker._programs  # type: ignore[attr-defined]


@admin.register(Run)
class RunAdmin(ReadOnly):
    list_display = ("id", "program", "state", "created", "expires")
    list_select_related = ("version__program", "job")
    search_fields = ("id", "version__program__title")
    exclude = ("values", "outcome")

    unread = ("version__files", "version__shot", "outcome")

    @admin.display(description="program")
    def program(self, run: Run) -> str:
        return run.version.program.title

    @admin.display(description="state", ordering="job__state")
    def state(self, run: Run) -> str:
        return run.job.state


def retire_all(site: admin.ModelAdmin, request: HttpRequest, open_cards: QuerySet[Card]) -> None:
    """Take these cards down for good, and say how many."""
    retired = 0
    for card in open_cards:
        cards.retire(card)
        retired += 1
    site.message_user(request, f"{counted(retired, 'card was', 'cards were')} taken down.", messages.SUCCESS)
