"""The seam that drive calls: each step is performed, and its answer journaled before it is returned."""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context

from django.db import connections, transaction

from sandbox.outcome import Outcome
from vibe import events, jobs
from vibe.generation import look, reply, steps, tool, trial
from vibe.generation.drive import Numbered
from vibe.generation.policy import policy
from vibe.live import feed
from vibe.llm.client import Client
from vibe.llm.errors import Cancelled
from vibe.models import Job, StepRecord
from vibe.models.away import patiently
from vibe.perform.asking import ANSWERED, CHANGEABLE, CHANGED, TALKING, Asking
from vibe.perform.consulting import in_force
from vibe.perform.running import Running
from vibe.perform.storable import asked, storable
from vibe.perform.titles import TITLES
from vibe.perform.writing import Painted

SIDE_BY_SIDE = 4  # parts of an All at once: model calls wait, boxes have one core each
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
            {
                "value": "yes",
                "label": "Keep it",
                "line": "It becomes the version that you see, unless it is worse than the one you had.",
            },
            {"value": "no", "label": "Only put it aside", "line": "You find it under Versions."},
        ],
    ),
}


class Paused(Exception):
    """Raised when the Job waits for the person; it goes on when they answer."""


class Performer:
    """One a Job and attempt. What it streams (deltas) is not journaled; what it answers is."""

    def __init__(
        self,
        job: Job,
        client: Client,
        cancelled: threading.Event,
        line: feed.Line,
    ) -> None:
        self.job = job
        self.cancelled = cancelled
        self.line = line
        seen = dict(job.files or (job.base.files if job.base else {}))
        by_hand = bool(job.files)  # what was edited by hand is there already
        self._quiet = False  # while it only remembers what the page shows already
        self.wasted: tuple[int, ...] = ()  # calls so far that mended nothing (steps.Consult)
        self._told: steps.Checked | None = None  # what the page says of the checks
        self._best: steps.Checked | None = None  # of what was told, as far as anything was
        self._painted = Painted(seen, self._feed, wrote=by_hand)
        self._asking = Asking(job, client, cancelled, self._feed, self._painted)
        self._running = Running(job, cancelled, self._feed, self._painted)

    # --- the seam that drive calls ------------------------------------------------------------------------------

    def perform(self, step: steps.Step, number: str) -> steps.Json:
        if self.cancelled.is_set():
            raise Cancelled()
        record, again = self._record(step, number)
        began = time.monotonic()
        match step:
            case steps.Consult():
                self.wasted = step.wasted
                answer = in_force(self.job, step, usd=self._asking.spent().cost_usd)
            case steps.Ask():
                answer = self._asking.ask(step, record, again=again)
                if record.calls != 1:
                    answer["calls"] = record.calls
            case steps.Inspect():
                answer = self._running.inspect(step, record)
            case steps.Run():
                answer = self._running.run(step, record)
            case steps.Tell():
                self._tell(step)
                answer = {}
            case steps.Approve():
                answer = self._approve(step)
            case steps.Show():
                self._painted.settle(step.files)
                answer = {}
            case steps.Question():
                answer = self._question(step)
            case _:
                raise TypeError(f"no one performs a {type(step).__name__}")
        record.answer = answer = storable(answer)
        record.seconds = time.monotonic() - began
        self._journal(record, changeable=isinstance(step, steps.Ask) and step.purpose in CHANGEABLE)
        if step.kind == "ask":
            self._feed(self._asking.spent())
        return dict(record.answer)

    def _journal(self, record: StepRecord, *, changeable: bool) -> None:
        """An answer that was paid for waits for a database that is away; only Stop, or a lost lease, lets it go. Raises
        Cancelled where somebody else makes the Job by now, or was answered already: that counts.

        `changeable`: a plan that was changed in the moment in which its writing ended goes before what was written.
        """
        answer = record.answer

        def write() -> None:
            with transaction.atomic():
                known = StepRecord.objects.filter(pk=record.pk).values_list("answer", flat=True).get()
                if jobs.is_anothers(self.job) or known not in (None, record.answer):
                    raise Cancelled
                if changeable and "changed" not in answer and (changed := jobs.changed_plan(self.job)):
                    calls = {"calls": answer["calls"]} if "calls" in answer else {}
                    record.answer = {"changed": changed, **calls}
                if changed := record.answer.get("changed") if changeable else None:
                    jobs.take_changed_plan(self.job, changed)
                record.save(update_fields=ANSWERED)

        patiently(write, self.cancelled.is_set)
        patiently(lambda: jobs.progress(self.job), self.cancelled.is_set)
        if record.answer is not answer:
            self._feed(events.StepEnded(record.number, "stopped", CHANGED, record.seconds))

    def together(self, parts: Sequence[Numbered]) -> list[steps.Json]:
        """The parts of an All side by side. All of them end before the first trouble of one is raised."""

        self._asking.begin_writing()

        def one(part: Numbered) -> steps.Json:
            try:
                return self.perform(*part)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(max_workers=min(len(parts), SIDE_BY_SIDE)) as pool:
            ended = [
                pool.submit(copy_context().run, one, part) for part in parts
            ]  # its lines say whose they are
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

    def _question(self, step: steps.Question) -> steps.Json:
        """As with an approval; who is not asked leaves it to us."""
        self.job.refresh_from_db(fields=["autonomy", "effort"])
        if step.dial and step.dial not in policy(self.job.autonomy, self.job.effort).asks:
            return {"choice": step.unasked}
        self._feed(events.QuestionAsked(step.about, step.sentence, step.choices))
        raise Paused

    def replayed(self, step: steps.Step, number: str, answer: steps.Json) -> None:
        """Say again, in short, what a lost worker had already done: the page was cleared."""
        match step:
            case steps.Consult():
                self.wasted = step.wasted
            case steps.Ask():
                kind, title, _ = TITLES[step.purpose]
                self._feed(events.StepStarted(number, kind, title))
                if step.purpose not in TALKING and "text" in answer and step.shown:
                    self._painted.again(reply.parse(answer["text"], answer["finish"]))
                how = "bad" if "fault" in answer else "stopped" if "changed" in answer else "done"
                self._feed(events.StepEnded(number, how, CHANGED if how == "stopped" else step.note))
                self._feed(self._asking.spent())
            case steps.Run(why="candidate") | steps.Inspect():
                kind, title, _ = TITLES[step.kind]
                self._feed(events.StepStarted(number, kind, title))
                if isinstance(step, steps.Run):
                    self._running.again(step, answer)
                ran = step.kind == "run" and "unchecked" not in answer
                self._feed(events.StepEnded(number, "done", look.line(answer) if ran else ""))
            case steps.Approve(about="plan"):
                self._feed(_proposed(step.proposal, waits=False))  # the flow tells what the person made of it
            case steps.Show():
                self._painted.settle(step.files)
            case steps.Tell():
                self._tell(step)

    def remembered(self, step: steps.Step, number: str, answer: steps.Json) -> None:
        """As replayed, but the page was not cleared: what Stop can keep is known again, and nothing is said twice."""
        self._quiet = True
        try:
            self.replayed(step, number, answer)
        finally:
            self._quiet = False

    # --- effects ------------------------------------------------------------------------------------------------

    def _tell(self, step: steps.Tell) -> None:
        if isinstance(step, steps.Checked):
            self._told = step
            if self._best is None or trial.misses(step) <= trial.misses(self._best):
                self._best = step
        self._feed(events.TYPES[step.event](**step.data))

    # --- books --------------------------------------------------------------------------------------------------

    def _record(self, step: steps.Step, number: str) -> tuple[StepRecord, bool]:
        """The open row of this step: a fresh one, or (true) the one that a lost worker left unanswered."""
        left = self.job.steps.filter(void=False, number=number).first()
        if left is not None:
            return left, True
        fresh = StepRecord.objects.create(
            job=self.job,
            order=int(number.partition(".")[0]),
            number=number,
            kind=step.kind,
            purpose=getattr(step, "purpose", getattr(step, "about", getattr(step, "event", ""))),
            fingerprint=step.fingerprint(),
            prompt=getattr(step, "prompt", ""),
            request=asked(step),
        )
        return fresh, False

    # --- what the worker wants to know ------------------------------------------------------------------------------

    def look_for_change(self) -> None:
        """See Asking.look_for_change; for any thread."""
        self._asking.look_for_change()

    @property
    def files(self) -> dict[str, str]:
        """The latest complete files that were seen: what Stop can keep."""
        return self._painted.files

    @property
    def wrote(self) -> bool:
        return self._painted.wrote

    @property
    def begun(self) -> bool:
        """A stop came when some text of a file was there."""
        return self._painted.begun

    @property
    def checked(self) -> steps.Checked | None:
        """The best of what was checked, which stands before whatever was begun since; None when nothing was."""
        return self._best

    def say_checked(self) -> None:
        """What is kept of it is what the page speaks of."""
        if self._best and self._best is not self._told:
            self._tell(self._best)

    def tried(self, files: dict[str, str]) -> tuple[tool.Cleaned, Outcome] | None:
        """What these files gave when they were tried on a file of the person's, and that; None when it was not so."""
        return self._running.tried(files)

    def _feed(self, event: events.Event) -> None:
        if not self._quiet:
            self.line.append(event)


def _proposed(proposal: steps.Json, *, waits: bool) -> events.PlanProposed:
    return events.PlanProposed(
        title=proposal.get("title", ""),
        steps=list(proposal.get("steps", [])),
        checks=list(proposal.get("checks", [])),
        waits=waits,
        warning=proposal.get("warning", ""),
        unpromised=list(proposal.get("unpromised", [])),
    )
