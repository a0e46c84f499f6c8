"""The step that looks into attached files, and what of a Job's rows the making gets to read."""

import itertools
import json
import threading

import pytest

from sandbox.outcome import Outcome
from tests import fakes
from vibe import jobs, worker
from vibe.generation.steps import Ask, Consult, Inspect
from vibe.live import feed
from vibe.live.timeline import fold
from vibe.llm.message import Message
from vibe.models import Job, Maker, ModelRow
from vibe.perform import Performer
from vibe.worker.beginning import request_of, settle_start

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "FILE index.html\n```html\n<title>Tea</title><p>hello</p>\n```\nDONE\n"
CSV = ("a.csv", [b"a,b\n", b"1,2\n"])


@pytest.fixture
def job(boxes):
    jobs.begin(
        Maker.objects.create(), description="totals", shape="auto", autonomy="make", effort="normal", once="k",
        uploads=[CSV, ("b.bin", [b"\0"])],
    )  # fmt: skip
    claimed = jobs.claim("me")
    claimed.line = feed.open_(claimed.pk, claimed.lease_owner)
    yield claimed
    claimed.line.close()


def performer(job):
    return Performer(job, fakes.scripted(), threading.Event(), job.line)


def steps_shown(job):
    job.line.flush()
    return [(s.title, s.state, s.line) for s in fold(feed.whole(job.pk)).steps]


def test_files_are_looked_into_in_one_box_and_what_it_says_is_kept(job, boxes):
    said = {"a.csv": {"kind": "table", "size": 1}, "b.bin": {"kind": "lie"}}
    boxes.tool = Outcome("exit", 0, stdout=json.dumps(said))
    answer = performer(job).perform(Inspect(("a.csv", "b.bin", "gone.csv")), "1")
    assert answer == {"files": {"a.csv": {"kind": "table", "size": 8}, "b.bin": {"size": 1, "note": "broken"}}}
    assert job.steps.get().answer == answer
    (source,) = boxes.ran
    assert (source.files["in/0"], source.files["in/1"]) == (b"a,b\n1,2\n", b"\0")
    assert json.loads(source.files["files.json"]) == {
        "files": [["a.csv", "in/0"], ["b.bin", "in/1"]],
        "pictures": False,
    }
    assert steps_shown(job) == [("Read your files", "done", "2 files")]


def test_without_boxes_texts_are_known_by_their_first_lines_only(job, boxes):
    boxes.trouble = "Docker is not running."
    answer = performer(job).perform(Inspect(("a.csv", "b.bin")), "1")
    assert answer["files"]["a.csv"]["text"] == "a,b\n1,2"
    assert answer["files"]["b.bin"] == {"size": 1, "note": "unread"}
    assert "first lines" in steps_shown(job)[0][2]


def test_what_was_looked_into_is_shown_again_and_not_done_again_after_a_loss(job, boxes):
    performer(job).replayed(Inspect(("a.csv",)), 1, {"files": {}})
    assert steps_shown(job) == [("Read your files", "done", "")]
    assert boxes.ran == []


def test_the_parts_of_a_call_are_kept_with_its_step_and_pictures_are_not_kept_twice(job, script):
    script.append(PAGE)
    ModelRow.objects.update(capabilities={"vision": True})
    part = {"name": "request", "label": "What you ask now", "tokens": 3, "removable": False, "left_out": ""}
    message = Message("user", "hi", ("data:image/jpeg;base64,AAAA",))
    performer(job).perform(Ask("write", (message,), "p", parts=(part,)), "1")
    kept = job.steps.get().request
    assert kept["parts"] == [part]
    assert kept["messages"] == [{"role": "user", "text": "hi", "images": 1}]
    assert fakes.CALLS[0].messages[0].images == message.images


def test_what_is_in_force_says_what_each_model_that_may_write_was_seen_to_do(job, script):
    nothing = {"context": 0, "vision": False, "reasoning": False}
    ModelRow.objects.update(capabilities={})
    assert performer(job).perform(Consult("start"), "1")["writers"] == {"quick": nothing, "strong": nothing}
    ModelRow.objects.update(context=9_000, capabilities={"vision": True, "reasoning_effort": True})
    refuses = {"vision": False, "reasoning_effort": False}
    ModelRow.objects.create(name="small", base_url="http://127.0.0.1:9/v1", tier="quick", capabilities=refuses)
    assert performer(job).perform(Consult("write 1"), "2")["writers"] == {
        "quick": nothing, "strong": {"context": 9_000, "vision": True, "reasoning": True}
    }  # fmt: skip


def test_no_picture_is_ever_sent_to_a_model_that_was_not_seen_to_see(job, script):
    script.append(PAGE)
    performer(job).perform(Ask("write", (Message("user", "hi", ("data:image/jpeg;base64,AAAA",)),), "p"), "1")
    assert fakes.CALLS[0].messages == (Message("user", "hi"),)


def eyes(**more):
    return ModelRow.objects.create(
        **{
            "name": "eyes",
            "base_url": "http://127.0.0.1:9/v1",
            "tier": "vision",
            "price_in": 4,
            "price_out": 8,
            **more,
        }
    )


def test_who_is_there_to_look_is_in_force_while_it_is_on_and_was_not_tested_blind(job, script):
    def who():
        return performer(job).perform(Consult("start"), str(next(nth)))["writers"].get("vision")

    nth = itertools.count(1)
    assert who() is None
    row = eyes(capabilities={"vision": False})
    assert who() is None
    for seen in (None, True):
        ModelRow.objects.filter(pk=row.pk).update(capabilities={"vision": seen})
        assert who() == {"context": 0, "vision": True, "reasoning": False}
    ModelRow.objects.filter(pk=row.pk).update(enabled=False)
    assert who() is None


def test_what_is_written_from_a_picture_is_asked_of_who_looks_at_its_own_price(job, script):
    script += [PAGE, PAGE]
    picture = Message("user", "hi", ("data:image/jpeg;base64,AAAA",))
    row = eyes()
    performer(job).perform(Ask("write", (picture,), "p", tier="vision"), "1")
    step = job.steps.get()
    assert (step.model, float(step.price_in), float(step.price_out)) == ("eyes", 4.0, 8.0)
    assert step.charge.model == "eyes"
    assert fakes.CALLS[0].messages == (picture,)
    row.delete()  # between the step and its call
    performer(job).perform(Ask("write", (picture,), "p", tier="vision"), "2")
    assert (fakes.CALLS[1].model.name, fakes.CALLS[1].messages) == ("test-model", (Message("user", "hi"),))


def test_only_what_came_with_this_request_is_its_own(boxes, script):
    script.append(PAGE)
    first = jobs.begin(
        Maker.objects.create(), description="tea", shape="auto", autonomy="make", effort="normal", once="k",
        uploads=[("a.png", [b"x"])],
    )  # fmt: skip
    worker.attend(jobs.claim(worker.OWNER))
    later = jobs.change(first.program, description="blue", autonomy="make", effort="normal", once="2")
    settle_start(later)
    assert [upload.earlier for upload in request_of(first).uploads] == [False]
    assert [upload.earlier for upload in request_of(later).uploads] == [True]


def test_a_change_gets_the_last_run_and_what_the_person_took_out(boxes, script):
    script.append(PAGE)
    boxes.observations = {**fakes.CALM, "text": "hello"}
    first = jobs.begin(
        Maker.objects.create(), description="tea", shape="auto", autonomy="make", effort="normal", once="k"
    )
    worker.attend(jobs.claim(worker.OWNER))
    assert request_of(first).last_run == {}
    later = jobs.change(
        first.program, description="blue", autonomy="make", effort="normal", once="2", without=["history"]
    )
    claimed = Job.objects.select_related("program__current").get(pk=later.pk)
    settle_start(claimed)
    asked = request_of(claimed)
    assert asked.last_run["loaded"] is True
    assert asked.without == ("history",)
    assert asked.history == ("tea",)


def test_a_check_that_cannot_fail_is_no_failing_one_of_the_version_before(boxes, script):
    script += [PAGE]
    first = jobs.begin(
        Maker.objects.create(), description="tea", shape="auto", autonomy="make", effort="normal", once="k"
    )
    worker.attend(jobs.claim(worker.OWNER))
    version = first.program.versions.get()
    version.results = [
        {"id": "a", "sentence": "It is blue", "held": False, "idle": "words"},
        {"id": "b", "sentence": "It is round", "held": False, "idle": ""},
    ]
    version.save()
    later = jobs.change(first.program, description="blue", autonomy="make", effort="normal", once="2")
    claimed = Job.objects.select_related("program__current").get(pk=later.pk)
    settle_start(claimed)
    assert request_of(claimed).base.failing == 1
