"""The bare model beside the product: one call, the same model at the same price, the same gate and the same checks.

It is told the promises that the product made before it wrote, and the names that are looked for, and pays no call for
them; so what the product is better by is not that its checks fit its own programs. Its call and its run are booked with
the Job of the product, as all that is paid for.
"""

import time
from collections.abc import Generator, Mapping

from vibe.choices import Verdict
from vibe.generation.checks import writer
from vibe.generation.drafts import Draft
from vibe.generation.drive import drive
from vibe.generation.request import Request, Upload
from vibe.generation.steps import Consult, Inspect, Json, Step
from vibe.generation.trial import Tried, judged, refused, run_of
from vibe.generation.work import Nothing, Work
from vibe.llm.client import Client
from vibe.management.measuring.product import Made, unheard
from vibe.models import Job, StepRecord

FIRST = 900  # its steps stand behind those of the making


class Told(Work):
    """A Work without a plan of its own: it is held to what the product had promised."""

    def __init__(self, request: Request, force: Json, checks: list[Json]) -> None:
        super().__init__(request, force)
        self._checks = checks

    def promised(self) -> list[Json]:
        return self._checks

    def agreed_text(self) -> str:
        return writer.for_writer(self._checks)


Alone = Generator[Step, Json, "Tried | str"]


def alone(request: Request, checks: list[Json], idle: Mapping[str, str]) -> Alone:
    """One reply, as it is: the Tried, or the sentence why there is no program."""
    force = yield Consult("bare")
    work = Told(request, force, checks)
    if request.uploads:
        names = tuple(upload.name for upload in request.uploads)
        work.summaries = (yield Inspect(names, pictures=work.any_sees()))["files"]
    try:
        draft = work.draft((yield work.writing("write", shown=False)))
    except Nothing as end:
        return end.sentence
    if not isinstance(draft, Draft):
        return draft if isinstance(draft, str) else draft.problems[0]
    if tried := refused(draft.files, checks):
        return tried
    run = run_of(request, draft.files, checks, why="candidate" if "tool.toml" in draft.files else "bare")
    return judged(request, draft.files, checks, (yield run), idle)


def measure(made: Made, client: Client) -> tuple[Json, dict[str, str]]:
    """The figures of the bare model for what was just made, and its files."""
    job, version = made.job, made.version
    uploads = tuple(Upload(row.name, row.size) for row in job.uploads.all())
    request = Request(job.request, job.shape, salt=job.once, uploads=uploads)
    checks = version.checks if version else []
    idle = {r["id"]: r["idle"] for r in version.results if r.get("idle")} if version else {}
    performer = unheard(job, client)
    began = time.monotonic()
    came = drive(
        alone(request, checks, idle),
        {},
        lambda step, number: performer.perform(step, str(FIRST + int(number))),
    )
    files = came.files if isinstance(came, Tried) else {}
    return _figures(job, made, came, time.monotonic() - began), files


def _figures(job: Job, made: Made, came: Tried | str, seconds: float) -> Json:
    call = StepRecord.objects.filter(job=job, order__gt=FIRST, kind="ask").first()
    held = isinstance(came, Tried) and came.verdict is Verdict.HELD
    counted = [r for r in came.judged.results if not r["idle"]] if isinstance(came, Tried) else []
    broken = next((f"“{r['sentence']}”: {r['saw']}" for r in counted if not r["held"]), "")
    return {
        "shape": made.figures["shape"],
        "first": held,
        "held": held,
        "verdict": came.verdict if isinstance(came, Tried) else "none",
        "checks": sum(1 for r in counted if r["source"] != "always"),
        "calls": [call.purpose] if call else [],
        "tokens_in": call.tokens_in if call else 0,
        "tokens_out": call.tokens_out if call else 0,
        "seconds": round(seconds, 1),
        "usd": None if call is None or call.cost_usd is None else float(call.cost_usd),
        "said": came if isinstance(came, str) else broken,
    }
