"""The workbench and its commands."""

import dataclasses
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests import fakes
from tests.jobs.carrying import carry as work
from tests.views.conftest import make_card
from vibe import models_in_use
from vibe.choices import JobState
from vibe.models import Job, ModelRow, Program, StepRecord, Version

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "FILE index.html\n```html\n<title>Tea</title><p>hello</p>\n```\nDONE\n"


def test_a_change_is_a_new_job_and_keeps_what_was_typed_when_it_is_refused(browser):
    card = make_card(browser.maker())
    path = f"/programs/{card.program_id}/jobs/"
    assert browser.post(path, {"description": "make it blue", "once": "1"}).status_code == 302
    assert Job.objects.latest("pk").kind == "change"
    reply = browser.post(path, {"description": "x" * 20_001, "once": "2"})
    assert reply.status_code == 422
    assert "Use at most 20,000 characters" in reply.content.decode()


def test_every_version_says_what_was_asked_and_how_many_checks_hold(browser):
    maker = browser.maker()
    card = make_card(maker)
    program, held = card.program, card.version.results
    for number, words in ((2, "add bread"), (3, "remove eggs")):
        job = Job.objects.create(
            maker=maker, program=program, kind="change", once=words, state="done", request=words
        )
        version = Version.objects.create(
            program=program, job=job, number=number, shape="page", origin="recipe", recipe="checklist", verdict="held",
            files={"index.html": words}, summary="A list to tick off.", results=[*held, {**held[0], "held": False}],
        )  # fmt: skip
    program.current = version
    program.save()
    page = browser.get(f"/programs/{program.pk}/").content.decode()
    listed = re.search(r'id="part-versions".*?<div role="tabpanel"', page, re.DOTALL)[0]
    assert listed.index("remove eggs") < listed.index("add bread")
    assert "A list to tick off." not in listed
    assert listed.count("1 of 2 checks hold") == 2
    assert listed.count("1 of 1 checks hold") == 1


def test_without_scripts_a_page_looks_again_until_it_is_the_persons_turn(browser, script):
    script.append(PAGE)
    again = '<noscript><meta http-equiv="refresh" content="3"></noscript>'
    where = browser.post("/programs/", {"description": "tea", "once": "1"})["Location"]
    assert again in browser.get(where).content.decode()
    assert again not in browser.get(where + "?still=1").content.decode()
    work(Job.objects.get())
    assert again not in browser.get(where).content.decode()


def test_the_whole_page_works_without_a_socket(browser, script):
    script.append(PAGE)
    reply = browser.post("/programs/", {"description": "tea", "once": "1"})
    page = browser.get(reply["Location"]).content.decode()
    assert "Waiting for its turn" in page
    work(Job.objects.get())
    page = browser.get(reply["Location"]).content.decode()
    assert "Ready. Try it." in page
    assert "6 of 6 checks hold" in page or "5 of 5 checks hold" in page
    assert "Whether it does what you asked" in page
    assert Program.objects.get().current.frame_url in page


def test_a_plan_is_answered_by_plain_form(browser, script):
    script.append("TITLE Tea\nSTEP A kettle\nCHECK It boils\n")
    reply = browser.post("/programs/", {"description": "tea", "once": "1", "autonomy": "plan"})
    job = Job.objects.get()
    work(job)
    assert "Here’s my plan" in browser.get(reply["Location"]).content.decode()
    script.append(PAGE)
    assert (
        browser.post(f"/jobs/{job.pk}/answer/", {"yes": "1", "step": ["A red kettle", " "]}).status_code == 302
    )
    work(job)
    assert job.state == JobState.DONE
    assert "A red kettle" in fakes.CALLS[1].messages[-1].text
    browser.post(f"/jobs/{job.pk}/answer/", {"yes": "1"})
    assert "answered already" in browser.get(reply["Location"]).content.decode()


def test_an_answer_that_cannot_be_taken_now_is_said_where_the_page_says_what_is_wrong(
    browser, script, settings
):
    settings.CONFIG = replace(settings.CONFIG, caps=replace(settings.CONFIG.caps, maker_at_once=1))
    script.append("TITLE Tea\nSTEP A kettle\nCHECK It boils\n")
    browser.post("/programs/", {"description": "tea", "once": "1", "autonomy": "plan"})
    job = Job.objects.get()
    work(job)
    browser.post("/programs/", {"description": "coffee", "once": "2"})
    say = {"path": f"/jobs/{job.pk}/answer/", "HTTP_HX_REQUEST": "true"}
    reply = browser.post(data={"yes": "1"}, **say)
    assert (reply.status_code, reply["HX-Retarget"], reply["HX-Reswap"]) == (429, "#say-wrong", "innerHTML")
    assert "I am making 1 thing for you already." in reply.content.decode()
    assert browser.post(data={"yes": "0"}, **say).status_code == 204, "with a no, nothing much is made"
    reply = browser.post(data={"yes": "1"}, **say)
    assert (reply.status_code, reply["HX-Retarget"]) == (422, "#say-wrong")
    assert "answered already" in reply.content.decode()


def test_a_stop_by_htmx_answers_with_nothing_and_by_form_with_the_page(browser):
    reply = browser.post("/programs/", {"description": "tea", "once": "1"})
    job = Job.objects.get()
    assert browser.post(f"/jobs/{job.pk}/stop/", HTTP_HX_REQUEST="true").status_code == 204
    assert browser.post(f"/jobs/{job.pk}/stop/").status_code == 302
    page = browser.get(reply["Location"]).content.decode()
    assert "Stopped" in page
    assert "Carry on" in page


def test_the_dial_moves_in_mid_run(browser):
    browser.post("/programs/", {"description": "tea", "once": "1"})
    job = Job.objects.get()
    assert (
        browser.post(f"/jobs/{job.pk}/autonomy/", {"autonomy": "ask"}, HTTP_HX_REQUEST="true").status_code
        == 204
    )
    job.refresh_from_db()
    assert job.autonomy == "ask"
    assert browser.post(f"/jobs/{job.pk}/autonomy/", {"autonomy": "always"}).status_code == 422


def test_what_a_model_writes_is_never_markup_on_our_pages(browser, script):
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    script.append(f"{evil}\n\nFILE index.html\n```html\n<title>{evil}</title><p>x</p>\n```\nDONE\n")
    reply = browser.post("/programs/", {"description": evil, "once": "1"})
    work(Job.objects.get())
    for path in (reply["Location"], "/shelf/", "/", Program.objects.get().cards.get().get_absolute_url()):
        page = browser.get(path).content.decode()
        assert "<script>alert" not in page, path
        assert "<img src=x" not in page, path


def test_nothing_unchecked_is_called_ready(browser, script, boxes):
    boxes.trouble = "Docker is not running."
    script.append(PAGE)
    reply = browser.post("/programs/", {"description": "tea", "once": "1"})
    work(Job.objects.get())
    page = browser.get(reply["Location"]).content.decode()
    assert "Made, but not checked" in page
    assert "Ready" not in page


def test_connecting_is_tested_first_and_the_key_never_comes_back(browser):
    from tests import modelserver as play

    with play.ModelServer([play.status(401), play.say("ready")]) as server:
        form = {"do": "connect", "base_url": server.url, "key": "sk-very-secret-0001", "model": "test-model"}
        reply = browser.post("/connect/", form)
        assert reply.status_code == 422
        assert "was not connected" in reply.content.decode()
        assert not ModelRow.objects.exists()
        page = browser.post("/connect/", form).content.decode()
    assert "Connected: test-model" in page
    row = ModelRow.objects.get()
    assert row.as_model().key == "sk-very-secret-0001"
    assert "sk-very" not in page
    assert "sk-very" not in row.sealed_key
    assert "sk-very" not in browser.get("/connect/").content.decode()
    browser.post("/connect/", {"do": "disconnect"})
    assert not ModelRow.objects.filter(enabled=True).exists()


@pytest.mark.parametrize("address", ["", "nonsense", "http://169.254.169.254/latest", "file:///etc/passwd"])
def test_an_address_that_is_no_model_servers_is_answered_under_its_field(browser, address):
    reply = browser.post("/connect/", {"do": "connect", "base_url": address, "key": "", "model": "m"})
    assert reply.status_code == 422
    assert 'id="wrong-base_url"' in reply.content.decode()


def test_on_a_shared_server_only_its_admins_connect(browser, settings):
    settings.LOCAL_ONLY = False
    reply = browser.post("/connect/", {"do": "disconnect"})
    assert reply.status_code == 403
    assert "Only the admins" in reply.content.decode()


PARTS = [
    {"name": "system", "label": "My own rules", "tokens": 600, "removable": False, "left_out": ""},
    {"name": "file:<b>.css", "label": "Your file <b>.css", "tokens": 2400, "removable": True, "left_out": ""},
    {"name": "history", "label": "What you asked before", "tokens": 90, "removable": True, "left_out": "you"},
    {"name": "run", "label": "What its last run showed", "tokens": 90, "removable": True, "left_out": "room"},
]


def read(job, parts, purpose="change"):
    order = job.steps.count() + 1
    StepRecord.objects.create(
        job=job, order=order, number=str(order), kind="ask", purpose=purpose, request={"parts": parts}
    )


def test_a_person_sees_what_the_model_read_in_words_and_can_take_parts_out(browser):
    card = make_card(browser.maker())
    path = card.program.get_absolute_url()
    assert "What I read" not in browser.get(path).content.decode()
    job = card.program.jobs.get()
    read(job, PARTS)
    read(job, [{**PARTS[0], "label": "Repairing"}], purpose="repair")
    page = browser.get(path).content.decode()
    assert "What I read: 2.2 thousand words of text" in page
    assert "of text, about 3,000 tokens</summary>" in page
    assert ">1.8 thousand words, about 2,400 tokens</span>" in page
    assert "no room for it" in page
    assert "Repairing" not in page
    assert "Your file &lt;b&gt;.css" in page
    boxes = re.findall(
        r'<input type="checkbox" name="without" value="([^"]*)" form="say-form"( checked)?', page
    )
    assert boxes == [("file:&lt;b&gt;.css", ""), ("history", " checked"), ("run", "")]
    assert 'id="say-form"' in page


def test_a_change_says_what_it_may_take_and_how_hard_to_try_is_chosen_for_it(browser, script):
    card = make_card(browser.maker())
    path = card.program.get_absolute_url()
    page = browser.get(path).content.decode()
    assert "No guesses yet: nothing was made with a model here so far." in page
    Job.objects.update(effort="thorough")
    for once in ("a", "b"):
        job = Job.objects.create(maker=card.maker, kind="change", state="done", effort="normal", once=once)
        StepRecord.objects.create(job=job, order=1, number="1", kind="ask", seconds=40, cost_usd="0.021")
    page = browser.get(path).content.decode()
    offered = re.findall(r'<option value="(quick|normal|thorough)"( selected)?>([^<]*)</option>', page)
    assert offered == [
        ("quick", "", "Quick"),
        ("normal", "", "Normal: ~40 s, 2.1 ¢"),
        ("thorough", " selected", "Thorough"),
    ]
    assert page.count('name="effort"') == 1
    assert "Guesses, from your last cards." in page
    browser.post(f"/programs/{card.program_id}/jobs/", {"description": "blue", "once": "1", "effort": "quick"})
    assert Job.objects.latest("pk").effort == "quick"


def test_without_a_model_a_change_keeps_the_effort_and_nothing_is_guessed(browser):
    card = make_card(browser.maker())
    Job.objects.update(effort="thorough")
    page = browser.get(card.program.get_absolute_url()).content.decode()
    assert "guesses" not in page.lower()
    assert '<input type="hidden" name="effort" value="thorough">' in page


def test_what_was_taken_out_goes_with_the_next_change(browser):
    card = make_card(browser.maker())
    form = {"description": "blue", "once": "1", "without": ["history", "file:a.css", "x" * 300]}
    browser.post(f"/programs/{card.program_id}/jobs/", form)
    assert Job.objects.latest("pk").without == ["history", "file:a.css"]
    browser.post(f"/programs/{card.program_id}/jobs/", {"description": "red", "once": "2"})
    assert Job.objects.latest("pk").without == []


PASSED_ON = ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP"]


@pytest.mark.parametrize("header", PASSED_ON)
def test_through_a_tunnel_nobody_connects_a_model_and_nobody_sees_where_it_is(browser, header):
    row = ModelRow(name="test-model", base_url="http://10.1.2.3:8080/v1")
    row.set_key("sk-very-secret-0001")
    row.save()
    through = {header: "for=203.0.113.7"}
    assert browser.post("/connect/", {"do": "disconnect"}, headers=through).status_code == 403
    assert ModelRow.objects.filter(enabled=True).exists()
    page = browser.get("/connect/", headers=through).content.decode()
    assert "test-model" in page
    assert "10.1.2.3" not in page
    assert "0001" not in page
    mine = browser.get("/connect/").content.decode()
    assert "10.1.2.3" in mine
    assert "0001" in mine


def test_a_visitor_of_a_shared_server_does_not_see_where_its_model_should_be(browser, settings, monkeypatch):
    settings.LOCAL_ONLY = False
    settings.CONFIG = dataclasses.replace(settings.CONFIG, model_url="http://10.1.2.3:8080/v1")
    monkeypatch.setattr(models_in_use, "current_model", lambda: None)
    for path in ("/", "/connect/"):
        page = browser.get(path).content.decode()
        assert "The AI model does not answer now." in page
        assert "10.1.2.3" not in page


def test_the_time_of_a_version_says_its_day_and_its_zone(browser):
    card = make_card(browser.maker())
    Version.objects.update(created=datetime(2026, 3, 9, 7, 5, tzinfo=UTC))
    Version.objects.create(
        program=card.program, number=2, shape="page", origin="model", files={"index.html": ""}, verdict="held"
    )
    card.program.current = card.program.versions.get(number=2)
    card.program.save()
    page = browser.get(f"/programs/{card.program_id}/").content.decode()
    assert '<time datetime="2026-03-09T07:05:00+00:00" data-moment>9 Mar, 07:05 UTC</time>' in page
