"""What was handed on, to whom: cards, the runs of their visitors, makers. Never a card's HTML."""

from django.contrib import admin, messages
from django.db.models import Count, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Concat
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from vibe import cards, limits
from vibe.admin.reading import ReadOnly, counted
from vibe.caps import MB
from vibe.models import Card, Kept, Maker, Program, Run


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

    @admin.action(permissions=["act"], description="Take down")
    def retire(self, request: HttpRequest, chosen: QuerySet[Card]) -> None:
        retire_all(self, request, chosen.filter(revoked=None))

    @admin.action(permissions=["act"], description="Revoke the link (the maker gets a new one)")
    def new_link(self, request: HttpRequest, chosen: QuerySet[Card]) -> None:
        for card in chosen:
            cards.revoke(card)
        self.message_user(
            request, f"{counted(len(chosen), 'link was', 'links were')} revoked.", messages.SUCCESS
        )


@admin.register(Maker)
class MakerAdmin(ReadOnly):
    ordering = ("-created",)
    list_display = ("__str__", "programs_made", "jobs_today", "given_today", "kept", "limits", "created")
    list_select_related = ("user", "allowance")
    list_filter = (("allowance", admin.EmptyFieldListFilter),)
    search_fields = ("id", "user__username")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Maker]:
        """Sums are subqueries: each is one look into an index, and the list can be ordered by them."""
        name = Concat(Value("maker "), OuterRef("pk"))
        kept = Kept.objects.filter(who=name).values("size")
        done = {
            f"_{what}": Coalesce(Subquery(limits.of_day(what).filter(who=name).values("used")), 0)
            for what in (limits.What.JOBS, limits.What.UPLOADED)
        }
        rows = super().get_queryset(request).annotate(_kept=Coalesce(Subquery(kept), 0), **done)
        made = (
            Program.objects.filter(maker=OuterRef("pk"))
            .order_by()
            .values("maker")
            .annotate(n=Count("pk"))
            .values("n")
        )
        return rows.annotate(_programs=Coalesce(Subquery(made), 0))

    @admin.display(description="programs and changes today", ordering="_jobs")
    def jobs_today(self, maker: Maker) -> int:
        return maker._jobs  # type: ignore[attr-defined]

    @admin.display(description="MB given today", ordering="_uploaded")
    def given_today(self, maker: Maker) -> str:
        return _mb(maker._uploaded)  # type: ignore[attr-defined]

    @admin.display(description="MB kept", ordering="_kept")
    def kept(self, maker: Maker) -> str:
        return _mb(maker._kept)  # type: ignore[attr-defined]

    @admin.display(description="limits")
    def limits(self, maker: Maker) -> str:
        """Where the limits of this one person are lifted or lowered."""
        own = getattr(maker, "allowance", None)
        if own:
            path, words = reverse("admin:vibe_makerallowance_change", args=[own.pk]), "their own"
        else:
            path, words = f"{reverse('admin:vibe_makerallowance_add')}?maker={maker.pk}", "as for everyone"
        return format_html('<a href="{}">{}</a>', path, words)

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


def _mb(size: int) -> str:
    return f"{size / MB:,.1f}"


def retire_all(site: admin.ModelAdmin, request: HttpRequest, open_cards: QuerySet[Card]) -> None:
    """Take these cards down for good, and say how many."""
    retired = 0
    for card in open_cards:
        cards.retire(card)
        retired += 1
    site.message_user(request, f"{counted(retired, 'card was', 'cards were')} taken down.", messages.SUCCESS)
