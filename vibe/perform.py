"""Performs the steps that a generation asks for, journals the answers, and tells the browser what it sees.

One Performer a Job and attempt. What it streams (deltas) is not journaled; what it answers is.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import connections
from django.db.models import Count, Sum
from django.utils import timezone
from django.utils.module_loading import import_string

from sandbox import catalog
from sandbox.engine import Engine
from sandbox.outcome import OnWait, Outcome
from vibe import allowance, events, films, jobs, models_in_use, weak_spots
from vibe.choices import Shape
from vibe.generation import attachments, look, reply, samples, steps, tool
from vibe.generation.bundle import bundle
from vibe.generation.drive import Numbered
from vibe.generation.edits import EditFailed, apply_edits
from vibe.generation.policy import policy
from vibe.live import feed
from vibe.llm.client import Client
from vibe.llm.errors import Cancelled, ModelFault
from vibe.llm.message import Call, Delta, Model, Reply, Usage
from vibe.llm.retry import ask_patiently
from vibe.models import Job, StepRecord

logger = logging.getLogger(__name__)

TITLES = {
    "plan": ("plan", "Plan", "Thinking of a plan, and of what must hold"),
    "checks": ("plan", "Your checks", "Putting your own checks into a form that I can run"),
    "write": ("write", "Write", "Writing your program"),
    "change": ("write", "Write", "Writing the change"),
    "again": ("write", "Write again", "The first reply was not usable, so I ask once more"),
    "repair": ("fix", "Fix", "Fixing what my checks found"),
    "resample": ("write", "Write afresh", "Mending led nowhere, so I begin again"),
    "escalate": ("write", "Think harder", "I try once more with all I have"),
    "inspect": ("run", "Read your files", "Looking into them in a sealed box"),
    "run": ("check", "Run and check", "Trying it in a sealed box"),
}
SIDE_BY_SIDE = 4  # parts of an All at once: model calls wait, boxes have one core each


# What is written into a step's row when it has its answer.
ANSWERED = [
    "answer",
    "seconds",
    "model",
    "tokens_in",
    "tokens_out",
    "cached",
    "cost_usd",
    "price_in",
    "price_out",
]


class Paused(Exception):
    """Raised when the Job waits for the person; it goes on when they answer."""


def engine() -> Engine:
    """The sandbox that settings name, one a process."""
    global _engine
    with _engine_lock:
        if _engine is None:
            _engine = import_string(settings.SANDBOX_ENGINE)()
        return _engine


def expect(shape: Shape | str) -> None:
    """While a model writes, a box is made ready for what it writes. Nothing is lost when it is not used."""
    if shape == Shape.TOOL:
        engine().expect("python", tool.limits())
    else:
        engine().expect("browser", look.limits())


def in_line(place: int) -> str:
    """What a person is told while every box is busy; place 1 is next, 0 is their turn."""
    if place == 0:
        return "A sealed box is free now"
    return (
        f"Every sealed box is busy: {place - 1} before you"
        if place > 1
        else "Every sealed box is busy: you are next"
    )


def why_no_box(image: str) -> str:
    """An empty string, or why no box of this image can be opened now."""
    if why := engine().available():
        return why
    if image in catalog.needed() or engine().has_image(image):
        return ""
    spoken = " or ".join(one.name for one in catalog.languages() if one.image == image)
    return f"Programs in {spoken} need a box that is not built on this machine: run  make images"


def why_not_run(files: Mapping[str, str]) -> str:
    """The same for the box in which these files run."""
    if "tool.toml" not in files:
        return why_no_box("browser")
    return why_no_box(tool.ToolSpec.parse(files["tool.toml"]).language.image)


_engine: Engine | None = None
_engine_lock = threading.Lock()


class Performer:
    """`files` are the latest complete files that were seen: what Stop can keep. `replan` is set when the person
    changed the plan while it was being written."""

    def __init__(
        self,
        job: Job,
        client: Client,
        cancelled: threading.Event,
        line: feed.Line,
        replan: threading.Event | None = None,
    ) -> None:
        self.job = job
        self.client = client
        self.cancelled = cancelled
        self.line = line
        self.replan = replan or threading.Event()
        self._changed: steps.Json | None = None  # the plan as the person changed it, for every candidate alike
        self._changing = threading.Lock()
        self.files: dict[str, str] = dict(job.files or (job.base.files if job.base else {}))
        self.begun = False  # a stop came when some text of a file was there
        # Files of a tool, what it gave for its sample, and the runs that the sample was chosen by.
        self.samples: list[tuple[dict[str, str], Outcome, list[steps.Json]]] = []
        self.wrote = bool(job.files)  # what a person edited by hand is there already

    # --- the seam that drive calls ------------------------------------------------------------------------------

    def perform(self, step: steps.Step, number: str) -> steps.Json:
        if self.cancelled.is_set():
            raise Cancelled()
        record = self._record(step, number)
        began = time.monotonic()
        match step:
            case steps.Consult():
                answer = self._consult(step)
            case steps.Ask():
                answer = self._ask(step, record)
            case steps.Inspect():
                answer = self._inspect(step, record)
            case steps.Run():
                answer = self._run(step, record)
            case steps.Tell():
                self._tell(step)
                answer = {}
            case steps.Approve():
                answer = self._approve(step)
            case steps.Question():
                self._feed(events.QuestionAsked(step.about, step.sentence, step.choices))
                raise Paused
            case _:
                raise TypeError(f"no one performs a {type(step).__name__}")
        record.answer = answer
        record.seconds = time.monotonic() - began
        record.save(update_fields=ANSWERED)
        jobs.progress(self.job)
        if step.kind == "ask":
            self._feed(self._spent())
        return answer

    def together(self, parts: Sequence[Numbered]) -> list[steps.Json]:
        """The parts of an All side by side. All of them end before the first trouble of one is raised."""

        self._begin_writing()

        def one(part: Numbered) -> steps.Json:
            try:
                return self.perform(*part)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(max_workers=min(len(parts), SIDE_BY_SIDE)) as pool:
            ended = [pool.submit(one, part) for part in parts]
        return [future.result() for future in ended]

    def _approve(self, step: steps.Approve) -> steps.Json:
        """Who answers is read off the dial as it stands now: the person, who is waited for, or we ourselves."""
        self.job.refresh_from_db(fields=["autonomy", "effort"])
        waits = step.about in policy(self.job.autonomy, self.job.effort).asks
        if step.about == "plan":
            self._feed(_proposed(step.proposal, waits=waits))
        elif waits:
            sentence, choices = APPROVALS[step.about]
            said = f"{step.proposal['sentence']} {sentence}"
            self._feed(events.QuestionAsked(step.about, said, choices))
        if waits:
            raise Paused
        return {"yes": True, "proposal": {}}

    def replayed(self, step: steps.Step, number: str, answer: steps.Json) -> None:
        """Say again, in short, what a lost worker had already done: the page was cleared."""
        match step:
            case steps.Ask():
                kind, title, _ = TITLES[step.purpose]
                self._feed(events.StepStarted(number, kind, title))
                if step.purpose not in TALKING and "text" in answer and step.shown:
                    self._show_again(reply.parse(answer["text"], answer["finish"]))
                self._feed(events.StepEnded(number, "bad" if "fault" in answer else "done"))
            case steps.Run(why="candidate") | steps.Inspect():
                kind, title, _ = TITLES[step.kind]
                self._feed(events.StepStarted(number, kind, title))
                ran = step.kind == "run" and "unchecked" not in answer
                self._feed(events.StepEnded(number, "done", look.line(answer) if ran else ""))
            case steps.Approve(about="plan"):
                self._feed(_proposed({**step.proposal, **(answer.get("proposal") or {})}, waits=False))
            case steps.Tell():
                self._tell(step)

    # --- effects ------------------------------------------------------------------------------------------------

    def _consult(self, step: steps.Consult) -> steps.Json:
        self.job.refresh_from_db(fields=["autonomy", "effort"])
        model, quick = models_in_use.model_for("strong"), models_in_use.model_for("quick")
        began = self.job.started or timezone.now()
        return {
            "autonomy": self.job.autonomy,
            "effort": self.job.effort,
            "model": model.name if model else "",
            "quick": quick.name if quick else "",
            "context": (model.context or 0) if model else 0,
            "vision": bool(model and "vision" in model.can),
            "engine": engine().available() == "",
            "usd": self._spent().cost_usd,
            "seconds": (timezone.now() - began).total_seconds(),
            "weak": weak_spots.sentence(self.job.shape, self.job.kind) if step.at == "start" else "",
        }

    def _ask(self, step: steps.Ask, record: StepRecord) -> steps.Json:
        model = models_in_use.model_for(step.tier)
        if model is None:
            return {"fault": {"kind": "no_server", "sentence": models_in_use.why_none()}}
        record.model = model.name
        kind, title, line = TITLES[step.purpose]
        n, began = record.number, time.monotonic()
        self._feed(events.StepStarted(n, kind, title, line))
        writer = FileWriter(self._feed if step.shown else _nobody, n) if step.purpose not in TALKING else None
        call = Call(model, step.messages, step.max_tokens, step.effort, purpose=step.purpose)
        try:
            charge = allowance.reserve(record, model, call)
        except allowance.Spent as spent:
            self._feed(events.StepEnded(n, "bad", spent.sentence))
            return {"fault": {"kind": "allowance", "sentence": spent.sentence}}

        def on_delta(delta: Delta) -> None:
            if writer and delta.text:
                writer.write(delta.text)

        def on_restart() -> None:
            nonlocal writer
            if writer:
                writer = FileWriter(self._feed if step.shown else _nobody, n)
                self._feed(events.StepStarted(n, kind, title, line))  # what was said in the broken try is void

        stop = EitherEvent(self.cancelled, self.replan) if step.purpose in CHANGEABLE else self.cancelled

        try:
            got = ask_patiently(
                self.client,
                call,
                on_delta=on_delta,
                on_wait=lambda seconds, sentence: self._feed(events.StepNoted(n, sentence)),
                on_restart=on_restart,
                cancelled=stop,
            )
        except Cancelled as stopped:
            allowance.settle(charge, model, stopped.usage)
            if not self.cancelled.is_set():
                self._feed(events.StepEnded(n, "stopped", "You changed the plan", time.monotonic() - began))
                return {"changed": self._take_change()}
            if writer:
                self._keep_written(writer)
                self.begun = writer.begun
            self._book_stopped(record, model, stopped.usage)
            self._feed(events.StepEnded(n, "stopped", "Stopped", time.monotonic() - began))
            raise
        except ModelFault as fault:
            logger.warning("job %s: model fault %s: %s", self.job.pk, fault.kind, fault.detail)
            allowance.settle(charge, model, fault.usage)
            if fault.usage:
                self._book(record, model, fault.usage)
            self._feed(events.StepEnded(n, "bad", fault.sentence, time.monotonic() - began))
            return {"fault": {"kind": fault.kind, "sentence": fault.sentence}}
        if writer:
            writer.close(got.finish)
            if step.shown:
                self._keep_written(writer)
        self._book(record, model, got.usage)
        allowance.settle(charge, model, got.usage)
        models_in_use.learn(model, got.learned)
        how, line = writer.came_to(got) if writer else ("done", "")
        self._feed(events.StepEnded(n, how, line, time.monotonic() - began))
        return {"text": got.text, "finish": got.finish, "model": model.name}

    def _begin_writing(self) -> None:
        with self._changing:
            self._changed = None
            self.replan.clear()

    def _take_change(self) -> steps.Json:
        with self._changing:
            if self._changed is None:
                self._changed = jobs.changed_plan(self.job)
            return self._changed

    def _keep_written(self, writer: "FileWriter") -> None:
        if writer.complete:
            self.files = {**self.files, **writer.complete}
            self.wrote = True

    def _inspect(self, step: steps.Inspect, record: StepRecord) -> steps.Json:
        """Summaries of the uploads: made in a box, or without one from what can be said without parsing."""
        kind, title, line = TITLES["inspect"]
        n, began = record.number, time.monotonic()
        self._feed(events.StepStarted(n, kind, title, line))
        files = self._uploads(list(step.names[: attachments.MOST_FILES]))
        if engine().available():
            said = {name: attachments.without_box(name, len(data), data) for name, data in files.items()}
            ended = "No sealed box could be opened, so I read only the first lines of texts"
        else:
            source = attachments.source(files, pictures=step.pictures)
            outcome = engine().run(
                source,
                limits=attachments.limits(),
                cancelled=self.cancelled,
                who=self.who,
                on_wait=self._waits(n),
            )
            said = attachments.read(outcome, {name: len(data) for name, data in files.items()})
            ended = f"{len(said)} files" if len(said) != 1 else "One file"
        seconds = time.monotonic() - began
        if self.cancelled.is_set():
            self._feed(events.StepEnded(n, "stopped", "Stopped", seconds))
            raise Cancelled()
        self._feed(events.StepEnded(n, "done", ended, seconds))
        return {"files": said}

    def _run(self, step: steps.Run, record: StepRecord) -> steps.Json:
        if step.why != "candidate":
            return self._run_quietly(step)
        kind, title, line = TITLES["run"]
        n, began = record.number, time.monotonic()
        self._feed(events.StepStarted(n, kind, title, line))
        if not self.wrote:  # a recipe: its files were not streamed, show them whole
            self.show_files(step.files)
        if why := why_not_run(step.files):
            answer: steps.Json = {"unchecked": f"No sealed box could be opened: {why}"}
        elif step.shape == "tool":
            answer = self._run_tool(step, self._waits(n))
        else:
            answer = self._open_page(step, self._waits(n))
        seconds = time.monotonic() - began
        if self.cancelled.is_set():
            self._feed(events.StepEnded(n, "stopped", "Stopped", seconds))
            raise Cancelled()
        if why := answer.get("unchecked"):
            self._feed(events.StepEnded(n, "bad", why, seconds))
        else:
            self._feed(events.StepEnded(n, "done", look.line(answer), seconds))
        return answer

    @property
    def who(self) -> str:
        """Whose runs these are, for the line before a full house."""
        return f"maker-{self.job.maker_id}"

    def _waits(self, n: str) -> OnWait:
        return lambda place: self._feed(events.StepNoted(n, in_line(place)))

    def _run_quietly(self, step: steps.Run) -> steps.Json:
        """A program that the person never sees: one that must fail the checks, or a broken copy."""
        if why := why_not_run(step.files):
            return {"unchecked": why}
        if step.shape == "tool":
            spec = tool.ToolSpec.parse(step.files["tool.toml"])
            seen = look.run_tool_checks(
                engine(),
                step.files,
                spec,
                step.checks,
                cancelled=self.cancelled,
                brief=step.why == "null",
                who=self.who,
            )
        else:
            page = bundle(step.files)
            source = look.source(page, step.checks, brief=step.why == "null")
            outcome = engine().run(source, limits=look.limits(), cancelled=self.cancelled, who=self.who)
            seen = look.observations(outcome, page)
        if self.cancelled.is_set():
            raise Cancelled()
        return seen.as_json()

    def _open_page(self, step: steps.Run, on_wait: OnWait) -> steps.Json:
        page = bundle(step.files)
        source = look.source(page, step.checks)
        outcome = engine().run(
            source, limits=look.limits(), cancelled=self.cancelled, who=self.who, on_wait=on_wait
        )
        seen = look.observations(outcome, page, step.checks)
        films.keep(self.job, step.files, seen.films)
        if seen.shots:
            path = shot_path(self.job.pk)
            path.write_bytes(next(iter(seen.shots.values())))
        return seen.as_json()

    def _run_tool(self, step: steps.Run, on_wait: OnWait) -> steps.Json:
        spec = tool.ToolSpec.parse(step.files["tool.toml"])
        seen = look.run_tool_checks(
            engine(), step.files, spec, step.checks, given=self._uploads(step.inputs), cancelled=self.cancelled,
            who=self.who, on_wait=on_wait,
        )  # fmt: skip
        if seen.sample:
            self.samples.append((step.files, seen.sample, step.checks))
        self._feed(events.Output("stdout", look.sample_output(seen.as_json())))
        return seen.as_json()

    def tried(self, files: dict[str, str]) -> tuple[tool.Cleaned, Outcome] | None:
        """What these files gave when they were tried on a file of the person's, and that; None when it was not so."""
        found = next((one for one in reversed(self.samples) if one[0] == files), None)
        if found is None:
            return None
        _, outcome, checks = found
        program = self.job.program
        mine = self._uploads(list(program.uploads.values_list("name", flat=True))) if program else {}
        cleaned = samples.sample(tool.ToolSpec.parse(files["tool.toml"]), mine, checks)
        own = any(data in mine.values() for data in cleaned.files.values())
        return (cleaned, outcome) if own else None

    def _uploads(self, names: list[str]) -> dict[str, bytes]:
        program = self.job.program
        rows = program.uploads.filter(name__in=names, job__pk__lte=self.job.pk) if program else []
        return {row.name: row.path.read_bytes() for row in rows if row.path.exists()}

    def _tell(self, step: steps.Tell) -> None:
        self._feed(events.TYPES[step.event](**step.data))

    # --- books --------------------------------------------------------------------------------------------------

    def _record(self, step: steps.Step, number: str) -> StepRecord:
        """The open row of this step: a fresh one, or the one that a lost worker left unanswered."""
        left = self.job.steps.filter(void=False, number=number).first()
        if left is not None:
            return left
        request: dict[str, Any] = {}
        prompt = ""
        if isinstance(step, steps.Ask):
            request = {"messages": [m.as_json() for m in step.messages], "parts": list(step.parts)}
            prompt = step.prompt
        elif isinstance(step, steps.Approve):
            request = {"about": step.about, "proposal": step.proposal}
        elif isinstance(step, steps.Question):
            request = {"about": step.about, "sentence": step.sentence, "choices": step.choices}
        elif isinstance(step, steps.Run):
            request = {
                "why": step.why,
                "shape": step.shape,
                "files": sorted(step.files),
                "checks": len(step.checks),
            }
        return StepRecord.objects.create(
            job=self.job,
            order=int(number.partition(".")[0]),
            number=number,
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
        if not model.local:
            record.price_in, record.price_out = model.price_in, model.price_out

    def _book_stopped(self, record: StepRecord, model: Model, usage: Usage | None) -> None:
        """The step has no answer, but it was paid for."""
        if usage:
            self._book(record, model, usage)
            record.save(update_fields=ANSWERED)
            self._feed(self._spent())

    def _spent(self) -> events.Spent:
        asked = self.job.steps.filter(kind="ask").exclude(answer__isnull=True, tokens_out=0)
        sums = asked.aggregate(n=Count("id"), i=Sum("tokens_in"), o=Sum("tokens_out"), c=Sum("cost_usd"))
        unknown = asked.filter(cost_usd=None, tokens_out__gt=0).exists()
        cost = None if unknown or sums["c"] is None else float(sums["c"])
        return events.Spent(sums["n"], sums["i"] or 0, sums["o"] or 0, cost)

    def show_files(self, files: dict[str, str]) -> None:
        """Show whole files at once: nothing is streamed that was not being written."""
        for path, text in sorted(files.items(), key=lambda file: file[0] == "index.html"):
            self._feed(events.FileOpened(path))
            self._feed(events.FileText(path, text))
            self._feed(events.FileClosed(path))
        self.files = {**self.files, **files}

    def _show_again(self, parsed: reply.Parsed) -> None:
        files = dict(parsed.files)
        with contextlib.suppress(EditFailed):  # then the flow has asked for whole files after it
            edited = apply_edits({**self.files, **files}, parsed.edits)
            files |= {hunk.path: edited[hunk.path] for hunk in parsed.edits}
        self.show_files(files)
        self.wrote = self.wrote or bool(files)

    def _feed(self, event: events.Event) -> None:
        self.line.append(event)


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

    @property
    def begun(self) -> bool:
        return bool(self.complete) or any("".join(parts).strip() for parts in self._open.values())

    def came_to(self, got: Reply) -> tuple[str, str]:
        """How the step ended, done or bad, and its line."""
        parsed = reply.parse(got.text, got.finish)
        if not parsed.files and not parsed.edits:
            return "bad", "There was no file in the reply"
        return "done", self.line()

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


TALKING = frozenset({"plan", "checks"})  # calls whose reply is no files
CHANGEABLE = frozenset({"write", "change"})  # calls that end when the person changes the plan meanwhile
APPROVALS: dict[str, tuple[str, list[steps.Json]]] = {
    "repair": (
        "Shall I mend it?",
        [
            {"value": "yes", "label": "Mend it", "line": "I try once, on what the check saw."},
            {"value": "no", "label": "Leave it as it is", "line": ""},
        ],
    ),
    "save": (
        "Shall I keep it?",
        [
            {"value": "yes", "label": "Keep it", "line": "It becomes the version that your link shows."},
            {"value": "no", "label": "Only put it aside", "line": "You find it under Versions."},
        ],
    ),
}


def _nobody(event: events.Event) -> None:
    """Another candidate is being painted."""


class EitherEvent(threading.Event):
    """Set when one of the two is."""

    def __init__(self, first: threading.Event, second: threading.Event) -> None:
        super().__init__()
        self._both = (first, second)

    def is_set(self) -> bool:
        return any(event.is_set() for event in self._both)

    def wait(self, timeout: float | None = None) -> bool:
        until = None if timeout is None else time.monotonic() + timeout
        while not self.is_set():
            left = 0.05 if until is None else min(0.05, until - time.monotonic())
            if left <= 0:
                return False
            self._both[0].wait(left)
        return True


def _proposed(proposal: steps.Json, *, waits: bool) -> events.PlanProposed:
    return events.PlanProposed(
        title=proposal.get("title", ""),
        steps=list(proposal.get("steps", [])),
        checks=list(proposal.get("checks", [])),
        waits=waits,
        warning=proposal.get("warning", ""),
    )


def shot_path(job_id: int) -> Any:
    """Where the last screenshot of a Job lies until its Version takes it."""
    return jobs.folder("shots-of-jobs") / f"{job_id}.png"
