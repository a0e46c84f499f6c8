"""What a person tells a Job that is there: an answer, a change of its plan, stop, another place of the dial."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from vibe import celery, events, films, keepsakes
from vibe.choices import Autonomy, JobKind, JobState
from vibe.generation.policy import policy
from vibe.jobs.enough import take_answer
from vibe.jobs.rows import HELD, NotNow, move
from vibe.live import feed
from vibe.live.bell import control
from vibe.models import Job, StepRecord

KEEPING = "You stopped it. I keep what is written as soon as a worker is free."


def open_step(job: Job) -> StepRecord | None:
    """The plan or the question that the Job waits on."""
    return job.steps.filter(void=False, answer__isnull=True, kind__in=("approve", "question")).first()


def answer(job: Job, data: Mapping[str, Any], *, counted: bool = True) -> None:
    """Give the open plan or question its answer and let the Job go on. Raises NotNow when nothing is open, Enough when
    as much is being made for its maker as may be; not `counted` in a terminal, where no limit holds."""
    step = open_step(job) if job.state == JobState.WAITING else None
    if step is None:
        raise NotNow("That was answered already, or the making has ended.")
    if step.kind == "question":
        values = {c["value"]: c for c in step.request["choices"]}
        if data.get("choice") not in values:
            raise NotNow("Choose one of the answers first.")
        given: dict[str, Any] = {"choice": data["choice"]}
        line = values[data["choice"]]["label"]
    elif step.request["about"] == "plan":
        yes = bool(data.get("yes"))
        given = {"yes": yes, "proposal": _edits(data)}
        line = "You said go." if yes else "You left it."
    else:
        if data.get("choice") not in {"yes", "no"}:
            raise NotNow("Choose one of the answers first.")
        given = {"yes": data["choice"] == "yes", "proposal": {}}
        line = "You said yes." if given["yes"] else "You said no."
    with transaction.atomic():  # move and words together: a worker that claims it at once must find both
        if not StepRecord.objects.filter(pk=step.pk, answer__isnull=True).update(answer=given):
            raise NotNow("That was answered already.")
        if counted and given.get("yes", True):  # with a no, nothing much is made
            take_answer(job.maker)
        if not move(job, (JobState.WAITING,), JobState.QUEUED, sentence=""):
            raise NotNow("The making has ended in the meantime.")
        feed.publish_now(job.pk, events.Answered(step.request["about"], line))
        feed.publish_now(job.pk, events.StateChanged(JobState.QUEUED))
    celery.wake(job.pk)


def _edits(data: Mapping[str, Any]) -> dict[str, Any]:
    """What the person made of a plan: only what the form sent."""
    return {key: list(data[key]) for key in ("steps", "checks") if data.get(key) is not None}


def change_plan(job: Job, data: Mapping[str, Any]) -> None:
    """Change the plan while it is being written: the writing starts anew, out of the same calls as before.

    Raises NotNow when nothing is written, and when no call is left to write anew: then what is written goes on.
    """
    edits = _edits(data)
    with transaction.atomic():
        # Nobody journals what was written in between: whoever does looks for a change under the same lock.
        Job.objects.select_for_update().get(pk=job.pk)
        _take_plan_change(job, edits)
    control.replan(job.pk)


def _take_plan_change(job: Job, edits: dict[str, Any]) -> None:
    writing = job.steps.filter(void=False, answer__isnull=True, kind="ask", purpose__in=("write", "change"))
    if not edits or not writing.exists():
        raise NotNow("It is written already. Say what to change, and I change it.")
    job.refresh_from_db(fields=["autonomy", "effort"])
    most = policy(job.autonomy, job.effort).calls
    if StepRecord.calls_of(job.steps.all()) >= most:
        raise NotNow(
            f"All {most} calls to the model that this setting allows are used, so I cannot begin anew. Let it end, then "
            "say what to change: that is a new request with calls of its own."
        )
    if not Job.objects.filter(pk=job.pk, state=JobState.RUNNING, plan_change__isnull=True).update(
        plan_change=edits
    ):
        raise NotNow("The plan was changed a moment ago. Wait for the writing to begin anew.")


def changed_plan(job: Job) -> dict[str, Any]:
    """The plan as the person changed it, until it is taken; {} when they did not."""
    return dict(Job.objects.filter(pk=job.pk).values_list("plan_change", flat=True).get() or {})


def take_changed_plan(job: Job, changed: dict[str, Any]) -> None:
    """`changed` is journaled, in the transaction around this. One that came after it is the next one's to take."""
    if changed_plan(job) == changed:
        Job.objects.filter(pk=job.pk).update(plan_change=None)


def stop(job: Job) -> None:
    """Stop within a second, whatever it is doing; what there is stays. Doing it twice is harmless.

    Nobody holds a Job that waits. Where nothing of it is written, it ends here; else a worker takes it once more, does
    nothing new, and keeps what is written.
    """
    Job.objects.filter(pk=job.pk, state__in=HELD).update(stop_asked=True)
    asked = open_step(job) if job.state == JobState.WAITING else None
    if _written(job) and not (asked and asked.purpose == "look"):
        with transaction.atomic():
            if move(job, (JobState.WAITING,), JobState.QUEUED, sentence=""):
                feed.publish_now(job.pk, events.StateChanged(JobState.QUEUED, KEEPING))
        control.stop(job.pk)
        celery.wake(job.pk)
        return
    looks = "None of the looks was kept. " if asked and asked.purpose == "look" else ""
    words = "" if job.kind == JobKind.RUN else "Your words are kept."
    sentence = f"You stopped it. {looks}{words}".strip()
    with transaction.atomic():
        stopped = move(
            job, (JobState.QUEUED, JobState.WAITING), JobState.STOPPED, sentence=sentence, ended=timezone.now()
        )
        if stopped:
            feed.publish_now(job.pk, events.StateChanged(JobState.STOPPED, sentence))
    if stopped:  # nobody holds it: what its tries left behind is thrown away here
        films.forget(job)
        keepsakes.forget(job)
    else:
        control.stop(job.pk)


def _written(job: Job) -> bool:
    """Whether a model's reply is journaled that a program may be made of."""
    return job.steps.filter(
        void=False, kind="ask", purpose__in=("write", "change"), answer__has_key="text"
    ).exists()


def set_autonomy(job: Job, value: str) -> None:
    """Move the dial in mid-run: it counts from the next step on, or for what is asked for next when the making is over.
    Raises ValueError for no stop of the dial."""
    Job.objects.filter(pk=job.pk).update(autonomy=Autonomy(value))
