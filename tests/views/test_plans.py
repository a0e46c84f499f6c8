"""A plan changed while it is written from, and two promises of it that cannot both hold, on the pages."""

import json

import pytest

from tests import fakes
from tests.jobs.carrying import carry, timeline
from vibe.llm.errors import Cancelled
from vibe.models import Job, ModelRow, Program
from vibe.worker.attended import attended

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "FILE index.html\n```html\n<title>Tea</title><p>hello</p>\n```\nDONE\n"
RINGS = {"expect": [{"see": "visible", "target": {"text": "rings"}}], "covers": [1]}
QUIET = {"expect": [{"see": "hidden", "target": {"text": "rings"}}]}
PLAN = f"TITLE Tea\nSTEP A bell\nCHECK It rings\n{json.dumps(RINGS)}\n"
TWO = f"{PLAN}CHECK It stays quiet\n{json.dumps(QUIET)}\n"


@pytest.fixture
def while_writing(monkeypatch):
    """What happens while a program is written, one call after the other."""
    happens, ask = [], fakes._Shared.ask

    def slow(self, call, *, on_delta=None, cancelled=None):
        if call.purpose in {"write", "change"} and happens:
            happens.pop(0)()
            if cancelled.wait(0.2):
                raise Cancelled
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


def test_a_plan_changed_in_the_moment_in_which_the_writing_ends_is_written_anew(browser, script, monkeypatch):
    ask, asked = fakes._Shared.ask, []

    def ended(self, call, **more):
        reply = ask(self, call, **more)
        if call.purpose == "write" and not asked:
            asked.append(browser.post(f"/jobs/{Job.objects.get().pk}/answer/", {"step": ["A green kettle"]}))
        return reply

    monkeypatch.setattr(fakes._Shared, "ask", ended)
    script.extend([PLAN, PAGE, PAGE.replace("hello", "green")])
    job = carry(make(browser))
    assert job.state == "done"
    assert "A green kettle" in fakes.CALLS[-1].messages[-1].text
    assert "green" in job.version.files["index.html"]
    assert job.plan_change is None
    assert [s.state for s in timeline(job).steps if s.kind == "write"] == ["stopped", "done"]


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
