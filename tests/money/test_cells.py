"""Every setting of the two sliders, with a model and a person who force all that there is: repairs, fresh starts, the
strong model, candidates, replies of no use, a plan that is changed whenever it may be. No cap and no allowance is passed.
"""

import random
import threading
from decimal import Decimal

import pytest
from django.db import connections
from django.db.models import Sum

from tests import fakes
from vibe import jobs, worker
from vibe.choices import Autonomy, Effort, JobState
from vibe.generation.policy import policy
from vibe.live import feed
from vibe.live.timeline import fold
from vibe.llm.errors import Cancelled, ModelFault
from vibe.llm.message import Reply, Usage
from vibe.models import DayTally, Job, Maker, ModelRow, SiteAllowance, StepRecord

pytestmark = pytest.mark.django_db(transaction=True)
CELLS = [(a, e) for a in Autonomy for e in Effort]
PLAN = (
    "TITLE Tea\nSTEP A kettle\nQUESTION Which tea? | green | black\n"
    'CHECK It boils\n{"expect": [{"see": "visible", "target": {"text": "hot"}}], "covers": [1]}\n'
    'CHECK It never boils\n{"expect": [{"see": "hidden", "target": {"text": "hot"}}]}\n'
)
USED = Usage(900, 6_000)  # $0.0129 a call


class BadModel:
    """Never gives what holds: programs that fail in a way of their own, talk, half a reply, an edit that does not fit.
    While it writes, the person changes the plan if the product lets them."""

    def __init__(self, seed):
        self.calls, self.refused, self.changed = [], 0, 0
        self._chance, self._lock = random.Random(seed), threading.Lock()

    def ask(self, call, *, on_delta=None, cancelled=None):
        with self._lock:
            self.calls.append(call)
            word = f"word{len(self.calls)}"
            form = self._chance.randrange(4)
        if call.purpose == "plan":
            return Reply(PLAN, "stop", USED)
        if call.purpose == "checks":
            return Reply(
                'CHECK Mine\n{"expect": [{"see": "visible", "target": {"text": "x"}}]}\n', "stop", USED
            )
        if call.purpose in {"write", "change"}:
            self._meddle(call)
            if cancelled and cancelled.wait(0.01):
                end = Cancelled()
                end.usage = USED
                raise end
        page = f"FILE index.html\n```html\n<title>Tea</title><p>{word}</p>\n```\nDONE\n"
        return Reply((page, page, "Shall I begin?", page[:-12])[form], "stop", USED)

    def _meddle(self, call):
        with self._lock:
            if self.changed >= 40:
                return
        for job in Job.objects.filter(
            state=JobState.RUNNING, request__in=[r for r in REQUESTS if r in call.messages[-1].text]
        ):
            try:
                jobs.change_plan(
                    job, {"checks": [{"id": "", "sentence": f"Mine {len(self.calls)}", "confirmed": True}]}
                )
                self.changed += 1
            except jobs.NotNow:
                self.refused += 1


REQUESTS = [f"A tea page of {a.value} and {e.value}." for a, e in CELLS]


@pytest.fixture
def bad_model(boxes, db, settings):
    """Connected as both models; the boxes see another error each time."""
    for tier in ("strong", "quick"):
        ModelRow.objects.create(
            name=f"bad-{tier}", base_url="http://127.0.0.1:9/v1", tier=tier, price_in=1, price_out=2
        )
    model = BadModel(7)
    settings.LLM_CLIENT = "tests.money.test_cells.connected"
    CONNECTED[:] = [model]
    times = iter(range(10_000))

    class Failing(boxes):
        def run(self, source, **more):
            error = {"kind": "uncaught", "text": f"boom {next(times)}", "line": 1}
            boxes.observations = {**fakes.CALM, "errors": [error]}
            return super().run(source, **more)

    from vibe.perform import boxes as engines

    engines._engine = Failing()
    return model


CONNECTED = []


def connected():
    return CONNECTED[0]


def to_the_end(job):
    """Carry it, and answer all that it asks with whatever makes it go on."""
    for _ in range(60):
        claimed = jobs.claim(worker.OWNER, only=job.pk)
        if claimed:
            worker.attend(claimed)
        job.refresh_from_db()
        if job.is_over:
            return job
        step = jobs.open_step(job)
        choices = [c["value"] for c in step.request.get("choices", [])]
        jobs.answer(job, {"yes": True, "choice": choices[0] if choices else "yes"}, counted=False)
    raise AssertionError(f"still {job.state}")


def begin(maker, autonomy, effort):
    at = CELLS.index((autonomy, effort))
    return jobs.begin(
        maker,
        description=REQUESTS[at],
        shape="page",
        autonomy=autonomy,
        effort=effort,
        once=f"{autonomy}-{effort}",
    )


def asked(job):
    return StepRecord.objects.filter(job=job, kind="ask")


@pytest.mark.parametrize(("autonomy", "effort"), CELLS)
def test_a_bad_model_and_a_restless_person_never_pass_the_cap(bad_model, autonomy, effort):
    job = to_the_end(begin(Maker.objects.create(), autonomy, effort))
    most = policy(autonomy, effort).calls
    assert 0 < len(bad_model.calls) <= most
    assert asked(job).count() == len(bad_model.calls)
    assert not job.fault_ref, job.sentence
    assert bad_model.changed
    assert bad_model.refused or len(bad_model.calls) < most, "a change for which no call is left is refused"
    told = fold(feed.whole(job.pk)).spent
    assert told["calls"] == len(bad_model.calls)
    assert told["cost_usd"] == pytest.approx(float(asked(job).aggregate(c=Sum("cost_usd"))["c"]))


class DearModel:
    """Says as much as it may, always."""

    def __init__(self):
        self.calls = []

    def ask(self, call, **_):
        self.calls.append(call)
        page = f"FILE index.html\n```html\n<title>Tea</title><p>word{len(self.calls)}</p>\n```\nDONE\n"
        return Reply(PLAN if call.purpose == "plan" else page, "stop", Usage(900, call.room()))


class BreakingModel(DearModel):
    """Breaks off at the end of every other answer, which is paid for all the same."""

    def ask(self, call, **more):
        reply = super().ask(call, **more)
        if len(self.calls) % 2:
            fault = ModelFault("cut", "gone", retry_after=0)
            fault.usage = reply.usage
            raise fault
        return reply


@pytest.mark.parametrize("effort", Effort)
@pytest.mark.parametrize("model", [DearModel, BreakingModel])
@pytest.mark.parametrize("price", [2, 9, 25, 80, 140])
def test_keep_going_never_costs_more_than_it_says(bad_model, price, model, effort):
    ModelRow.objects.update(price_out=price)
    CONNECTED[:] = [model()]
    job = to_the_end(begin(Maker.objects.create(), Autonomy.KEEP, effort))
    cost = asked(job).aggregate(c=Sum("cost_usd"))["c"] or 0
    assert cost <= Decimal("0.50")
    assert not job.fault_ref, job.sentence
    assert CONNECTED[0].calls or "$0.50" in job.sentence
    if price > 2 and model is DearModel:
        assert "$0.50" in job.sentence, "who is stopped by it is told so"
    assert not DayTally.objects.exclude(held_micro=0, held_tokens=0).exists()


def test_all_cells_racing_at_once_never_cost_more_than_the_allowance(bad_model):
    SiteAllowance(maker_usd_per_day="0.30", usd_per_day="0.30").save()
    maker, gate = Maker.objects.create(), threading.Barrier(len(CELLS))
    begun = [
        jobs.begin(
            maker,
            description=REQUESTS[at],
            shape="page",
            autonomy=a,
            effort=e,
            once=f"{at}",
            lease=worker.OWNER,
        )
        for at, (a, e) in enumerate(CELLS)
    ]

    def work(job):
        gate.wait()
        try:
            worker.attend(job)
            job.refresh_from_db()
            if not job.is_over:
                to_the_end(job)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(job,)) for job in begun]
    [t.start() for t in threads]
    [t.join(60) for t in threads]
    assert not any(t.is_alive() for t in threads)
    cost = StepRecord.objects.aggregate(c=Sum("cost_usd"))["c"]
    assert Decimal("0.1") < cost <= Decimal("0.30")
    for job, (autonomy, effort) in zip(begun, CELLS, strict=True):
        job.refresh_from_db()
        assert job.is_over, (autonomy, effort, job.state)
        assert not job.fault_ref, job.sentence
        assert asked(job).exclude(answer__fault__kind="allowance").count() <= policy(autonomy, effort).calls
    assert not DayTally.objects.exclude(held_micro=0, held_tokens=0).exists()
    assert "today’s" in " ".join(job.sentence for job in begun)
