"""Model calls: streamed to the person, reserved before and settled after, and written into the books."""

import logging
import threading
import time
from dataclasses import replace
from decimal import Decimal

from django.db.models import Sum

from vibe import allowance, events, jobs, models_in_use
from vibe.generation import reply, steps
from vibe.llm.client import Client
from vibe.llm.errors import Cancelled, ModelFault
from vibe.llm.message import Call, Delta, Message, Model, Usage
from vibe.llm.retry import ask_patiently
from vibe.models import Charge, Job, StepRecord
from vibe.models.away import patiently
from vibe.perform import counted
from vibe.perform.purse import Purse
from vibe.perform.sending import Sending
from vibe.perform.titles import TITLES
from vibe.perform.writing import FileWriter, Painted, Tell

logger = logging.getLogger(__name__)

# What is written into a step's row of what it cost, and when it has its answer.
BOOKED = [
    "model",
    "tokens_in",
    "tokens_out",
    "cached",
    "cost_usd",
    "price_in",
    "price_out",
]
ANSWERED = ["answer", "seconds", *BOOKED]
CHANGED = "You changed the plan, so I write it anew"
TALKING = frozenset({"plan", "checks"})  # calls whose reply is no files
NO_CALL_LEFT = (
    "I was interrupted while the model answered, and this setting allows no further call to it. Your words are kept: "
    "say it again, and I have calls of my own for that."
)
CHANGEABLE = frozenset({"write", "change"})  # calls that end when the person changes the plan meanwhile


def said_of(line: str, note: str) -> str:
    """A step's last line, and after it what was left out of its call."""
    return f"{line}. {note}" if line and note else line or note


class _Lost:
    """What the broken tries of one call cost: set aside besides, before another is made."""

    def __init__(self, charge: Charge, model: Model, purse: Purse) -> None:
        self._charge, self._model, self._purse = charge, model, purse
        self.usage = Usage()

    def add(self, usage: Usage) -> None:
        """Raises allowance.Spent when another try could cost more than is allowed."""
        self.usage += usage
        self._purse.hold_more(self._charge.step_id, self._model, usage)
        allowance.hold_more(self._charge, self._model, usage)


class Asking:
    """The calls of one Job and attempt."""

    def __init__(
        self,
        job: Job,
        client: Client,
        cancelled: threading.Event,
        tell: Tell,
        painted: Painted,
    ) -> None:
        self._job, self._client = job, client
        self._cancelled, self._replan = cancelled, threading.Event()
        self._tell, self._painted = tell, painted
        self._purse = Purse(job)
        self._changed: steps.Json | None = None  # the plan as the person changed it, for every candidate alike
        self._changing = threading.Lock()

    def ask(self, step: steps.Ask, record: StepRecord, *, again: bool = False) -> steps.Json:
        """The answer of this step; `again`: a worker that was lost, or left, asked already."""
        if again:
            patiently(lambda: allowance.write_off(record), self._cancelled.is_set)
        sending = Sending(self._client, record, step.most, again=again)
        if sending.spent:
            return {"fault": {"kind": "calls", "sentence": NO_CALL_LEFT}}
        answer = self._ask(step, record, sending)
        if "fault" in answer:
            sending.let_go()
        return answer

    def _ask(self, step: steps.Ask, record: StepRecord, sending: Sending) -> steps.Json:
        model = models_in_use.model_for(step.tier)
        if model is None:
            return {"fault": {"kind": "no_server", "sentence": models_in_use.why_none()}}
        record.model = model.name
        n, began = record.number, time.monotonic()
        self._say_begun(step, n)
        writer = FileWriter(self._tell if step.shown else _nobody, n) if step.purpose not in TALKING else None
        call = Call(model, _for_its_eyes(model, step), step.max_tokens, step.effort, purpose=step.purpose)
        try:
            call = self._purse.take(record.pk, call)
            charge = allowance.reserve(record, model, call)
        except allowance.Spent as spent:
            self._purse.came_to(record.pk, model, None)
            self._tell(events.StepEnded(n, "bad", spent.sentence))
            return {"fault": {"kind": "allowance", "sentence": spent.sentence}}

        def on_delta(delta: Delta) -> None:
            if writer and delta.text:
                writer.write(delta.text)

        def on_restart() -> None:
            nonlocal writer
            if writer:
                writer = FileWriter(self._tell if step.shown else _nobody, n)
                self._say_begun(step, n)  # what was said in the broken try is void

        lost = _Lost(charge, model, self._purse)
        stop = EitherEvent(self._cancelled, self._replan) if step.purpose in CHANGEABLE else self._cancelled

        try:
            with counted.call(model):
                got = ask_patiently(
                    sending,
                    call,
                    on_delta=on_delta,
                    on_wait=lambda seconds, sentence: self._tell(events.StepNoted(n, sentence)),
                    on_restart=on_restart,
                    on_lost=lost.add,
                    cancelled=stop,
                )
        except allowance.Spent as spent:
            self._settle(charge, model, lost.usage)
            self._book(record, model, lost.usage)
            self._tell(events.StepEnded(n, "bad", spent.sentence, time.monotonic() - began))
            return {"fault": {"kind": "allowance", "sentence": spent.sentence}}
        except Cancelled as stopped:
            sending.let_go()
            self._settle(charge, model, stopped.usage)
            self._book_stopped(record, model, stopped.usage)
            if not self._cancelled.is_set():
                self._tell(events.StepEnded(n, "stopped", CHANGED, time.monotonic() - began))
                return {"changed": self._take_change()}
            self._keep_begun(writer)
            self._tell(events.StepEnded(n, "stopped", "Stopped", time.monotonic() - began))
            raise
        except ModelFault as fault:
            logger.warning("job %s: model fault %s: %s", self._job.pk, fault.kind, fault.detail)
            self._settle(charge, model, fault.usage)
            if fault.usage:
                self._book(record, model, fault.usage)
            self._tell(events.StepEnded(n, "bad", fault.sentence, time.monotonic() - began))
            return {"fault": {"kind": fault.kind, "sentence": fault.sentence}}
        if writer:
            writer.close(got.finish)
            if step.shown:
                self._painted.keep(writer)
                self._painted.edit(reply.parse(got.text, got.finish))
        self._book(record, model, got.usage)
        self._settle(charge, model, got.usage)
        patiently(lambda: models_in_use.learn(model, got.learned), self._cancelled.is_set)
        how, line = writer.came_to(got) if writer else ("done", "")
        self._tell(events.StepEnded(n, how, said_of(line, step.note), time.monotonic() - began))
        return {"text": got.text, "finish": got.finish, "model": model.name}

    def _settle(self, charge: Charge, model: Model, usage: Usage | None) -> None:
        """It is paid, so it is written down, even if the database is away for a while."""
        self._purse.came_to(charge.step_id, model, usage)
        patiently(lambda: allowance.settle(charge, model, usage), self._cancelled.is_set)

    def _say_begun(self, step: steps.Ask, n: str) -> None:
        self._tell(events.StepStarted(n, *TITLES[step.purpose]))
        if step.note:
            self._tell(events.StepNoted(n, step.note))

    def _keep_begun(self, writer: FileWriter | None) -> None:
        if writer:
            self._painted.keep(writer)
            self._painted.begun = writer.begun

    def begin_writing(self) -> None:
        """What is written from here on is of the plan as it is; one that was changed already is heard before it is asked."""
        with self._changing:
            self._changed = None
            self._replan.clear()
            if jobs.changed_plan(self._job):
                self._replan.set()

    def look_for_change(self) -> None:
        """Somebody said that the person changed the plan. Such words come late, or twice: then it is taken already, and
        what is being written goes on."""
        with self._changing:
            if jobs.changed_plan(self._job):
                self._replan.set()

    def _take_change(self) -> steps.Json:
        with self._changing:
            if self._changed is None:
                self._changed = jobs.changed_plan(self._job)
            return self._changed

    def _book(self, record: StepRecord, model: Model, usage: Usage) -> None:
        record.tokens_in, record.tokens_out, record.cached = usage.tokens_in, usage.tokens_out, usage.cached
        cost = usage.cost_usd(model)
        record.cost_usd = None if cost is None else Decimal(str(round(cost, 6)))
        counted.paid(model, usage, cost)
        if not model.local:
            record.price_in, record.price_out = model.price_in, model.price_out

    def _book_stopped(self, record: StepRecord, model: Model, usage: Usage | None) -> None:
        """The step has no answer, but it was paid for. One that somebody else was answered meanwhile stands as it is."""
        if usage:
            self._book(record, model, usage)
            open_ = StepRecord.objects.filter(pk=record.pk, answer__isnull=True)
            open_.update(**{name: getattr(record, name) for name in BOOKED})
            self._tell(self.spent())

    def spent(self) -> events.Spent:
        asked = self._job.steps.filter(kind="ask").exclude(answer__isnull=True, tokens_in=0, tokens_out=0)
        sums = asked.aggregate(i=Sum("tokens_in"), o=Sum("tokens_out"), c=Sum("cost_usd"))
        unknown = asked.filter(cost_usd=None).exclude(tokens_in=0, tokens_out=0).exists()
        cost = None if unknown or sums["c"] is None else float(sums["c"])
        return events.Spent(StepRecord.calls_of(asked), sums["i"] or 0, sums["o"] or 0, cost)


def _for_its_eyes(model: Model, step: steps.Ask) -> tuple[Message, ...]:
    """Without the pictures for a model that was not seen to see: another one may be connected since the step was made."""
    if "vision" in model.can:
        return step.messages
    return tuple(replace(message, images=()) for message in step.messages)


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
