"""What goes into a sealed box: programs on trial, and a person's files to be looked into."""

import logging
import threading
import time

from sandbox.errors import SandboxError
from sandbox.outcome import OnWait, Outcome
from vibe import events, films, keepsakes, tried
from vibe.generation import attachments, look, samples, steps, tool
from vibe.generation.bundle import bundle
from vibe.llm.errors import Cancelled
from vibe.models import Job, StepRecord
from vibe.perform.boxes import engine, in_line, why_not_run
from vibe.perform.titles import TITLES
from vibe.perform.writing import Painted, Tell

logger = logging.getLogger(__name__)


class Running:
    """The boxes of one Job and attempt."""

    def __init__(self, job: Job, cancelled: threading.Event, tell: Tell, painted: Painted) -> None:
        self._job, self._cancelled = job, cancelled
        self._tell, self._painted = tell, painted
        # Files of a tool, what it gave for its sample, and the runs that the sample was chosen by.
        self._samples: list[tuple[dict[str, str], Outcome, list[steps.Json]]] = []

    @property
    def _who(self) -> str:
        """Whose runs these are, for the line before a full house."""
        return f"maker-{self._job.maker_id}"

    def _waits(self, n: str) -> OnWait:
        return lambda place: self._tell(events.StepNoted(n, in_line(place)))

    def inspect(self, step: steps.Inspect, record: StepRecord) -> steps.Json:
        """Summaries of the uploads: made in a box, or without one from what can be said without parsing."""
        kind, title, line = TITLES["inspect"]
        n, began = record.number, time.monotonic()
        self._tell(events.StepStarted(n, kind, title, line))
        files = self._uploads(list(step.names[: attachments.MOST_FILES]))
        said = self._looked_into(step, files, n)
        if said is None:
            said = {name: attachments.without_box(name, len(data), data) for name, data in files.items()}
            ended = "No sealed box could be opened, so I read only the first lines of texts"
        else:
            ended = f"{len(said)} files" if len(said) != 1 else "One file"
        seconds = time.monotonic() - began
        if self._cancelled.is_set():
            self._tell(events.StepEnded(n, "stopped", "Stopped", seconds))
            raise Cancelled()
        self._tell(events.StepEnded(n, "done", ended, seconds))
        return {"files": said}

    def _looked_into(
        self, step: steps.Inspect, files: dict[str, bytes], n: str
    ) -> dict[str, steps.Json] | None:
        """The summaries that a box made; None when none could be opened."""
        if engine().available():
            return None
        try:
            outcome = engine().run(
                attachments.source(files, pictures=step.pictures),
                limits=attachments.limits(),
                cancelled=self._cancelled,
                who=self._who,
                on_wait=self._waits(n),
            )
        except SandboxError as problem:  # it went in the middle of it
            logger.warning("job %s: no box to look into its files: %s", self._job.pk, problem)
            return None
        return attachments.read(outcome, {name: len(data) for name, data in files.items()})

    def run(self, step: steps.Run, record: StepRecord) -> steps.Json:
        if step.why != "candidate":
            return self._run_quietly(step)
        kind, title, line = TITLES["run"]
        n, began = record.number, time.monotonic()
        self._tell(events.StepStarted(n, kind, title, line))
        if not self._painted.wrote:  # a recipe: its files were not streamed, show them whole
            self._painted.whole(step.files)
        if why := why_not_run(step.files):
            answer: steps.Json = {"unchecked": f"No sealed box could be opened: {why}"}
        else:
            try:
                tries = self._run_tool if step.shape == "tool" else self._open_page
                answer = tries(step, self._waits(n))
            except (
                SandboxError
            ) as problem:  # the engine went in the middle of it: that is no fault of the program
                answer = {"unchecked": f"No sealed box could be opened: {problem.sentence}"}
        seconds = time.monotonic() - began
        if self._cancelled.is_set():
            self._tell(events.StepEnded(n, "stopped", "Stopped", seconds))
            raise Cancelled()
        if why := answer.get("unchecked"):
            self._tell(events.StepEnded(n, "bad", why, seconds))
        else:
            self._tell(events.StepEnded(n, "done", look.line(answer), seconds))
        return answer

    def _run_quietly(self, step: steps.Run) -> steps.Json:
        """A program that the person never sees: one that must fail the checks, or a broken copy."""
        if why := why_not_run(step.files):
            return {"unchecked": why}
        try:
            return self._seen_quietly(step)
        except SandboxError as problem:
            return {"unchecked": problem.sentence}

    def _seen_quietly(self, step: steps.Run) -> steps.Json:
        if step.shape == "tool":
            spec = tool.ToolSpec.parse(step.files["tool.toml"])
            seen = look.run_tool_checks(
                engine(), step.files, spec, step.checks, cancelled=self._cancelled, brief=step.why == "null",
                who=self._who,
            )  # fmt: skip
        else:
            page = bundle(step.files)
            source = look.source(page, step.checks, brief=step.why == "null", slides=step.slides)
            outcome = engine().run(source, limits=look.limits(), cancelled=self._cancelled, who=self._who)
            seen = look.observations(outcome, page)
        if self._cancelled.is_set():
            raise Cancelled()
        return seen.as_json()

    def _open_page(self, step: steps.Run, on_wait: OnWait) -> steps.Json:
        page = bundle(step.files)
        source = look.source(page, step.checks, slides=step.slides)
        outcome = engine().run(
            source, limits=look.limits(), cancelled=self._cancelled, who=self._who, on_wait=on_wait
        )
        seen = look.observations(outcome, page, step.checks)
        self._keep_pictures(step, seen)
        return seen.as_json()

    def _keep_pictures(self, step: steps.Run, seen: look.Observations) -> None:
        films.keep(self._job, step.files, seen.films)
        if seen.shots:
            keepsakes.shots.keep(self._job, step.files, next(iter(seen.shots.values())))

    def _run_tool(self, step: steps.Run, on_wait: OnWait) -> steps.Json:
        spec = tool.ToolSpec.parse(step.files["tool.toml"])
        given = self._uploads(step.inputs)
        seen = look.run_tool_checks(
            engine(), step.files, spec, step.checks, given=given, cancelled=self._cancelled,
            who=self._who, on_wait=on_wait,
        )  # fmt: skip
        self._keep_pictures(step, seen)
        if seen.sample and given:
            tried.keep(self._job, step.files, seen.sample)
            self._samples.append((step.files, seen.sample, step.checks))
        self._tell(events.Output("stdout", look.sample_output(seen.as_json())))
        return seen.as_json()

    def again(self, step: steps.Run, answer: steps.Json) -> None:
        """What an earlier worker ran is known again, and shown again."""
        if step.shape != "tool" or "unchecked" in answer:
            return
        if sample := tried.of(self._job, step.files):
            self._samples.append((step.files, sample, step.checks))
        self._tell(events.Output("stdout", look.sample_output(answer)))

    def tried(self, files: dict[str, str]) -> tuple[tool.Cleaned, Outcome] | None:
        """What these files gave when they were tried on a file of the person's, and that; None when it was not so."""
        found = next((one for one in reversed(self._samples) if one[0] == files), None)
        if found is None:
            return None
        _, outcome, checks = found
        program = self._job.program
        mine = self._uploads(list(program.uploads.values_list("name", flat=True))) if program else {}
        cleaned = samples.sample(tool.ToolSpec.parse(files["tool.toml"]), mine, checks)
        own = any(data in mine.values() for data in cleaned.files.values())
        return (cleaned, outcome) if own else None

    def _uploads(self, names: list[str]) -> dict[str, bytes]:
        program = self._job.program
        rows = program.uploads.filter(name__in=names, job__pk__lte=self._job.pk) if program else []
        return {row.name: row.path.read_bytes() for row in rows if row.path.exists()}
