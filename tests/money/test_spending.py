"""Money on the way of a Job: what it cost is kept with the step, and what may not be spent is said in a sentence."""

import contextlib
import threading
import time
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connections
from django.db.models import Sum
from django.utils import timezone

from tests import fakes
from tests.jobs.carrying import timeline
from tests.modelserver import ModelServer
from vibe import allowance, jobs, worker
from vibe.choices import JobState
from vibe.live.bell import control
from vibe.llm.errors import Cancelled, ModelFault
from vibe.llm.message import Usage
from vibe.models import Charge, DayTally, Job, Maker, ModelRow, SiteAllowance, StepRecord

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "Here it is.\n\nFILE index.html\n```html\n<title>Tea</title><p>hello</p>\n```\nDONE\n"


def begin(maker, once, **more):
    wish = {"shape": "auto", "autonomy": "make", "effort": "normal", **more}
    return jobs.begin(maker, description=f"A tea page {once}", once=once, **wish)


def carry(maker=None, once="k", **more):
    job = begin(maker or Maker.objects.create(), once, **more)
    worker.attend(jobs.claim(worker.OWNER, only=job.pk))
    job.refresh_from_db()
    return job


def test_the_price_at_the_time_of_the_call_stays_with_the_step(boxes, script):
    script.append(PAGE)
    job = carry()
    ModelRow.objects.update(price_in=100, price_out=100)
    step = job.steps.get(kind="ask", purpose="write")
    assert (step.price_in, step.price_out) == (1, 2)
    assert float(step.cost_usd) == pytest.approx((step.tokens_in + 2 * step.tokens_out) / 1e6)
    charge = Charge.objects.get(step=step)
    assert (charge.state, charge.step, charge.tokens) == ("settled", step, step.tokens_in + step.tokens_out)
    assert charge.micro == pytest.approx(float(step.cost_usd) * 1e6, abs=1)
    assert not DayTally.objects.exclude(held_micro=0, held_tokens=0).exists()


def test_a_call_that_ends_because_the_plan_was_changed_is_in_the_books(boxes, script, monkeypatch):
    ask, ended = fakes._Shared.ask, []

    def changed_meanwhile(self, call, **more):
        if ended or fakes.is_plan(call.messages[0].text):
            return ask(self, call, **more)
        job = Job.objects.get()
        Job.objects.update(plan_change={"steps": ["It is about coffee"]})
        control.replan(job.pk)
        ended.append(Cancelled())
        ended[0].usage = Usage(100, 50)
        raise ended[0]

    monkeypatch.setattr(fakes._Shared, "ask", changed_meanwhile)
    script.append(PAGE)
    job = carry()
    assert job.state == JobState.DONE
    first, second = job.steps.filter(purpose="write").order_by("order")
    assert "changed" in first.answer
    assert (first.tokens_in, first.tokens_out, first.cost_usd) == (100, 50, Decimal("0.0002"))
    assert Charge.objects.get(step=first).micro == 200
    assert second.tokens_out


def test_an_unknown_price_stays_unknown(boxes, script):
    ModelRow.objects.update(price_in=None, price_out=None)
    script.append(PAGE)
    step = carry().steps.get(kind="ask", purpose="write")
    assert (step.price_in, step.price_out, step.cost_usd) == (None, None, None)
    assert Charge.objects.get(step=step).micro is None


def test_a_job_beyond_the_allowance_asks_nothing_and_says_when_it_goes_on(boxes, script):
    SiteAllowance(maker_usd_per_day="0.04").save()
    maker = Maker.objects.create()
    script.extend([PAGE, PAGE])
    assert carry(maker, "1").state == JobState.DONE
    DayTally.objects.filter(who=maker.pk).update(used_micro=40_000)
    job = carry(maker, "2")
    assert job.state == JobState.FAILED
    assert "You have used today’s allowance" in job.sentence
    assert "midnight UTC" in job.sentence
    assert len(fakes.CALLS) == 1
    assert job.steps.get(kind="ask").answer["fault"]["kind"] == "allowance"


def race(maker, count):
    """So many makings of one person, all at the same moment, to their end."""
    begun, gate = [begin(maker, f"{n}", lease=worker.OWNER) for n in range(count)], threading.Barrier(count)

    def work(job):
        gate.wait()
        worker.attend(job)
        connections.close_all()

    threads = [threading.Thread(target=work, args=(job,)) for job in begun]
    [t.start() for t in threads]
    [t.join() for t in threads]


def test_ten_jobs_that_race_never_cost_more_than_the_allowance(boxes, script):
    SiteAllowance(maker_usd_per_day="0.10").save()
    long = PAGE.replace(
        "hello", "hello <!-- " + "x" * 56_000 + " -->"
    )  # 14,000 tokens of at most 16,000: $0.028
    script.extend([long] * 10)
    race(Maker.objects.create(), 10)
    states = Counter(Job.objects.values_list("state", flat=True))
    assert states == {JobState.DONE: 3, JobState.FAILED: 7}
    assert StepRecord.objects.aggregate(cost=Sum("cost_usd"))["cost"] < Decimal("0.10")
    assert len(fakes.CALLS) == 3
    assert all("today’s" in s for s in Job.objects.filter(state="failed").values_list("sentence", flat=True))


@pytest.mark.parametrize("counts", [0, 3_000], ids=["counts nothing", "counts three times what it sends"])
def test_servers_that_ignore_their_cap_pass_the_allowance_by_no_more_than_a_piece_each(boxes, settings, counts):
    """What a server counts only at the very end cannot be held back: by then it is billed, and it is booked as told."""
    settings.LLM_CLIENT = "vibe.llm.client.OpenAIClient"
    SiteAllowance(maker_usd_per_day="0.10").save()
    piece = 4_000  # characters: a thousand tokens

    def without_end(handler):
        handler.begin()
        handler.chunk({"content": "FILE index.html\n```html\n"})
        for n in range(1, 60):
            handler.chunk({"content": "x" * piece})
            if counts:
                handler.chunk(None, usage={"prompt_tokens": 11, "completion_tokens": n * counts})

    with ModelServer() as server:
        server.always(without_end)
        server.plan("STEP A page\n")
        ModelRow.objects.create(name="m", base_url=server.url, price_in=1, price_out=2)
        maker = Maker.objects.create()
        race(maker, 6)
        written = len(server.requests)
    today = DayTally.objects.get(who=maker.pk)
    assert written >= 3
    assert 90_000 < today.used_micro <= 100_000 + written * 2 * max(counts, piece // 4)
    assert today.held_micro == 0


def test_a_stream_that_breaks_is_asked_again_only_as_far_as_the_allowance_goes(boxes, script):
    SiteAllowance(maker_usd_per_day="0.05").save()
    broken = ModelFault("cut", partial="half")
    broken.usage = Usage(100, 9_000, estimated=True)  # $0.0181 of $0.05: another try could pass it
    script.extend([broken, PAGE])
    job = carry()
    assert job.state == JobState.FAILED
    assert "today’s" in job.sentence
    assert len(fakes.CALLS) == 1
    assert Decimal("0.018") < job.steps.aggregate(cost=Sum("cost_usd"))["cost"] < Decimal("0.019")
    today = DayTally.objects.get(who=job.maker_id)
    assert today.used_micro < 20_000
    assert today.held_micro == 0


def test_the_switch_stops_new_calls_with_its_sentence_and_recipes_still_work(boxes, script):
    SiteAllowance(making_off=True, off_sentence="Back on Monday.").save()
    job = carry()
    assert (job.state, job.sentence) == (JobState.FAILED, "Back on Monday.")
    assert fakes.CALLS == []
    recipe = jobs.begin(
        Maker.objects.create(),
        description="focus timer",
        shape="auto",
        autonomy="make",
        effort="normal",
        once="r",
        recipe="focus-timer",
    )
    worker.attend(jobs.claim(worker.OWNER, only=recipe.pk))
    recipe.refresh_from_db()
    assert recipe.state == JobState.DONE


def test_a_refused_call_costs_nothing_and_a_broken_stream_what_had_come(boxes, script):
    script.append(ModelFault("no_credit"))
    carry(once="1")
    assert Charge.objects.get().state == "released"
    broken = ModelFault("refused", partial="half")
    broken.usage = Usage(100, 50, estimated=True)
    script.append(broken)
    step = carry(once="2").steps.get(kind="ask")
    assert (step.tokens_out, float(step.cost_usd)) == (50, 0.0002)
    assert Charge.objects.get(step=step).micro == 200


def test_what_a_server_heard_and_never_answered_is_paid_for_as_far_as_the_question_goes(
    boxes, settings, monkeypatch
):
    """A stop before the first word is paid so, too: whoever serves the model may bill what was asked."""
    settings.LLM_CLIENT = "vibe.llm.client.OpenAIClient"
    monkeypatch.setattr("vibe.llm.client.QUIET_S", 2.0)  # a plan comes sooner, whatever else the machine does

    def mute(handler):
        handler.begin()
        while True:  # until its caller hangs up
            handler.raw(": wait\n\n")
            time.sleep(0.02)

    with ModelServer() as server:
        server.always(mute)
        ModelRow.objects.create(name="m", base_url=server.url, price_in=1, price_out=2)
        job = carry(effort="quick")
        asked = server.requests[-1]["body"]["messages"]
    assert "The model stopped answering" in job.sentence
    step = job.steps.get(purpose="write")
    question = sum(len(message["content"]) // 4 for message in asked)
    assert (step.calls, step.tokens_in, step.tokens_out) == (2, 2 * question, 0)
    charge = Charge.objects.get(step=step)
    assert (charge.tokens, charge.micro) == (2 * question, 2 * question)
    plan = Charge.objects.get(step__purpose="plan")
    for who in (job.maker_id, "site"):
        day = DayTally.objects.get(who=who)
        assert (day.used_micro, day.held_micro) == (plan.micro + charge.micro, 0)
    spent = timeline(job).spent
    assert (spent["calls"], spent["tokens_in"]) == (
        3,
        step.tokens_in + job.steps.get(kind="ask", purpose="plan").tokens_in,
    )


def test_plans_are_asked_of_the_quick_model_and_programs_of_the_strong_one(boxes, script):
    ModelRow.objects.create(name="small", base_url="http://127.0.0.1:9/v1", tier="quick")
    script.append(PAGE)
    asked = carry().steps.filter(kind="ask").values_list("purpose", "model")
    assert list(asked) == [("plan", "small"), ("write", "test-model")]


def test_a_repair_that_mends_nothing_is_forgiven_and_the_others_are_not(boxes, script):
    SiteAllowance(maker_usd_per_day="1").save()
    boxes.observations = {**fakes.CALM, "errors": [{"kind": "uncaught", "text": "boom", "line": 1}]}
    script.extend([PAGE] * 5)
    job = carry()
    purposes = {c.step.purpose: c.state for c in Charge.objects.filter(step__job=job).select_related("step")}
    assert purposes["plan"] == purposes["write"] == "settled"
    assert purposes["repair"] == purposes["resample"] == "forgiven"


@pytest.mark.parametrize("ends", ["a stop", "a fault of ours"])
def test_failed_repairs_are_forgiven_as_well_where_the_making_is_cut_short(boxes, script, monkeypatch, ends):
    SiteAllowance(maker_usd_per_day="1").save()
    boxes.observations = {**fakes.CALM, "errors": [{"kind": "uncaught", "text": "boom", "line": 1}]}

    ask = fakes._Shared.ask

    def cut_short(self, call, **more):
        if script or fakes.is_plan(call.messages[0].text):
            return ask(self, call, **more)
        if ends == "a fault of ours":
            raise RuntimeError("ours")
        jobs.stop(Job.objects.get())
        end = Cancelled()
        end.usage = Usage(100, 50)
        assert more["cancelled"].wait(8)
        raise end

    monkeypatch.setattr(fakes._Shared, "ask", cut_short)
    script.extend([PAGE] * 3)
    job = carry()
    assert job.state == (JobState.STOPPED if ends == "a stop" else JobState.FAILED)
    charges = Charge.objects.order_by("pk").values_list("step__purpose", "state")
    assert list(charges)[:4] == [
        ("plan", "settled"), ("write", "settled"), ("repair", "forgiven"), ("resample", "forgiven")
    ]  # fmt: skip
    today = DayTally.objects.get(who=job.maker_id)
    assert today.forgiven_tokens == sum(
        Charge.objects.filter(state="forgiven").values_list("tokens", flat=True)
    )


# --- what people see --------------------------------------------------------------------------------------------


def test_the_desk_says_what_was_used_only_where_there_is_a_limit(browser, script):
    maker = browser.maker()
    assert "used today" not in browser.get("/").content.decode()
    SiteAllowance(maker_usd_per_day="1").save()
    script.append(PAGE)
    carry(maker)
    DayTally.objects.filter(who=maker.pk).update(used_micro=120_000)
    assert "$0.12 of $1.00 used today" in browser.get("/").content.decode()


def test_the_desk_says_that_making_is_off(browser, script):
    SiteAllowance(making_off=True).save()
    page = browser.get("/").content.decode()
    assert "Making with a model is switched off here for now." in page


def test_the_allowance_of_the_site_is_one_page(admin):
    assert admin.get("/admin/vibe/siteallowance/").status_code == 302
    page = admin.get("/admin/vibe/siteallowance/", follow=True)
    assert page.status_code == 200
    form = {"making_off": "on", "off_sentence": "<b>Back</b> on Monday.", "maker_usd_per_day": "1.50"}
    assert admin.post("/admin/vibe/siteallowance/add/", form).status_code == 302
    assert allowance.off() == "<b>Back</b> on Monday."
    assert admin.get("/admin/vibe/siteallowance/add/").status_code == 403
    page = admin.get("/admin/vibe/siteallowance/", follow=True).content.decode()
    assert "1.50" in page
    assert admin.post("/admin/vibe/siteallowance/1/change/", {"usd_per_day": "-1"}).status_code == 200
    assert SiteAllowance.current().usd_per_day is None


def test_what_an_admin_says_is_text_on_the_desk(browser, script):
    SiteAllowance(making_off=True, off_sentence="<script>alert(1)</script>").save()
    assert "<script>alert" not in browser.get("/").content.decode()


# --- the doctor -------------------------------------------------------------------------------------------------


def doctor():
    said = StringIO()
    with contextlib.suppress(SystemExit):
        call_command("doctor", stdout=said)
    return said.getvalue()


def test_the_doctor_tells_both_models_the_allowance_and_the_switch(boxes, script):
    with ModelServer() as server:
        ModelRow.objects.update(base_url=server.url)
        assert "ok  model, quick       test-model also makes plans and checks" in doctor()
        ModelRow.objects.create(
            name="small",
            base_url=server.url,
            tier="quick",
            shutdown_date=timezone.now().date() + timedelta(days=2),
        )
        SiteAllowance(making_off=True, off_sentence="Back on Monday.", usd_per_day=10).save()
        said = doctor()
    assert f"ok  model              test-model at {server.url}: It answers" in said
    assert f"ok  model, quick       small at {server.url}: It answers" in said
    assert "!!  model, quick       small: Its provider ends it on" in said
    assert "$0.00 of $10.00 used today" in said
    assert "!!  making             switched off in the admin" in said
    assert "Back on Monday." in said


def test_the_doctor_says_where_a_limit_of_money_cannot_hold(boxes, script):
    ModelRow.objects.update(price_in=None)
    SiteAllowance(usd_per_day=10).save()
    with ModelServer() as server:
        ModelRow.objects.update(base_url=server.url)
        assert "the price of test-model is not known, so only limits in tokens hold" in doctor()
