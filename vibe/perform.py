"""Performs the steps that a generation asks for, journals the answers, and tells the browser what it sees.

One Performer a Job and attempt. What it streams (deltas) is not journaled; what it answers is.
"""

import logging
import threading
import time
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Count, Sum
from django.utils.module_loading import import_string

from sandbox.engine import Engine
from vibe import events, jobs, models_in_use
from vibe.generation import look, reply, steps, tool
from vibe.generation.bundle import bundle
from vibe.live import feed
from vibe.llm.client import Client
from vibe.llm.errors import Cancelled, ModelFault
from vibe.llm.message import Call, Delta, Model, Usage
from vibe.llm.retry import ask_patiently
from vibe.models import Job, StepRecord

logger = logging.getLogger(__name__)

TITLES = {
    "plan": ("plan", "Plan", "Thinking of a plan"),
    "write": ("write", "Write", "Writing your program"),
    "change": ("write", "Write", "Writing the change"),
    "again": ("write", "Write again", "The first reply was not usable, so I ask once more"),
    "repair": ("fix", "Fix", "Fixing what my checks found"),
    "run": ("check", "Run and check", "Opening it in a sealed box"),
}


class Paused(Exception):
    """Raised when the Job waits for the person; it goes on when they answer."""


def engine() -> Engine:
    """The sandbox that settings name, one a process."""
    global _engine
    with _engine_lock:
        if _engine is None:
            _engine = import_string(settings.SANDBOX_ENGINE)()
        return _engine


_engine: Engine | None = None
_engine_lock = threading.Lock()


class Performer:
    """`files` are the latest complete files that were seen: what Stop can keep."""

    def __init__(self, job: Job, client: Client, cancelled: threading.Event) -> None:
        self.job = job
        self.client = client
        self.cancelled = cancelled
        self.files: dict[str, str] = dict(job.files or (job.base.files if job.base else {}))
        self.wrote = bool(job.files)  # what a person edited by hand is there already

    # --- the seam that drive calls ------------------------------------------------------------------------------

    def perform(self, step: steps.Step, order: int) -> steps.Json:
        if self.cancelled.is_set():
            raise Cancelled()
        record = self._record(step, order)
        began = time.monotonic()
        match step:
            case steps.Consult():
                answer = self._consult()
            case steps.Ask():
                answer = self._ask(step, record)
            case steps.Run():
                answer = self._run(step, record)
            case steps.Tell():
                self._tell(step)
                answer = {}
            case steps.Approve():
                self._feed(events.PlanProposed(**_plan(step.proposal), waits=True))
                raise Paused
            case steps.Question():
                self._feed(events.QuestionAsked(step.about, step.sentence, step.choices))
                raise Paused
            case _:
                raise TypeError(f"no one performs a {type(step).__name__}")
        record.answer = answer
        record.seconds = time.monotonic() - began
        record.save(
            update_fields=["answer", "seconds", "model", "tokens_in", "tokens_out", "cached", "cost_usd"]
        )
        if step.kind == "ask":
            self._feed(self._spent())
        return answer

    def replayed(self, step: steps.Step, order: int, answer: steps.Json) -> None:
        """Say again, in short, what a lost worker had already done: the page was cleared."""
        n = str(order)
        match step:
            case steps.Ask():
                kind, title, _ = TITLES[step.purpose]
                self._feed(events.StepStarted(n, kind, title))
                if step.purpose != "plan" and "text" in answer:
                    parsed = reply.parse(answer["text"], answer["finish"])
                    self.show_files(parsed.files)
                self._feed(events.StepEnded(n, "bad" if "fault" in answer else "done"))
            case steps.Run():
                kind, title, _ = TITLES["run"]
                self._feed(events.StepStarted(n, kind, title))
                self._feed(events.StepEnded(n, "done"))
            case steps.Approve():
                self._feed(events.PlanProposed(**_plan(answer.get("proposal") or step.proposal), waits=False))
            case steps.Tell():
                self._tell(step)

    # --- effects ------------------------------------------------------------------------------------------------

    def _consult(self) -> steps.Json:
        self.job.refresh_from_db(fields=["autonomy", "effort"])
        model = models_in_use.current_model()
        asked = self.job.steps.filter(void=False, kind="ask").exclude(answer__isnull=True).count()
        return {
            "autonomy": self.job.autonomy,
            "effort": self.job.effort,
            "model": model.name if model else "",
            "engine": engine().available() == "",
            "calls_used": asked,
        }

    def _ask(self, step: steps.Ask, record: StepRecord) -> steps.Json:
        model = models_in_use.current_model()
        if model is None:
            return {"fault": {"kind": "no_server", "sentence": models_in_use.why_none()}}
        record.model = model.name
        kind, title, line = TITLES[step.purpose]
        n, began = record.number, time.monotonic()
        self._feed(events.StepStarted(n, kind, title, line))
        writer = None if step.purpose == "plan" else FileWriter(self._feed, n)
        call = Call(model, step.messages, step.max_tokens, step.effort)

        def on_delta(delta: Delta) -> None:
            if writer and delta.text:
                writer.write(delta.text)

        def on_restart() -> None:
            nonlocal writer
            if writer:
                writer = FileWriter(self._feed, n)

        try:
            got = ask_patiently(
                self.client,
                call,
                on_delta=on_delta,
                on_wait=lambda seconds, sentence: self._feed(events.StepNoted(n, sentence)),
                on_restart=on_restart,
                cancelled=self.cancelled,
            )
        except Cancelled:
            if writer:
                self._keep_written(writer)
            self._feed(events.StepEnded(n, "stopped", "Stopped", time.monotonic() - began))
            raise
        except ModelFault as fault:
            logger.warning("job %s: model fault %s: %s", self.job.pk, fault.kind, fault.detail)
            self._feed(events.StepEnded(n, "bad", fault.sentence, time.monotonic() - began))
            return {"fault": {"kind": fault.kind, "sentence": fault.sentence}}
        if writer:
            writer.close(got.finish)
            self._keep_written(writer)
        self._book(record, model, got.usage)
        line = writer.line() if writer else ""
        self._feed(events.StepEnded(n, "done", line, time.monotonic() - began))
        return {"text": got.text, "finish": got.finish, "model": model.name}

    def _keep_written(self, writer: "FileWriter") -> None:
        if writer.complete:
            self.files = {**self.files, **writer.complete}
            self.wrote = True

    def _run(self, step: steps.Run, record: StepRecord) -> steps.Json:
        kind, title, line = TITLES["run"]
        n, began = record.number, time.monotonic()
        self._feed(events.StepStarted(n, kind, title, line))
        if not self.wrote:  # a recipe: its files were not streamed, show them whole
            self.show_files(step.files)
        if why := engine().available():
            answer: steps.Json = {"unchecked": f"No sealed box could be opened: {why}"}
        elif step.shape == "tool":
            answer = self._run_tool(step)
        else:
            answer = self._open_page(step)
        seconds = time.monotonic() - began
        if self.cancelled.is_set():
            self._feed(events.StepEnded(n, "stopped", "Stopped", seconds))
            raise Cancelled()
        if why := answer.get("unchecked"):
            self._feed(events.StepEnded(n, "bad", why, seconds))
        else:
            self._feed(events.StepEnded(n, "done", look.line(answer), seconds))
        return answer

    def _open_page(self, step: steps.Run) -> steps.Json:
        page = bundle(step.files)
        source = look.source(page, step.checks)
        outcome = engine().run(source, limits=look.limits(), cancelled=self.cancelled)
        seen = look.observations(outcome, page)
        if seen.shots:
            path = shot_path(self.job.pk)
            path.write_bytes(next(iter(seen.shots.values())))
        return seen.as_json()

    def _run_tool(self, step: steps.Run) -> steps.Json:
        spec = tool.ToolSpec.parse(step.files["tool.toml"])
        seen = look.run_tool_checks(
            engine(), step.files, spec, step.checks, given=self._uploads(step.inputs), cancelled=self.cancelled
        )
        self._feed(events.Output("stdout", look.sample_output(seen.as_json())))
        return seen.as_json()

    def _uploads(self, names: list[str]) -> dict[str, bytes]:
        rows = self.job.program.uploads.filter(name__in=names) if self.job.program else []
        return {row.name: row.path.read_bytes() for row in rows if row.path.exists()}

    def _tell(self, step: steps.Tell) -> None:
        self._feed(events.TYPES[step.event](**step.data))

    # --- books --------------------------------------------------------------------------------------------------

    def _record(self, step: steps.Step, order: int) -> StepRecord:
        """The open row of this step: a fresh one, or the one that a lost worker left unanswered."""
        left = self.job.steps.filter(void=False, order=order).first()
        if left is not None:
            return left
        request: dict[str, Any] = {}
        prompt = ""
        if isinstance(step, steps.Ask):
            request, prompt = {"messages": [m.as_json() for m in step.messages]}, step.prompt
        elif isinstance(step, steps.Approve):
            request = {"about": step.about, "proposal": step.proposal}
        elif isinstance(step, steps.Question):
            request = {"about": step.about, "sentence": step.sentence, "choices": step.choices}
        elif isinstance(step, steps.Run):
            request = {"shape": step.shape, "files": sorted(step.files), "checks": len(step.checks)}
        return StepRecord.objects.create(
            job=self.job,
            order=order,
            number=str(order),
            kind=step.kind,
            purpose=getattr(step, "purpose", getattr(step, "about", getattr(step, "event", ""))),
            fingerprint=step.fingerprint(),
            prompt=prompt,
            request=request,
        )

    def _book(self, record: StepRecord, model: Model, usage: Usage) -> None:
        record.tokens_in, record.tokens_out, record.cached = usage.tokens_in, usage.tokens_out, usage.cached
        cost = usage.cost_usd(model)
        record.cost_usd = None if cost is None else Decimal(str(round(cost, 6)))

    def _spent(self) -> events.Spent:
        asked = self.job.steps.filter(kind="ask").exclude(answer__isnull=True)
        sums = asked.aggregate(n=Count("id"), i=Sum("tokens_in"), o=Sum("tokens_out"), c=Sum("cost_usd"))
        unknown = asked.filter(cost_usd=None, tokens_out__gt=0).exists()
        cost = None if unknown or sums["c"] is None else float(sums["c"])
        return events.Spent(sums["n"], sums["i"] or 0, sums["o"] or 0, cost)

    def show_files(self, files: dict[str, str]) -> None:
        """Show whole files at once: nothing is streamed that was not being written."""
        for path, text in files.items():
            self._feed(events.FileOpened(path))
            self._feed(events.FileText(path, text))
            self._feed(events.FileClosed(path))
        self.files = {**self.files, **files}

    def _feed(self, event: events.Event) -> None:
        feed.append(self.job.pk, event)


class FileWriter:
    """A model's reply on its way to the browser: prose is said, files appear as they are written."""

    def __init__(self, tell: Any, n: str) -> None:
        self._tell, self._n = tell, n
        self._parser = reply.ReplyParser()
        self._open: dict[str, list[str]] = {}
        self.complete: dict[str, str] = {}

    def write(self, text: str) -> None:
        self._show(self._parser.feed(text))

    def close(self, finish: str) -> None:
        self._show(self._parser.close(finish))

    def line(self) -> str:
        """What was written, for the step's line: "2 files, 212 lines"."""
        count = sum(text.count("\n") for text in self.complete.values())
        files = f"{len(self.complete)} files" if len(self.complete) != 1 else next(iter(self.complete))
        return f"{files}, {count} lines" if self.complete else ""

    def _show(self, items: list[Any]) -> None:
        for item in items:
            match item:
                case reply.Prose(text):
                    self._tell(events.Said(text))
                case reply.FileOpen(path, "file"):
                    self._open[path] = []
                    self._tell(events.FileOpened(path))
                    self._tell(events.StepNoted(self._n, f"Writing {path}"))
                case reply.FileText(path, text):
                    self._open.setdefault(path, []).append(text)
                    self._tell(events.FileText(path, text))
                case reply.FileClose(path) if path in self._open:
                    self.complete[path] = "".join(self._open.pop(path))
                    self._tell(events.FileClosed(path))


def _plan(proposal: steps.Json) -> dict[str, Any]:
    return {
        "title": proposal.get("title", ""),
        "steps": list(proposal.get("steps", [])),
        "checks": list(proposal.get("checks", [])),
    }


def shot_path(job_id: int) -> Any:
    """Where the last screenshot of a Job lies until its Version takes it."""
    return jobs.folder("shots-of-jobs") / f"{job_id}.png"
