"""A plan changed while it is written from, and two promises of it that cannot both hold, on the pages."""

import json
import re

import pytest

from tests import fakes
from tests.jobs.carrying import carry, timeline
from tests.jobs.test_resuming import Died
from vibe import jobs
from vibe.live.bell import control
from vibe.llm.errors import Cancelled, ModelFault
from vibe.llm.message import Usage
from vibe.models import Job, ModelRow, Program
from vibe.perform import Performer
from vibe.worker.attended import attended, beat

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "FILE index.html\n```html\n<title>Tea</title><p>hello</p>\n```\nDONE\n"
RINGS = {"expect": [{"see": "visible", "target": {"text": "rings"}}], "covers": [1]}
QUIET = {"expect": [{"see": "hidden", "target": {"text": "rings"}}]}
PLAN = f"TITLE Tea\nSTEP A bell\nCHECK It rings\n{json.dumps(RINGS)}\n"
GREEN = {"expect": [{"see": "visible", "target": {"text": "green"}}]}
TWO = f"{PLAN}CHECK It stays quiet\n{json.dumps(QUIET)}\n"


@pytest.fixture
def while_writing(monkeypatch):
    """What happens while a program is written, one call after the other."""
    happens, ask = [], fakes._Shared.ask

    def slow(self, call, *, on_delta=None, cancelled=None):
        if call.purpose in {"write", "change"}:
            if happens:
                happens.pop(0)()
            if Job.objects.filter(plan_change__isnull=False).exists():
                assert cancelled.wait(8)
            if cancelled.is_set():
                end = Cancelled()
                end.usage = Usage(100, 0, estimated=True)  # it was with the server
                raise end
        return ask(self, call, on_delta=on_delta, cancelled=cancelled)

    monkeypatch.setattr(fakes._Shared, "ask", slow)
    return happens


def make(browser, **more):
    browser.post("/programs/", {"description": "tea", "once": "1", **more})
    return Job.objects.get()


def test_a_plan_changed_while_it_is_written_is_what_is_written(browser, script, while_writing):
    script.extend([PLAN, PAGE])
    job = make(browser)
    while_writing.append(lambda: browser.post(f"/jobs/{job.pk}/answer/", {"step": ["A green kettle"]}))
    assert carry(job).state == "done"
    assert [c.purpose for c in fakes.CALLS] == ["plan", "write"], (
        "the call that was broken off answered nothing"
    )
    assert "A green kettle" in fakes.CALLS[-1].messages[-1].text
    assert [s.how if hasattr(s, "how") else s.state for s in timeline(job).steps if s.kind == "write"] == [
        "stopped",
        "done",
    ]


@pytest.mark.parametrize("ends", ["with a program", "with a fault"])
def test_a_plan_changed_in_the_moment_in_which_the_writing_ends_is_written_anew(
    browser, script, monkeypatch, ends
):
    ask, asked = fakes._Shared.ask, []

    def ended(self, call, **more):
        reply = ask(self, call, **more)
        if call.purpose == "write" and not asked:
            asked.append(browser.post(f"/jobs/{Job.objects.get().pk}/answer/", {"step": ["A green kettle"]}))
            if ends == "with a fault":
                raise ModelFault("refused")
        return reply

    monkeypatch.setattr(fakes._Shared, "ask", ended)
    script.extend([PLAN, PAGE, PAGE.replace("hello", "green")])
    job = carry(make(browser))
    assert job.state == "done"
    assert "A green kettle" in fakes.CALLS[-1].messages[-1].text
    assert "green" in job.version.files["index.html"]
    assert job.plan_change is None
    assert [s.state for s in timeline(job).steps if s.kind == "write"] == ["stopped", "done"]


def plan_on_the_page(browser, job):
    """What the page shows of the plan, when all that was told is written down."""
    next(iter(attended.values())).line.flush()
    page = browser.get(f"/programs/{job.program_id}/").content.decode()
    return page[page.index('id="part-plan"') :]


def test_a_changed_plan_is_the_plan_on_the_page_while_it_is_written_anew(browser, script, while_writing):
    script.extend([PLAN, f"CHECK It is green\n{json.dumps(GREEN)}\n", PAGE])
    job, seen = make(browser, autonomy="plan"), []
    carry(job)
    Job.objects.update(autonomy="make")
    browser.post(f"/jobs/{job.pk}/answer/", {"yes": "1"})
    checks = {"check_id": ["p1", ""], "check": ["It rings", "It is green"], "confirm": ["p1"]}
    while_writing.append(
        lambda: browser.post(f"/jobs/{job.pk}/answer/", {"step": ["A green kettle"], **checks})
    )
    while_writing.append(lambda: seen.append((plan_on_the_page(browser, job), timeline(job))))
    assert carry(job).state == "done"
    page, told = seen[0]
    assert told.plan["steps"] == ["A green kettle"]
    assert [(c["sentence"], c["readable"], c["confirmed"]) for c in told.plan["checks"]] == [
        ("It rings", True, True), ("It is green", True, True),
    ]  # fmt: skip
    assert told.answered == "You changed it."
    assert ">A green kettle</textarea>" in page, "to be changed once more"
    assert 'name="check_id" value="own1"' in page
    assert "A bell</textarea>" not in page
    stopped = next(step for step in told.steps if step.state == "stopped")
    assert stopped.line == "You changed the plan, so I write it anew"


def test_a_plan_that_is_changed_twice_keeps_what_was_said_first(browser, script, while_writing):
    script.extend([PLAN, f"CHECK It is green\n{json.dumps(GREEN)}\n", PAGE])
    job = make(browser)
    own = {"check_id": ["p1", ""], "check": ["It rings", "It is green"]}
    while_writing.append(lambda: browser.post(f"/jobs/{job.pk}/answer/", {"step": ["A kettle"], **own}))

    def as_it_stands():
        page = plan_on_the_page(browser, job)
        page = page[: page.index("</form>")]
        ids = re.findall(r'name="check_id" value="([^"]*)"', page)
        words = re.findall(r'aria-label="Check \d">([^<]*)<', page)
        browser.post(
            f"/jobs/{job.pk}/answer/",
            {"step": ["A red kettle"], "check_id": ids, "check": [*words, ""], "confirm": ["own1"]},
        )

    while_writing.append(as_it_stands)
    assert carry(job).state == "done"
    assert [c["sentence"] for c in job.version.checks] == ["It rings", "It is green"]
    assert [c.purpose for c in fakes.CALLS] == ["plan", "checks", "write"]
    assert "A red kettle" in fakes.CALLS[-1].messages[-1].text


@pytest.mark.parametrize(
    "sent", [{"yes": "1", "step": "A bell"}, {"yes": "", "step": "A bell"}, {"choice": "1"}]
)
def test_an_answer_that_is_sent_twice_changes_no_plan(browser, script, while_writing, sent):
    script.extend([PLAN, PAGE])
    job, told = make(browser), []

    def twice():
        told.append(browser.post(f"/jobs/{job.pk}/answer/", sent, headers={"HX-Request": "true"}))

    while_writing.append(twice)
    assert carry(job).state == "done"
    assert job.steps.filter(purpose="write").count() == 1
    assert told[0].status_code == 422
    assert "That was answered already" in told[0].content.decode()


def test_a_word_of_a_change_that_comes_late_or_twice_changes_nothing(
    browser, script, while_writing, monkeypatch
):
    script.extend([PLAN, PAGE])
    job = make(browser)

    def ring():
        control.replan(job.pk)
        monkeypatch.setattr(jobs, "beat", lambda claims: dict.fromkeys(claims, (False, True)))
        beat()  # it read of the change before that was taken

    while_writing.append(ring)
    assert carry(job).state == "done"
    assert job.steps.filter(purpose="write").count() == 1
    assert [s.state for s in timeline(job).steps if s.kind == "write"] == ["done"]


def test_a_change_outlives_the_worker_that_heard_of_it(browser, script, while_writing, monkeypatch):
    script.extend([PLAN, PAGE])
    job, journal = make(browser), Performer._journal

    def dies(self, record, **more):
        if record.purpose == "write":
            monkeypatch.setattr(Performer, "_journal", journal)
            raise Died
        journal(self, record, **more)

    monkeypatch.setattr(Performer, "_journal", dies)
    while_writing.append(lambda: browser.post(f"/jobs/{job.pk}/answer/", {"step": ["A green kettle"]}))
    with pytest.raises(Died):
        carry(job)
    Job.objects.update(lease_until=0)
    jobs.sweep()
    assert carry(job).state == "done"
    assert "A green kettle" in fakes.CALLS[-1].messages[-1].text
    assert job.plan_change is None


@pytest.mark.parametrize(("purpose", "open_"), [("write", True), ("again", False)])
def test_a_plan_may_be_changed_where_a_change_is_heard(browser, script, monkeypatch, purpose, open_):
    ask, seen = fakes._Shared.ask, []

    def looked(self, call, **more):
        if call.purpose == purpose:
            page = plan_on_the_page(browser, Job.objects.get())
            seen.append("Write it anew from this" in page)
        return ask(self, call, **more)

    monkeypatch.setattr(fakes._Shared, "ask", looked)
    script.extend([PLAN, "Shall I begin?", PAGE])
    assert carry(make(browser)).state == "done"
    assert seen == [open_]


def test_a_change_for_which_no_call_is_left_is_refused_and_the_writing_goes_on(browser, script, while_writing):
    script.extend([PLAN, PAGE])
    job = make(browser, effort="quick")  # three calls: the plan, the writing, the writing anew
    said = []

    def change():
        browser.post(f"/jobs/{job.pk}/answer/", {"step": [f"Kettle {len(said)}"]})
        said.append(browser.get(f"/programs/{job.program_id}/").content.decode())

    while_writing.extend([change, change])
    assert carry(job).state == "done"
    assert "All 3 calls to the model" not in said[0]
    assert "All 3 calls to the model that this setting allows are used, so I cannot begin anew." in said[1]
    assert job.steps.filter(kind="ask").count() == 3
    assert "Kettle 0" in fakes.CALLS[-1].messages[-1].text


@pytest.mark.parametrize(("autonomy", "effort"), [("make", "normal"), ("keep", "quick")])
def test_a_contradiction_that_nobody_is_asked_about_is_said_while_it_is_written_and_settled_there(
    browser, script, while_writing, autonomy, effort
):
    script.extend([TWO, f"CHECK It stays quiet\n{json.dumps(QUIET)}\n", PAGE])
    job, seen = make(browser, autonomy=autonomy, effort=effort), []

    def settle():
        next(iter(attended.values())).line.flush()
        page = browser.get(f"/programs/{job.program_id}/").content.decode()
        seen.append(page[page.index('id="part-plan"') : page.index("data-lines")])
        browser.post(f"/jobs/{job.pk}/answer/", {"check_id": [""], "check": ["It stays quiet"]})

    while_writing.append(settle)
    assert carry(job).state == "done"
    assert "“It rings” and “It stays quiet” cannot both hold" in seen[0]
    assert "Say in the plan what shall hold, and I write it anew from that." in seen[0]
    assert [c["sentence"] for c in job.version.checks] == ["It stays quiet"]
    assert job.version.checks[0]["confirmed"]
    assert "unsettled" not in job.version.measures, "it was settled in the plan"
    assert not [line for line in job.version.not_checked if "cannot both hold" in line]
    assert timeline(job).plan["unpromised"] == []


def test_nobody_was_asked_so_one_click_settles_it_and_a_program_that_is_so_costs_nothing(browser, script):
    script.extend([TWO, PAGE])
    job = carry(make(browser))
    page = browser.get(f"/programs/{job.program_id}/").content.decode()
    assert "cannot both hold" in page
    assert f'action="/programs/{job.program_id}/versions/1/settle/"' in page
    asked = len(fakes.CALLS)
    ModelRow.objects.all().delete()
    for _ in range(2):  # clicked twice
        browser.post(f"/programs/{job.program_id}/versions/1/settle/", {"keep": "0-0"})
    later = carry(Job.objects.latest("pk"))
    assert Job.objects.count() == 2
    assert (later.state, later.version.verdict) == ("done", "held")
    assert [c["sentence"] for c in later.version.checks] == ["It rings"]
    assert later.version.checks[0]["confirmed"]
    assert later.version.summary == "It was so already: nothing had to change."
    assert len(fakes.CALLS) == asked
    assert "/settle/" not in browser.get(f"/programs/{job.program_id}/").content.decode()


def test_what_is_not_there_to_settle_is_not_there(browser, stranger, script):
    script.extend([TWO, PAGE])
    job = carry(make(browser))
    where = f"/programs/{job.program_id}/versions/1/settle/"
    for keep in ("", "0", "0-2", "9-0", "-1-0", "x-y"):
        assert browser.post(where, {"keep": keep}).status_code == 404
    assert stranger.post(where, {"keep": "0-0"}).status_code in {403, 404}
    assert Job.objects.count() == 1


def test_who_is_asked_answers_by_a_click_and_waiting_outlives_the_worker(browser, script):
    script.extend([TWO, PAGE])
    job = carry(make(browser, autonomy="plan"))
    assert job.state == "waiting"
    page = browser.get(f"/programs/{job.program_id}/").content.decode()
    assert "Which one shall hold?" in page
    assert "You decide" in page
    browser.post(f"/jobs/{job.pk}/answer/", {"choice": "2"})
    carry(job)
    browser.post(f"/jobs/{job.pk}/answer/", {"yes": "1"})
    assert carry(job).state == "done"
    assert [c["sentence"] for c in job.version.checks] == ["It stays quiet"]
    assert Program.objects.get().current == job.version


def test_the_dial_moved_before_the_question_comes_leaves_it_to_us(browser, script):
    script.extend([TWO, PAGE])
    job = make(browser, autonomy="plan")
    browser.post(f"/jobs/{job.pk}/autonomy/", {"autonomy": "make"})
    assert carry(job).state == "done"
    assert job.version.measures["unsettled"]
