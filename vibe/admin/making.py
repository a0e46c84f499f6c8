"""What was made: programs, versions, jobs with their steps, their events and their cost. Never a program's HTML."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest
from django.utils.html import format_html

from vibe import jobs
from vibe.admin.handed import retire_all
from vibe.admin.reading import ReadOnly, ReadOnlyInline, counted, money, seconds
from vibe.models import Card, EventRecord, Job, Program, StepRecord, Version


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

    unread = ("files", "shot", "results", "checks")


@admin.register(Program)
class ProgramAdmin(ReadOnly):
    ordering = ("-created",)
    list_display = ("title", "maker", "current_number", "versions_made", "jobs_run", "spent", "created")
    list_select_related = ("maker__user", "current")
    search_fields = ("title", "description", "id", "maker__id")
    date_hierarchy = "created"
    inlines = (VersionInline,)
    actions = ("stop_jobs", "retire")

    unread = ("current__files", "current__shot", "current__results", "current__checks")
    counts = {"_versions": Count("versions", distinct=True), "_jobs": Count("jobs", distinct=True)}

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
        return money(program._spent)  # type: ignore[attr-defined]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """One query for the money of the whole page: a join with the counts above would multiply it."""
        page = super().get_changelist_instance(request)
        ids = [p.pk for p in page.result_list]
        rows = (
            StepRecord.objects.filter(job__program__in=ids)
            .values_list("job__program")
            .annotate(Sum("cost_usd"))
        )
        costs = dict(rows)
        for program in page.result_list:
            program._spent = costs.get(program.pk)
        return page

    @admin.action(permissions=["act"], description="Stop what is being made")
    def stop_jobs(self, request: HttpRequest, programs: QuerySet[Program]) -> None:
        open_jobs = Job.objects.filter(program__in=programs, state__in=jobs.HELD)
        _stop_all(self, request, open_jobs)

    @admin.action(permissions=["act"], description="Take down every card of these programs")
    def retire(self, request: HttpRequest, programs: QuerySet[Program]) -> None:
        retire_all(self, request, Card.objects.filter(program__in=programs, revoked=None))


@admin.register(Version)
class VersionAdmin(ReadOnly):
    ordering = ("-created",)
    list_display = ("program", "number", "shape", "origin", "verdict", "recipe", "model_name", "created")
    list_filter = ("verdict", "origin", "shape")
    list_select_related = ("program",)
    search_fields = ("program__title", "program__id", "summary", "recipe", "model_name")
    exclude = ("files", "shot", "checks", "results")
    readonly_fields = ("source", "found")

    unread = ("files", "shot", "checks", "results")

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
    ordering = ("-created",)
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

    counts = {
        "_calls": Count("steps", filter=Q(steps__kind="ask")),
        "_tokens_in": Sum("steps__tokens_in"),
        "_tokens_out": Sum("steps__tokens_out"),
        "_cost": Sum("steps__cost_usd"),
    }

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

    @admin.action(permissions=["act"], description="Stop")
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
    unread = ("request", "answer")

    @admin.display(description="seconds", ordering="seconds")
    def took(self, step: StepRecord) -> str:
        return seconds(step.seconds)


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
