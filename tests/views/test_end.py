"""What the workbench says when a making has ended: what there is, what it cost, and how to go on."""

import html
import re

import pytest
from django.template.loader import render_to_string

from tests import fakes
from tests.jobs.carrying import carry
from tests.views.conftest import HELD, make_card
from vibe import events, jobs
from vibe.choices import JobState
from vibe.live import feed
from vibe.live.timeline import fold
from vibe.llm.errors import Cancelled, ModelFault
from vibe.models import Card, Job, Program, Version
from vibe.worker.attended import attended

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "FILE index.html\n```html\n<title>Tea</title><p>hello</p>\n```\nDONE\n"
LIST = "shopping list: milk, eggs"


def page_of(browser, program):
    return html.unescape(browser.get(program.get_absolute_url()).content.decode())


def part(page, id_):
    """From the element of this id to the next part of the page."""
    return re.search(rf'id="part-{id_}".*?(?=id="part-|$)', page, re.DOTALL)[0]


def ask(browser, program, words, once="c1", **more):
    browser.post(f"/programs/{program.pk}/jobs/", {"description": words, "once": once, **more})
    return Job.objects.latest("pk")


@pytest.fixture
def made(browser):
    """A shopping list that a recipe made, checked and shared."""
    browser.post("/programs/", {"description": LIST, "once": "1"})
    carry(Job.objects.get())
    return Program.objects.get()


@pytest.mark.parametrize(
    ("measures", "title", "words"),
    [
        (None, "Ready. Try it.", "It passes the checks I made up: 1 of 1 hold."),
        ({}, "It works as you asked. Try it.", "1 of 1 checks hold, among them what you ticked."),
        (
            {"ticked_unseen": 2},
            "Ready. Try it.",
            "1 of 1 checks hold, but I could not check all that you ticked.",
        ),
        ({"ticked_before": True}, "Ready. Try it.", "1 of 1 checks hold, among them what you ticked before."),
    ],
)
def test_it_is_said_to_be_as_asked_only_where_all_that_was_ticked_for_it_was_seen(
    browser, measures, title, words
):
    program = make_card(browser.maker()).program
    ticked = measures is not None
    results = [{**HELD[0], "source": "model", "confirmed": ticked, "idle": ""}]
    for event in (
        events.Checked("held", results, ["“A chart”"], measures or {}),
        events.VersionMade(1, "page", "held", ""),
        events.StateChanged(JobState.DONE, "Done."),
    ):
        feed.publish_now(program.jobs.get().pk, event)
    end = part(page_of(browser, program), "end")
    assert title in end
    assert words in end
    assert ("It works as you asked" in end) is (measures == {})
    assert all(
        "<b>Not checked:</b> “A chart”" in part(page_of(browser, program), id_) for id_ in ("end", "checks")
    )


def test_what_does_not_hold_is_said_with_three_ways_on(browser):
    program = make_card(browser.maker()).program
    results = [{**HELD[0], "held": False, "saw": "it showed NaN", "source": "model", "idle": ""}]
    for event in (
        events.Checked("broken", results),
        events.VersionMade(1, "page", "broken", ""),
        events.StateChanged(JobState.DONE, "The same thing failed again after I had written it afresh."),
    ):
        feed.publish_now(program.jobs.get().pk, event)
    end = part(page_of(browser, program), "end")
    assert "<b>It opens</b>: it showed NaN" in end
    assert "The same thing failed again" in end
    for way in ("Three ways on", "Try again, harder", "Say it another way", "Use it as it is, or an older one"):
        assert way in end


def test_a_change_that_came_to_nothing_leaves_the_program_and_its_card_in_sight(browser, made):
    job = carry(ask(browser, made, "make it blue"))
    assert job.state == JobState.FAILED
    page = page_of(browser, made)
    end = part(page, "end")
    assert "There is no program from this" not in page
    assert "Nothing was changed" in end
    assert "Version 1 is still there." in end
    assert "Open the card" in end
    assert 'data-opens="share"' in part(page, "stop")
    held = made.versions.get().held
    assert f'<span class="count good">{held}<' in part(page, "count")
    assert f"Version 1: {held} of {held} checks hold" in part(page, "checks")


def test_a_change_that_met_a_fault_leaves_them_too(browser, script):
    script.append(PAGE)
    browser.post("/programs/", {"description": "tea", "once": "1"})
    carry(Job.objects.get())
    program = Program.objects.get()
    script.append(ModelFault("refused"))
    assert carry(ask(browser, program, "make it blue")).state == JobState.FAILED
    end = part(page_of(browser, program), "end")
    assert "Version 1 is still there." in end
    assert "Open the card" in end


def test_going_back_to_a_version_keeps_share_and_the_count(browser, made):
    carry(ask(browser, made, "add bread"))
    carry(ask(browser, made, "make it blue", once="c2"))
    browser.post(f"/programs/{made.pk}/versions/1/restore/")
    page = page_of(browser, made)
    assert "Version 3 is still there." in part(page, "end")
    assert 'data-opens="share"' in part(page, "stop")
    assert 'class="count good"' in part(page, "count")


def test_after_going_back_the_page_speaks_of_the_version_in_use(browser, made):
    carry(ask(browser, made, "add bread"))
    browser.post(f"/programs/{made.pk}/versions/1/restore/")
    page = page_of(browser, made)
    assert "You use version 3 now." in part(page, "end")
    assert "Version 3:" in part(page, "checks")


def test_a_first_making_that_failed_says_what_became_of_words_and_money(browser, script):
    script.append(ModelFault("refused"))
    browser.post("/programs/", {"description": "tea", "once": "1"})
    job = carry(Job.objects.get())
    page = page_of(browser, Program.objects.get())
    end = part(page, "end")
    assert "There is no program from this" in end
    assert "Your words are kept." in end
    assert re.search(r"It cost (nothing|\S+ ¢)\.", end)
    assert "not known" not in part(page, "meter")
    assert "Connect a model" not in end
    assert page.count(job.sentence) == 1


def test_without_a_model_connecting_one_is_offered(browser, boxes):
    browser.post("/programs/", {"description": "A multiplayer chess game, online ranking", "once": "1"})
    job = carry(Job.objects.get())
    browser.post(f"/jobs/{job.pk}/answer/", {"choice": "model"})
    carry(job)
    assert "Connect a model" in part(page_of(browser, Program.objects.get()), "end")


def test_the_end_offers_to_pin_and_says_that_it_was_done(browser, made):
    end = part(page_of(browser, made), "end")
    assert "7 days if not pinned" in end
    assert "Pin it" in end
    card = Card.objects.get()
    back = made.get_absolute_url()
    reply = browser.post(
        f"/cards/{card.pk}/keep/", {"pinned": "1"}, HTTP_REFERER="http://localhost:8000" + back
    )
    assert reply["Location"].endswith(back)
    page = page_of(browser, made)
    assert "Pinned. The link stays until you throw the card away." in page
    assert "Pin it" not in part(page, "end")


def test_a_stop_in_mid_sentence_shows_what_was_written(browser, script, monkeypatch):
    def ask(self, call, *, on_delta=None, cancelled=None):
        from vibe.llm.message import Delta, Reply, Usage

        if fakes.is_plan(call.messages[0].text):
            return Reply(fakes.PLAN, "stop", Usage(10, 10))
        on_delta(Delta("FILE index.html\n```html\n<title>Tea</title>\n<h1>Half a page</h1>\n"))
        jobs.stop(Job.objects.get())
        raise Cancelled

    monkeypatch.setattr(fakes._Shared, "ask", ask)
    browser.post("/programs/", {"description": "tea", "once": "1"})
    assert carry(Job.objects.get()).state == JobState.STOPPED
    preview = part(page_of(browser, Program.objects.get()), "preview")
    assert 'data-label="Stopped here, not checked"' in preview
    assert 'data-code="code-0"' in preview
    assert "nothing to show" not in preview
    assert "What was written so far is shown, not checked." in page_of(browser, Program.objects.get())


def test_a_recipe_is_seen_while_it_is_checked(browser, boxes, settings):
    browser.post("/programs/", {"description": LIST, "once": "1"})
    job, seen = Job.objects.get(), {}

    class Looking(boxes):
        def run(self, source, **more):
            from vibe.perform import engine

            if source.image == "browser" and not seen:
                for line in list(attended.values()):
                    line.line.flush()
                timeline = fold(feed.whole(job.pk))
                seen["page"] = page_of(browser, job.program)
                seen["timeline"] = timeline
                label = job.seal
                seen["frame"] = browser.get("/", HTTP_HOST=f"{label}.localhost:8000")
                seen["forged"] = browser.get("/", HTTP_HOST=f"{'0' * 32}j{job.pk}.localhost:8000")
            assert engine()
            return super().run(source, **more)

    from vibe.perform import boxes as engines

    engines._engine = Looking()
    carry(job)
    preview = part(seen["page"], "preview")
    assert 'data-label="not checked yet"' in preview
    assert f"http://{job.seal}.localhost:8000/" in preview
    assert seen["frame"].status_code == 200
    assert "milk" in seen["frame"].content.decode()
    assert seen["forged"].status_code == 404
    assert browser.get("/", HTTP_HOST=f"{job.seal}.localhost:8000").status_code == 404, (
        "its version has a seal of its own"
    )


def test_what_was_done_is_said_as_it_was(browser, made, boxes):
    checks = part(page_of(browser, made), "checks")
    assert "like a person would" not in checks
    assert "I opened it and used it" in checks
    boxes.observations = {**fakes.CALM, "buttons_tried": [{"name": str(n), "errors": 0} for n in range(5)]}
    carry(ask(browser, made, "add bread"))
    assert "I opened it, clicked 5 buttons and used it" in part(page_of(browser, made), "checks")


def test_a_check_that_found_faults_bears_the_bad_mark_and_its_count(browser, boxes, script):
    boxes.observations = {
        **fakes.CALM,
        "errors": [{"kind": "uncaught", "text": "boom", "line": 2, "column": 1}],
    }
    script.extend([PAGE] * 4)
    browser.post("/programs/", {"description": "tea", "once": "1"})
    job = carry(Job.objects.get())
    steps = [s for s in fold(feed.whole(job.pk)).steps if s.kind == "check"]
    assert steps[0].state == "bad"
    assert re.fullmatch(r"\d of \d checks hold", steps[0].line)


# --- share ------------------------------------------------------------------------------------------------------


def test_a_link_to_this_computer_says_so_and_has_no_code_to_scan(browser, stranger):
    card = make_card(browser.maker())
    for page in (page_of(browser, card.program), stranger.get(card.get_absolute_url()).content.decode()):
        assert "Opens on this computer only." in page
        assert "make run ARGS=--lan" in page
        assert "Anyone with the link" not in page
        assert "qr.svg" not in page
        assert "Save a copy" in page


def test_a_link_that_others_can_open_has_its_code(browser, settings):
    card = make_card(browser.maker())
    settings.VIBE_ORIGIN = "http://192.168.1.9:8000"
    page = render_to_string("live/_share.html", {"card": card, "current": card.version})
    assert "Anyone with the link can use it." in page
    assert "qr.svg" in page


def test_share_says_when_the_link_shows_another_version(browser):
    card = make_card(browser.maker())
    program = card.program
    assert "The link shows version" not in page_of(browser, program)
    program.current = Version.objects.create(
        program=program, number=2, shape="page", origin="model", files={"index.html": "<p>2</p>"},
        verdict="held", results=HELD,
    )  # fmt: skip
    program.save()
    share = part(page_of(browser, program), "share")
    assert "The link shows version 1; you are looking at 2." in share
    browser.post(f"/cards/{card.pk}/show-version/", {"number": "2"})
    assert "The link shows version 1" not in part(page_of(browser, program), "share")
