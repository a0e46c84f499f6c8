"""What was made: programs, versions, jobs with their steps and cost, cards, runs, makers. Never a card's HTML.

Lists select what they show in one query; counts and sums are annotations, so no page takes a query per row.
"""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest
from django.utils.html import format_html

from vibe import cards, jobs
from vibe.admin.reading import ReadOnly, ReadOnlyInline, counted, money, seconds
from vibe.models import Card, EventRecord, Job, Maker, Program, Run, StepRecord, Version


class StepInline(ReadOnlyInline):
    model = StepRecord
    fields = (
        "number",
        "kind",
        "purpose",
        "prompt",
        "model",
        "tokens_in",
        "tokens_out",
        "cached",
        "price_in",
        "price_out",
        "cost_usd",
        "took",
        "void",
    )
    readonly_fields = fields
    show_change_link = True

    @admin.display(description="seconds")
    def took(self, step: StepRecord) -> str:
        return seconds(step.seconds)


class VersionInline(ReadOnlyInline):
    model = Version
    fields = ("number", "shape", "origin", "verdict", "summary", "recipe", "model_name", "created")
    readonly_fields = fields
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[Version]:
        return super().get_queryset(request).defer("files", "shot", "results", "checks")


@admin.register(Program)
class ProgramAdmin(ReadOnly):
    list_display = ("title", "maker", "current_number", "versions_made", "jobs_run", "spent", "created")
    list_select_related = ("maker__user", "current")
    search_fields = ("title", "description", "id", "maker__id")
    date_hierarchy = "created"
    inlines = (VersionInline,)
    actions = ("stop_jobs", "retire")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Program]:
        return (
            super()
            .get_queryset(request)
            .defer("current__files", "current__shot", "current__results", "current__checks")
            .annotate(
                _versions=Count("versions", distinct=True),
                _jobs=Count("jobs", distinct=True),
            )
        )

    @admin.display(description="shows version", ordering="current__number")
    def current_number(self, program: Program) -> str:
        return str(program.current.number) if program.current else "none yet"

    @admin.display(description="versions", ordering="_versions")
    def versions_made(self, program: Program) -> int:
        return program._versions  # type: ignore[attr-defined]

    @admin.display(description="jobs", ordering="_jobs")
    def jobs_run(self, program: Program) -> int:
        return program._jobs  # type: ignore[attr-defined]

    @admin.display(description="USD")
    def spent(self, program: Program) -> str:
        return money(self._costs.get(program.pk))

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """One query for the money of the whole page: a join with the counts above would multiply it."""
        page = super().get_changelist_instance(request)
        ids = [p.pk for p in page.result_list]
        rows = (
            StepRecord.objects.filter(job__program__in=ids)
            .values_list("job__program")
            .annotate(Sum("cost_usd"))
        )
        self._costs = dict(rows)
        return page

    @admin.action(description="Stop what is being made")
    def stop_jobs(self, request: HttpRequest, programs: QuerySet[Program]) -> None:
        open_jobs = Job.objects.filter(program__in=programs, state__in=jobs.HELD)
        _stop_all(self, request, open_jobs)

    @admin.action(description="Take down every card of these programs")
    def retire(self, request: HttpRequest, programs: QuerySet[Program]) -> None:
        _retire_all(self, request, Card.objects.filter(program__in=programs, revoked=None))


@admin.register(Version)
class VersionAdmin(ReadOnly):
    list_display = ("program", "number", "shape", "origin", "verdict", "recipe", "model_name", "created")
    list_filter = ("verdict", "origin", "shape")
    list_select_related = ("program",)
    search_fields = ("program__title", "program__id", "summary", "recipe", "model_name")
    exclude = ("files", "shot", "checks", "results")
    readonly_fields = ("source", "found")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Version]:
        rows = super().get_queryset(request)
        return (
            rows
            if "object_id" in (request.resolver_match.kwargs if request.resolver_match else {})
            else rows.defer("files", "shot", "checks", "results")
        )

    @admin.display(description="files, as text")
    def source(self, version: Version) -> str:
        return format_html(
            "<pre>{}</pre>", "\n\n".join(f"=== {p}\n{t}" for p, t in sorted(version.files.items()))
        )

    @admin.display(description="what the checks found")
    def found(self, version: Version) -> str:
        lines = [
            f"{'held' if r.get('held') else 'FAILED'}: {r.get('sentence')} {r.get('saw') or ''}"
            for r in version.results
        ]
        return format_html("<pre>{}</pre>", "\n".join(lines) or "nothing was checked")


@admin.register(Job)
class JobAdmin(ReadOnly):
    exclude = ("files",)
    list_display = (
        "id",
        "kind",
        "state",
        "about",
        "maker",
        "model_calls",
        "tokens",
        "spent",
        "sentence",
        "created",
        "ended",
    )
    list_filter = ("state", "kind", "autonomy", "effort")
    list_select_related = ("program", "maker__user")
    search_fields = ("=id", "request", "program__title", "program__id", "fault_ref", "sentence")
    date_hierarchy = "created"
    inlines = (StepInline,)
    actions = ("stop",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        return (
            super()
            .get_queryset(request)
            .annotate(
                _calls=Count("steps", filter=Q(steps__kind="ask")),
                _tokens_in=Sum("steps__tokens_in"),
                _tokens_out=Sum("steps__tokens_out"),
                _cost=Sum("steps__cost_usd"),
            )
        )

    @admin.display(description="program", ordering="program__title")
    def about(self, job: Job) -> str:
        return job.program.title if job.program else "a visitor’s run"

    @admin.display(description="model calls", ordering="_calls")
    def model_calls(self, job: Job) -> int:
        return job._calls  # type: ignore[attr-defined]

    @admin.display(description="tokens in / out", ordering="_tokens_out")
    def tokens(self, job: Job) -> str:
        return f"{job._tokens_in or 0} / {job._tokens_out or 0}"  # type: ignore[attr-defined]

    @admin.display(description="USD", ordering="_cost")
    def spent(self, job: Job) -> str:
        return money(job._cost)  # type: ignore[attr-defined]

    @admin.action(description="Stop")
    def stop(self, request: HttpRequest, chosen: QuerySet[Job]) -> None:
        _stop_all(self, request, chosen.filter(state__in=jobs.HELD))


@admin.register(StepRecord)
class StepAdmin(ReadOnly):
    list_display = (
        "job",
        "number",
        "kind",
        "purpose",
        "model",
        "prompt",
        "tokens_in",
        "tokens_out",
        "cost_usd",
        "took",
        "created",
    )
    list_filter = ("kind", "purpose", "void")
    list_select_related = ("job",)
    search_fields = ("=job__id", "model", "prompt", "fingerprint")
    exclude = ("seconds",)
    readonly_fields = ("took",)

    @admin.display(description="seconds", ordering="seconds")
    def took(self, step: StepRecord) -> str:
        return seconds(step.seconds)

    def get_queryset(self, request: HttpRequest) -> QuerySet[StepRecord]:
        rows = super().get_queryset(request)
        single = request.resolver_match and "object_id" in request.resolver_match.kwargs
        return rows if single else rows.defer("request", "answer")


@admin.register(Card)
class CardAdmin(ReadOnly):
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

    def get_queryset(self, request: HttpRequest) -> QuerySet[Card]:
        return (
            super()
            .get_queryset(request)
            .defer("version__files", "version__shot", "version__results", "version__checks")
        )

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
        _retire_all(self, request, chosen.filter(revoked=None))

    @admin.action(description="Revoke the link (the maker gets a new one)")
    def new_link(self, request: HttpRequest, chosen: QuerySet[Card]) -> None:
        for card in chosen:
            cards.revoke(card)
        self.message_user(
            request, f"{counted(len(chosen), 'link was', 'links were')} revoked.", messages.SUCCESS
        )


@admin.register(Maker)
class MakerAdmin(ReadOnly):
    list_display = ("__str__", "programs_made", "created")
    list_select_related = ("user",)
    search_fields = ("id", "user__username")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Maker]:
        return super().get_queryset(request).annotate(_programs=Count("programs"))

    @admin.display(description="programs", ordering="_programs")
    def programs_made(self, maker: Maker) -> int:
        return maker._programs  # type: ignore[attr-defined]


@admin.register(Run)
class RunAdmin(ReadOnly):
    list_display = ("id", "program", "state", "created", "expires")
    list_select_related = ("version__program", "job")
    search_fields = ("id", "version__program__title")
    exclude = ("values", "outcome")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        return super().get_queryset(request).defer("version__files", "version__shot", "outcome")

    @admin.display(description="program")
    def program(self, run: Run) -> str:
        return run.version.program.title

    @admin.display(description="state", ordering="job__state")
    def state(self, run: Run) -> str:
        return run.job.state


@admin.register(EventRecord)
class EventAdmin(ReadOnly):
    list_display = ("job", "seq", "type", "at")
    list_filter = ("type",)
    list_select_related = ("job",)
    search_fields = ("=job__id",)
    show_full_result_count = False  # a million rows: counting them is what would be slow


def _stop_all(site: admin.ModelAdmin, request: HttpRequest, open_jobs: QuerySet[Job]) -> None:
    stopped = 0
    for job in open_jobs:
        jobs.stop(job)
        stopped += 1
    site.message_user(request, f"{counted(stopped, 'job was', 'jobs were')} told to stop.", messages.SUCCESS)


def _retire_all(site: admin.ModelAdmin, request: HttpRequest, open_cards: QuerySet[Card]) -> None:
    retired = 0
    for card in open_cards:
        cards.retire(card)
        retired += 1
    site.message_user(request, f"{counted(retired, 'card was', 'cards were')} taken down.", messages.SUCCESS)
