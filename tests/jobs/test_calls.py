"""The cap on calls to a model holds for the whole Job: begun anew, asked again, taken up after a worker that was lost."""

import pytest

from tests import fakes
from tests.jobs.carrying import begin, carry, timeline
from tests.jobs.test_resuming import Died, looked_at_while_broken, page
from vibe import jobs, worker
from vibe.choices import JobState
from vibe.generation.policy import policy
from vibe.llm.errors import Cancelled, ModelFault
from vibe.llm.message import Usage
from vibe.models import Charge, DayTally, Job, StepRecord

pytestmark = pytest.mark.django_db(transaction=True)
PLAN = "TITLE Tea\nSTEP A poster\n"


def broke_off(*, paid=True):
    fault = ModelFault("cut", retry_after=0.0)
    fault.usage = Usage(100, 50, estimated=True) if paid else None
    return fault


def begun_anew(job):
    """The flow was changed while the Job waited for its person, who now answers."""
    Job.objects.filter(pk=job.pk).update(flow="of last year")
    jobs.answer(job, {"yes": True})
    return carry(job)


def test_a_making_that_is_begun_anew_has_only_the_calls_that_it_had_left(boxes, script):
    looked_at_while_broken(boxes, range(1, 9))
    script += [PLAN, PLAN, *map(page, "abcdefgh")]
    job = begun_anew(carry(begin(autonomy="plan")))
    assert job.state == JobState.WAITING
    jobs.answer(job, {"yes": True})
    carry(job)
    assert job.state == JobState.DONE
    assert [call.purpose for call in fakes.CALLS] == ["plan", "plan", "write", "repair", "resample"]
    assert len(fakes.CALLS) == policy("plan", "normal").calls
    assert "all 5 calls" in job.sentence


def test_a_making_that_is_begun_anew_says_so(boxes, script):
    script += [PLAN, PLAN]
    job = begun_anew(carry(begin(autonomy="plan")))
    seen = timeline(job)
    assert seen.interrupted == "I was improved meanwhile and begin anew."
    assert [step.kind for step in seen.steps] == ["plan"], "what was shown of the first try is void"
    assert seen.answered == ""


def test_with_one_call_left_it_is_written_without_another_plan_and_with_none_nothing_is(boxes, script):
    script += [PLAN, PLAN, page("a")]
    job = begun_anew(carry(begin(autonomy="plan", effort="quick")))
    job = begun_anew(job)
    assert [call.purpose for call in fakes.CALLS] == ["plan", "plan"]
    assert job.state == JobState.WAITING, "a plan of the person's own words"
    job.steps.filter(kind="ask").first().delete()  # as if one more had been asked
    StepRecord.objects.filter(job=job, kind="ask").update(request={"sent": 3})
    job = begun_anew(job)
    assert job.state == JobState.FAILED
    assert "All 3 calls" in job.sentence
    assert len(fakes.CALLS) == 2


def test_an_answer_that_broke_off_is_a_call_and_none_is_made_beyond_the_cap(boxes, script):
    script += [broke_off(), PLAN, broke_off(), page("a")]
    job = carry(begin(effort="quick"))
    assert [call.purpose for call in fakes.CALLS] == ["plan", "plan", "write"]
    assert job.state == JobState.FAILED
    assert "broke before its answer was complete" in job.sentence
    assert [step.calls for step in job.steps.filter(kind="ask")] == [2, 1]
    assert timeline(job).spent["calls"] == 3


def test_a_plan_that_breaks_off_leaves_one_call_for_the_writing(boxes, script):
    script += [broke_off(), broke_off(), broke_off()]
    job = carry(begin(effort="quick"))
    assert [call.purpose for call in fakes.CALLS] == ["plan", "plan"]
    assert job.state == JobState.FAILED


def test_what_broke_off_is_missing_when_it_is_to_be_mended(boxes, script):
    looked_at_while_broken(boxes, [1, 2, 3])
    script += [PLAN, broke_off(), page("a"), page("b")]
    job = carry(begin(effort="quick"))
    assert [call.purpose for call in fakes.CALLS] == ["plan", "write", "write"]
    assert "all 3 calls" in job.sentence


def test_candidates_that_break_off_share_what_is_left(boxes, script, monkeypatch):
    monkeypatch.setattr("vibe.perform.performer.SIDE_BY_SIDE", 1)
    script += [PLAN, *[broke_off() for _ in range(20)]]
    carry(begin(autonomy="plan", effort="thorough"))
    job = Job.objects.get()
    jobs.answer(job, {"yes": True})
    carry(job)
    assert len(fakes.CALLS) <= policy("plan", "thorough").calls
    assert StepRecord.calls_of(job.steps.all()) == len(fakes.CALLS)


def test_a_try_that_no_server_took_is_no_call(boxes, script):
    looked_at_while_broken(boxes, [1])
    busy = [ModelFault("rate_limited", retry_after=0.0), broke_off(paid=False)]
    script += [PLAN, *busy, page("a"), page("bb")]
    job = carry(begin(effort="quick"))
    assert job.state == JobState.DONE, job.sentence
    assert [call.purpose for call in fakes.CALLS] == ["plan", "write", "write", "write", "repair"]
    assert {step.calls for step in job.steps.filter(kind="ask")} == {1}


def test_a_question_that_was_refused_for_good_takes_no_call_from_what_comes_after_it(boxes, script):
    looked_at_while_broken(boxes, [1])
    script += [PLAN, ModelFault("refused"), page("a"), page("bb")]
    job = carry(begin(autonomy="plan", effort="quick"))
    jobs.answer(job, {"yes": True, "checks": [{"id": "", "sentence": "It is warm", "confirmed": True}]})
    carry(job)
    assert job.state == JobState.DONE, job.sentence
    assert [call.purpose for call in fakes.CALLS] == ["plan", "checks", "write", "repair"]
    assert [step.calls for step in job.steps.filter(kind="ask")] == [1, 0, 1, 1]
    assert timeline(job).spent["calls"] == 3


def test_a_call_that_was_stopped_before_a_word_came_is_told_as_it_is_counted(boxes, script, monkeypatch):
    ask, job = fakes._Shared.ask, begin()

    def stopped(self, call, **more):
        if call.purpose != "write":
            return ask(self, call, **more)
        jobs.stop(job)
        assert more["cancelled"].wait(8)
        end = Cancelled()
        end.usage = Usage(100, 0, estimated=True)
        raise end

    monkeypatch.setattr(fakes._Shared, "ask", stopped)
    script.append(page("a"))
    carry(job)
    assert job.state == JobState.STOPPED
    spent = timeline(job).spent
    assert spent["calls"] == StepRecord.calls_of(job.steps.all()) == 2
    assert spent["tokens_in"] == sum(job.steps.values_list("tokens_in", flat=True))


def dies(monkeypatch, *, on):
    """The worker dies while the model answers call number `on`, or each of those."""
    ask, wanted = fakes._Shared.ask, {on} if isinstance(on, int) else set(on)

    def mortal(self, call, **more):
        if len(fakes.CALLS) + 1 in wanted:
            fakes.CALLS.append(call)
            raise Died
        return ask(self, call, **more)

    monkeypatch.setattr(fakes._Shared, "ask", mortal)


def carried_by_mortals(job):
    while not job.is_over:
        try:
            worker.attend(jobs.claim(worker.OWNER, only=job.pk))
        except Died:
            Job.objects.filter(pk=job.pk).update(lease_until=0)
            jobs.sweep()
        job.refresh_from_db()
    return job


def test_a_call_whose_worker_died_counts(boxes, script, monkeypatch):
    looked_at_while_broken(boxes, [1, 2, 3])
    script += [PLAN, page("a"), page("b")]
    dies(monkeypatch, on=2)
    job = carried_by_mortals(begin(effort="quick"))
    assert [call.purpose for call in fakes.CALLS] == ["plan", "write", "write"]
    assert "all 3 calls" in job.sentence
    plan, write = Charge.objects.order_by("pk")
    assert DayTally.objects.get(who="site").used_tokens == plan.tokens + write.reserved_tokens + write.tokens
    assert DayTally.objects.get(who=job.maker_id).used_tokens == plan.tokens + write.tokens


def test_after_the_last_call_died_with_its_worker_none_is_made(boxes, script, monkeypatch):
    script += [PLAN, page("a"), page("b")]
    dies(monkeypatch, on=(2, 3))
    job = carried_by_mortals(begin(effort="quick"))
    assert len(fakes.CALLS) == 3
    assert job.state == JobState.FAILED
    assert "I was interrupted while the model answered" in job.sentence
    charge, day = Charge.objects.get(step__purpose="write"), DayTally.objects.get(who="site")
    assert charge.state == "forgiven"
    assert charge.tokens == charge.reserved_tokens > 0
    assert day.held_tokens == 0
    plan = Charge.objects.get(step__purpose="plan").tokens
    assert day.used_tokens == plan + 2 * charge.reserved_tokens, "who serves them may bill them both"
    mine = DayTally.objects.get(who=job.maker_id)
    assert (mine.held_tokens, mine.used_tokens) == (0, plan)


def test_a_plan_is_not_changed_when_broken_answers_used_the_calls(boxes, script):
    script += [PLAN, page("a")]
    job = carry(begin(effort="quick"))
    asked = job.steps.get(purpose="write")
    StepRecord.objects.filter(pk=asked.pk).update(answer=None, request={**asked.request, "sent": 2})
    Job.objects.filter(pk=job.pk).update(state=JobState.RUNNING)
    job.refresh_from_db()
    with pytest.raises(jobs.NotNow, match="All 3 calls"):
        jobs.change_plan(job, {"steps": ["A green one"]})


def test_after_a_lost_worker_the_plan_shows_what_its_person_made_of_it(boxes, script, monkeypatch):
    form = '{"expect": [{"see": "visible", "target": {"text": "tea"}}]}'
    script += [f"{PLAN}CHECK It speaks of tea\n{form}\n", page("a")]
    job = carry(begin(autonomy="plan"))
    mine = [{"id": "p1", "sentence": "It speaks of tea", "confirmed": True}]
    jobs.answer(job, {"yes": True, "steps": ["A green poster"], "checks": mine})
    dies(monkeypatch, on=2)
    carried_by_mortals(job)
    assert job.state == JobState.DONE
    plan = timeline(job).plan
    assert plan["steps"] == ["A green poster"]
    assert plan["checks"] == [{**mine[0], "readable": True}], "it was not said that this cannot be checked"
