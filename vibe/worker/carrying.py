"""Carries one leased Job: drives its making, or runs a tool for a visitor.

One broad `except` lives here: a fault of ours ends one Job with a reference number, never the worker.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from django.conf import settings
from django.db import close_old_connections
from django.utils.module_loading import import_string

from sandbox.errors import SandboxError
from vibe import events, jobs, logs
from vibe.choices import JobKind, JobState
from vibe.generation import flow, tool
from vibe.generation.drive import JournalMismatch, drive
from vibe.llm.errors import Cancelled
from vibe.models import Job, Run
from vibe.models.away import is_away
from vibe.perform import Paused, Performer, engine, expect, in_line, why_no_box
from vibe.worker.attended import OWNER, Attended, for_background, hands, hold, leaving, let_go, start_heart
from vibe.worker.beginning import journal, request_of, settle_start
from vibe.worker.endings import end, fault, hand_back_later, keep, stopped

logger = logging.getLogger(__name__)

ANEW = "I was improved meanwhile and begin anew."
MOST_ATTEMPTS = 5  # claims of a Job in a row that journaled no answer: it is the Job that breaks its workers


class Reach:
    """The hands of this process that reach for Jobs: one claims for all that wait for it. Apart from one another
    twenty of them take each other's time, when the Jobs of a lost worker are to go on.

    `most`: how many Jobs they hold at once, however many they are: the sweep lends spare ones.
    """

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self._claiming = threading.Lock()
        self._counting = threading.Lock()
        self._waiting = 0  # hands that reach: each takes at most one
        self._holding = 0
        self._claimed: deque[Job] = deque()  # for hands that wait, of which none is ever gone

    @contextmanager
    def next(self) -> Iterator[Job | None]:
        """A Job that is leased to this process, held from here on, or None when none may run."""
        with self._counting:
            self._waiting += 1
        job = self._take()
        try:
            yield job
        finally:
            if job:
                with self._counting:
                    self._holding -= 1

    def _take(self) -> Job | None:
        with self._claiming:
            job: Job | None = None
            try:
                if not self._claimed:
                    self._claim()
                job = self._claimed.popleft() if self._claimed else None
            finally:  # before anybody else claims, who would claim for this hand once more: a lease that none holds
                with self._counting:
                    self._waiting -= 1
                    self._holding += job is not None
            return job

    def _claim(self) -> None:
        most, holding = self._most(), self._holding
        if (free := min(self._waiting, most - holding)) > 0:
            background = holding < for_background(most)
            self._claimed += jobs.claim_several(OWNER, free, background=background)


_reach = Reach(hands)


def work() -> None:
    """Do queued Jobs until none is left that may run: a wake-up message names one, but the queue decides."""
    start_heart()
    while not leaving.is_set():
        close_old_connections()  # a database that was restarted is connected to anew
        with _reach.next() as job:
            if job is None:
                return
            if leaving.is_set():
                jobs.hand_back(job)
                return
            attend(job)


def attend(job: Job) -> None:
    """Carry one leased Job to its end, to a pause, or back into the line."""
    with logs.about(job=job.pk, program=job.program_id, maker=job.maker_id):
        _attend(hold(job))


def _attend(one: Attended) -> None:
    job = one.job
    try:
        _carry(one)
    except Paused:
        one.line.close()
        one.part(lambda: wait(job))
    except Cancelled:
        with suppress(Cancelled):  # the lease went while we said goodbye: somebody else speaks for it now
            fault(one, "an event of it cannot be stored") if one.broken else stopped(one)
    except Exception as problem:  # the worker's one seam: this Job ends with a reference, the next one begins
        if is_away(problem) and job.attempt <= MOST_ATTEMPTS:
            hand_back_later(one, problem)
        else:
            fault(one, "")
    finally:
        one.line.close()
        let_go(one)


def wait(job: Job) -> bool:
    """Let it wait for the person. A stop that came while the question was being told is heeded here: nobody else would.
    False when the lease was lost before. Doing it twice is harmless: the database may go away between the two."""
    waits = jobs.wait_for_person(job)
    if Job.objects.filter(pk=job.pk, state=JobState.WAITING, stop_asked=True).exists():
        jobs.stop(job)
    return waits


def _carry(one: Attended) -> None:
    job = one.job
    resumed = job.interrupted
    if resumed:
        Job.objects.filter(pk=job.pk).update(interrupted=False)
    if job.stop_asked:  # before a worker was lost, or while nobody held it: a stop outlives that
        if not job.steps.filter(void=False).exists():
            raise Cancelled()
        one.cancelled.set()  # the journal is replayed, so that what was written is kept; nothing new is done
    if job.attempt > MOST_ATTEMPTS:
        fault(one, f"it was begun {job.attempt} times and never got on")
        return
    if resumed:
        goes_on = "begin again" if job.kind == JobKind.RUN else "go on where I was"
        one.line.append(events.Restarted(job.attempt, f"I was interrupted and {goes_on}."))
    one.line.append(events.StateChanged(JobState.RUNNING))
    if job.kind == JobKind.RUN:
        _run_tool(one, job.run)
        return
    if settle_start(job):
        one.line.append(events.Restarted(job.attempt, ANEW))
    performer = Performer(job, import_string(settings.LLM_CLIENT)(), one.cancelled, one.line)
    one.performer = performer
    request = request_of(job)
    expect(job.base.shape if job.base else job.shape)
    try:
        result = drive(
            flow.generate(request), journal(job), performer.perform,
            together=performer.together, replayed=performer.replayed if resumed else performer.remembered,
        )  # fmt: skip
    except JournalMismatch:
        logger.warning("job %s begins anew: its journal is of another flow", job.pk)
        job.steps.update(void=True)
        one.line.append(events.Restarted(job.attempt, ANEW))
        result = drive(flow.generate(request), {}, performer.perform, together=performer.together)
    keep(one, result)


def _run_tool(one: Attended, run: Run) -> None:
    for row in run.files.filter(made=True):  # of a try that was interrupted
        row.path.unlink(missing_ok=True)
        row.delete()
    files = run.version.files
    spec = tool.ToolSpec.parse(files["tool.toml"])
    given = {row.name: row.path.read_bytes() for row in run.files.filter(made=False) if row.path.exists()}

    def show(stream: str, text: str) -> None:
        one.line.append(events.Output(stream, text))

    def wait(place: int) -> None:
        state = JobState.QUEUED if place else JobState.RUNNING
        one.line.append(events.StateChanged(state, in_line(place)))

    try:
        source = tool.source(files, spec, tool.Cleaned(run.values, given))
        if why := why_no_box(source.image):
            end(one, JobState.FAILED, f"This tool can’t run now: {why}")
            return
        outcome = engine().run(
            source, limits=tool.limits(), on_output=show, cancelled=one.cancelled,
            who=f"maker-{one.job.maker_id}", on_wait=wait,
        )  # fmt: skip
    except SandboxError as problem:  # of ours or of the engine: the program did nothing wrong
        if one.cancelled.is_set():
            raise Cancelled() from problem
        end(one, JobState.FAILED, f"This tool can’t run now: {problem.sentence}")
        return
    if one.cancelled.is_set():
        raise Cancelled()
    for artifact in outcome.artifacts:
        jobs.keep_run_file(run, artifact.name, artifact.data, made=True)
    Run.objects.filter(pk=run.pk).update(outcome=outcome.as_json())
    one.line.append(events.RunEnded(outcome.as_json()))
    end(one, JobState.DONE if outcome.ok else JobState.FAILED, tool.sentence(outcome))
