"""Looks side by side: what waits for the person's eye, who may see it, and what becomes of those not taken."""

import threading

import pytest

from tests import fakes
from vibe import cards, jobs, keepsakes, worker
from vibe.choices import JobState
from vibe.generation import flow
from vibe.live import feed
from vibe.live.timeline import fold
from vibe.live.unchecked import looks
from vibe.models import Film, Job, Version

pytestmark = pytest.mark.django_db(transaction=True)
PLAN = 'TITLE Tea party\nSTEP A poster\nCHECK It speaks of tea\n{"expect": [{"see": "visible", "target": {"text": "tea"}}], "covers": [1]}\n'


def poster(colour):
    return f"In {colour}.\n\nFILE index.html\n```html\n<title>Tea</title><p>{colour} tea</p>\n```\nDONE\n"


def begin(browser, script, *, autonomy, colours=("amber", "olive"), once="1"):
    """Carry the Job to its end, or to the plan and from there to the next question."""
    script.extend([PLAN, *map(poster, colours)])
    sent = {
        "description": "A poster for our tea party",
        "shape": "picture",
        "autonomy": autonomy,
        "effort": "thorough",
    }
    browser.post("/programs/", {**sent, "once": once})
    job = Job.objects.latest("pk")
    carry(job)
    if autonomy == "ask":
        jobs.answer(job, {"yes": True})
        carry(job)
    return job


def carry(job):
    worker.attend(jobs.claim(worker.OWNER, only=job.pk))
    job.refresh_from_db()


def number_of(job, colour):
    """Which of the looks it is: the candidates are written side by side, and any of them may be done first."""
    return next(look.number for look in looks(job) if colour in look.files["index.html"])


def frame(browser, url):
    return browser.get("/", HTTP_HOST=url.removeprefix("http://").rstrip("/"))


def test_who_wants_to_be_asked_is_shown_them_side_by_side_and_waited_for(browser, stranger, boxes, script):
    job = begin(browser, script, autonomy="ask")
    assert job.state == JobState.WAITING
    assert fold(feed.whole(job.pk)).picking
    page = browser.get(job.program.get_absolute_url()).content.decode()
    assert "Both hold the same checks, so your eye decides" in page
    assert page.count(">Take this one<") == 2
    for colour in ("amber", "olive"):
        number = number_of(job, colour)
        assert f"In {colour}." in page
        assert browser.get(f"/jobs/{job.pk}/looks/{number}/shot.png").content == fakes.PIXEL
        alone = browser.get(f"/jobs/{job.pk}/looks/{number}/").content.decode()
        address = job.look_seal(number)
        assert address in alone
        assert f"{colour} tea" in frame(browser, f"http://{address}.localhost:8000/").content.decode()
        assert stranger.get(f"/jobs/{job.pk}/looks/{number}/").status_code == 404
        assert stranger.get(f"/jobs/{job.pk}/looks/{number}/shot.png").status_code == 404
    assert frame(browser, f"http://{'0' * 32}k1j{job.pk}.localhost:8000/").status_code == 404
    assert frame(browser, f"http://{job.look_seal(9)}.localhost:8000/").status_code == 404


def test_the_one_taken_is_the_version_and_the_other_is_kept_beside_it(browser, boxes, script):
    job = begin(browser, script, autonomy="ask")
    browser.post(f"/jobs/{job.pk}/answer/", {"choice": number_of(job, "olive")})
    address = job.look_seal(1)
    carry(job)
    assert (job.state, len(fakes.CALLS)) == (JobState.DONE, 3)
    taken, other = Version.objects.order_by("number")
    assert "olive" in taken.files["index.html"]
    assert "amber" in other.files["index.html"]
    assert (other.look_of, other.summary, other.held_back) == (taken, "In amber.", True)
    assert [bytes(v.shot) for v in (taken, other)] == [fakes.PIXEL] * 2
    assert keepsakes.shots.of(job, taken.files) is None, (
        "what was not taken by a version is not left lying about"
    )
    assert frame(browser, f"http://{address}.localhost:8000/").status_code == 404
    page = browser.get(job.program.get_absolute_url()).content.decode()
    assert "Two looks" in page
    assert "Another look: it holds the same checks as version 1." in page
    assert "olive tea" in page
    assert browser.get(f"/jobs/{job.pk}/looks/1/").status_code == 302


def test_a_mind_may_be_changed_afterwards(browser, boxes, script):
    job = begin(browser, script, autonomy="make", colours=("amber", "olive", "red"))
    program = job.program
    browser.post(f"/programs/{program.pk}/versions/2/use/")
    program.refresh_from_db()
    assert program.current.number == 2
    assert "Use this one" in browser.get(f"/programs/{program.pk}/versions/3/").content.decode()
    assert "You use it now" in browser.get(f"/programs/{program.pk}/versions/2/").content.decode()
    browser.post(f"/programs/{program.pk}/versions/1/restore/")
    program.refresh_from_db()
    assert program.current.files == Version.objects.get(number=1).files


def test_who_wants_it_just_made_waits_for_nothing_and_sees_the_others_all_the_same(
    browser, stranger, boxes, script
):
    job = begin(browser, script, autonomy="make", colours=("amber", "olive", "red"))
    assert job.state == JobState.DONE
    assert Version.objects.count() == 3
    assert job.program.versions.get(number=1) == cards.Card.objects.get().version
    page = browser.get(job.program.get_absolute_url()).content.decode()
    assert "Three looks" in page
    assert "No check can choose between them, so I took the first" in page
    assert browser.get(f"/programs/{job.program_id}/versions/2/shot.png").content == fakes.PIXEL
    assert stranger.get(f"/programs/{job.program_id}/versions/2/").status_code == 404
    assert stranger.get(f"/programs/{job.program_id}/versions/2/shot.png").status_code == 404


def test_the_dial_as_it_stands_when_they_are_ready_decides_who_picks(browser, boxes, script):
    script.extend([PLAN, poster("amber"), poster("olive")])
    sent = {"description": "A poster", "shape": "picture", "autonomy": "ask", "effort": "thorough", "once": "1"}
    browser.post("/programs/", sent)
    job = Job.objects.get()
    carry(job)
    browser.post(f"/jobs/{job.pk}/autonomy/", {"autonomy": "make"})
    jobs.answer(job, {"yes": True})
    carry(job)
    assert job.state == JobState.DONE
    assert job.program.current.number == 1


def test_waiting_for_an_eye_outlives_every_worker_and_pays_nothing_twice(browser, boxes, script):
    job = begin(browser, script, autonomy="ask")
    calls, spent = len(fakes.CALLS), fold(feed.whole(job.pk)).spent
    jobs.sweep()
    job.refresh_from_db()
    assert job.state == JobState.WAITING
    assert [one.number for one in looks(job)] == [1, 2]
    jobs.answer(job, {"choice": "any"})
    Job.objects.filter(pk=job.pk).update(interrupted=True)  # and the worker that took it up was lost at once
    carry(job)
    assert job.state == JobState.WAITING, "who left the choice to us is still asked whether to keep it"
    jobs.answer(job, {"choice": "yes"})
    carry(job)
    assert job.state == JobState.DONE
    assert len(fakes.CALLS) == calls
    assert fold(feed.whole(job.pk)).spent["calls"] == spent["calls"]


def test_the_code_that_is_shown_is_that_of_the_one_taken(browser, boxes, script):
    job = begin(browser, script, autonomy="ask")
    jobs.answer(job, {"choice": str(number_of(job, "olive"))})
    carry(job)
    assert "olive" in fold(feed.whole(job.pk)).file("index.html").text


def test_of_the_files_of_a_candidate_that_was_not_taken_none_is_shown_as_code(browser, boxes, script):
    own = "\nFILE {0}.js\n```js\nlet {0};\n```\nDONE"
    script.extend([PLAN, *(poster(one).replace("\nDONE", own.format(one)) for one in ("amber", "olive"))])
    job = begin(browser, script, autonomy="ask", colours=())
    for taken, other in (("olive", "amber"), ("amber", "olive")):
        if taken == "olive":
            jobs.answer(job, {"choice": str(number_of(job, taken))})
            carry(job)
        else:
            cards.restore_version(job.program, job.program.versions.latest("number").number)
        code = browser.get(f"/programs/{job.program_id}/").content.decode()
        code = code[code.index('id="part-files"') :]
        assert f"{taken} tea" in code
        assert f"{taken}.js" in code
        assert f"{other}.js" not in code


def test_who_stops_it_there_keeps_none_and_is_told_so(browser, boxes, script):
    job = begin(browser, script, autonomy="ask")
    files = looks(job)[0].files
    browser.post(f"/jobs/{job.pk}/stop/")
    job.refresh_from_db()
    assert job.state == JobState.STOPPED
    assert job.sentence == "You stopped it. None of the looks was kept. Your words are kept."
    assert looks(job) == []
    assert keepsakes.shots.of(job, files) is None
    assert not Film.objects.exists()


def test_the_flow_knows_that_its_steps_changed():
    assert int(flow.FLOW) >= 3


def test_two_tries_of_one_job_do_not_share_a_picture(browser, boxes, script):
    """Candidates are looked at side by side: each keeps the picture that was taken of it."""
    seen = threading.Lock()
    drawn = {}

    class Drawing(boxes):
        def run(self, source, **more):
            outcome = super().run(source, **more)
            with seen:
                for artifact in outcome.artifacts:
                    if artifact.name.startswith("shot"):
                        png = fakes.PIXEL + bytes([len(drawn)])
                        object.__setattr__(artifact, "data", png)
                        drawn[png] = source
            return outcome

    from vibe.perform import boxes as engines

    engines._engine = Drawing()
    job = begin(browser, script, autonomy="ask")
    pictures = [browser.get(f"/jobs/{job.pk}/looks/{n}/shot.png").content for n in (1, 2)]
    assert len(set(pictures)) == 2
