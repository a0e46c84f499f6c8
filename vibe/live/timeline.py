"""The fold: what a page shows of a Job, as the sum of its events.

A page load is `fold(events so far)`; the socket then sends, for each event, the fragments of the parts that it
changed, rendered from the same fold. So *snapshot, then events = fresh snapshot* holds by construction; a property
test compares them for random histories at every cut.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from vibe import events
from vibe.choices import NOT_AS_ASKED, JobState


@dataclass
class StepView:
    n: str
    kind: str
    title: str
    line: str = ""
    state: str = "now"  # now, done, bad, stopped
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    @property
    def dom(self) -> str:
        return self.n.replace(".", "-")

    @property
    def look(self) -> str:
        """The mock's words for a step's state. A stop was asked for: it is no failure."""
        return "fix" if self.state == "now" and self.kind == "fix" else self.state


@dataclass
class FileView:
    path: str
    text: str = ""
    open: bool = True
    index: int = 0


@dataclass
class Timeline:
    seq: int = 0
    state: str = JobState.QUEUED
    sentence: str = ""
    steps: list[StepView] = field(default_factory=list)
    said: str = ""
    files: list[FileView] = field(default_factory=list)
    output: str = ""
    plan: dict[str, Any] | None = None
    question: dict[str, Any] | None = None
    answered: str = ""
    checked: dict[str, Any] | None = None
    spent: dict[str, Any] | None = None
    recipe: dict[str, Any] | None = None
    version: dict[str, Any] | None = None
    looks: list[dict[str, Any]] = field(default_factory=list)
    card: dict[str, Any] | None = None
    outcome: dict[str, Any] | None = None
    interrupted: str = ""
    clock: datetime | None = (
        None  # from here the clock counts: when it first ran, later by what it waited since
    )
    paused: datetime | None = None  # when it stopped running, for a person or in the line
    tried: str = ""  # what was done to find that out: "I opened it and clicked 5 buttons"

    @property
    def is_over(self) -> bool:
        return JobState(self.state).is_over

    @property
    def picking(self) -> bool:
        """Candidates stand side by side, and the person's eye is waited for."""
        return bool(self.question) and self.question["about"] == "look"

    @property
    def counted(self) -> list[dict[str, Any]]:
        """The results that say something: a check that cannot fail is none of them."""
        return [r for r in self.checked["results"] if not r.get("idle")] if self.checked else []

    @property
    def held(self) -> int:
        return sum(1 for r in self.counted if r["held"])

    @property
    def total(self) -> int:
        return len(self.counted)

    @property
    def ticked(self) -> bool:
        """Something that the person confirmed was looked at and counts."""
        return any(r.get("confirmed") for r in self.counted)

    @property
    def as_asked(self) -> bool:
        """Everything holds, and among it something that the person confirmed for this request; all that they confirmed
        was looked at."""
        if not self.checked or not NOT_AS_ASKED.isdisjoint(self.checked["measures"]):
            return False
        return bool(self.total) and self.held == self.total and self.ticked

    @property
    def promised(self) -> int:
        """How many of the counted checks are promises about this program, not the always-on ones."""
        return sum(1 for r in self.counted if r.get("source") != "always")

    @property
    def writing(self) -> bool:
        """The plan is being written from, by one of several candidates at least: it may still be changed."""
        open_ = any(step.kind == "write" and step.state == "now" for step in self.steps)
        return self.state == JobState.RUNNING and open_

    @property
    def broken(self) -> int:
        return self.total - self.held

    @property
    def seconds(self) -> float:
        """What the steps took; of those side by side the longest."""
        took: dict[str, float] = {}
        for step in self.steps:
            place = step.n.partition(".")[0]
            took[place] = max(took.get(place, 0.0), step.seconds)
        return sum(took.values())

    @property
    def printed(self) -> str:
        """The output, but for what the last sentence says already: a tool's one plain sentence about its input."""
        said = self.is_over and self.output.strip() == self.sentence.strip()
        return "" if said else self.output

    def file(self, path: str) -> FileView | None:
        return next((f for f in self.files if f.path == path), None)

    def step(self, n: str) -> StepView | None:
        return next((s for s in self.steps if s.n == n), None)

    def apply(self, event: events.Event) -> None:  # noqa: C901  one branch an event, nothing hidden
        match event:
            case events.StateChanged():
                self.state, self.sentence = event.state, event.sentence
                if self.is_over:
                    self._say_once()
                    self.plan = {**self.plan, "waits": False} if self.plan else None
                    self.question = None
            case events.Restarted():
                seq = self.seq
                fresh_one = Timeline(
                    seq=seq, state=self.state, interrupted=event.why, clock=self.clock, paused=self.paused
                )
                self.__dict__.update(fresh_one.__dict__)
            case events.StepStarted():
                fresh = StepView(event.n, event.kind, event.title, event.line)
                if event.kind in {"write", "fix"}:
                    self.said = ""  # what a model says about its new try stands in place of the old
                if old := self.step(event.n):
                    self.steps[self.steps.index(old)] = fresh
                else:
                    self.steps.append(fresh)
            case events.StepNoted():
                if (step := self.step(event.n)) and event.text not in step.notes[-1:]:
                    step.notes.append(event.text)
            case events.StepEnded():
                if step := self.step(event.n):
                    step.state, step.seconds = event.how, event.seconds
                    step.line, step.notes = event.line, []  # what it is doing is over with it
                    if step.kind == "check" and event.how == "done":
                        self.tried = event.line
            case events.Said():
                self.said += event.text
            case events.FileOpened():
                file = self.file(event.path)
                if file is None:
                    file = FileView(event.path, index=len(self.files))
                    self.files.append(file)
                file.text, file.open = "", True
            case events.FileText():
                if file := self.file(event.path):
                    file.text += event.text
            case events.FileClosed():
                if file := self.file(event.path):
                    file.open = False
            case events.Output():
                self.output = (self.output + event.text)[-400_000:]
            case events.PlanProposed():
                self.plan = event.payload()
            case events.QuestionAsked():
                self.question = event.payload()
            case events.Answered():
                self.question, self.answered = None, event.line
                self.plan = {**self.plan, "waits": False} if self.plan else None
            case events.Checked():
                self.checked = event.payload()
                self._judge()
            case events.Spent():
                self.spent = event.payload()
            case events.RecipeUsed():
                self.recipe = event.payload()
            case events.VersionMade():
                self.version = event.payload()
            case events.LooksKept():
                self.looks = event.looks
            case events.CardMade():
                self.card = event.payload()
            case events.RunEnded():
                self.outcome = event.outcome

    def tick(self, at: datetime) -> None:
        """A change of state was told `at` this moment: while it does not run, its clock stands still."""
        if self.state != JobState.RUNNING:
            self.paused = self.paused or at
        else:
            self.clock = self.clock + (at - self.paused) if self.clock and self.paused else self.clock or at
            self.paused = None

    def _say_once(self) -> None:
        """What ended a step and with it the Job is said at the end, and not a second time under the step."""
        for step in self.steps:
            if step.line and step.kind != "check" and step.state == "bad" and step.line in self.sentence:
                step.line = ""

    def _judge(self) -> None:
        """The verdict comes right after the run: its step bears it. Of candidates side by side only the best is told
        of: what it does not hold, none of the others holds."""
        if not self.total or not self.steps or self.steps[-1].kind != "check":
            return
        place = self.steps[-1].n.partition(".")[0]
        beside = [s for s in self.steps if s.kind == "check" and s.n.partition(".")[0] == place]
        for step in beside:
            if step.state in {"done", "bad"}:
                step.state = "bad" if self.broken else "done"
        self.steps[-1].line = f"{'At best ' if len(beside) > 1 else ''}{self.held} of {self.total} checks hold"


def fold(records: Iterable[Any]) -> Timeline:
    """The Timeline of stored events, oldest first. Rows of a type that is not known here are passed over."""
    timeline = Timeline()
    for record in records:
        advance(timeline, record)
    return timeline


def advance(timeline: Timeline, record: Any) -> events.Event | None:
    """Apply one stored event; None when it was applied before or is not known."""
    if record.seq <= timeline.seq:
        return None
    timeline.seq = record.seq
    try:
        event = events.decode(record.type, record.payload)
    except (KeyError, TypeError, json.JSONDecodeError):
        return None
    timeline.apply(event)
    if isinstance(event, events.StateChanged):
        timeline.tick(datetime.fromisoformat(record.at) if isinstance(record.at, str) else record.at)
    return event
