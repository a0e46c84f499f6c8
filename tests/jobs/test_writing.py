"""What a person is told while files are written: what had to be left out, and what an edit came to."""

import pytest

from tests.jobs.carrying import PAGE, begin, carry, timeline
from vibe import events, jobs
from vibe.live import feed
from vibe.models import Job, ModelRow

pytestmark = pytest.mark.django_db(transaction=True)
LONG = "".join(f"<p>line {n} of tea</p>\n" for n in range(200))
LEFT_OUT = "To fit, I left out what you asked before, what the last run showed and files that nothing uses."


@pytest.fixture
def crowded(boxes, script):
    """A change of a program with a file that is too long for the model and that nothing uses."""
    notes = f"FILE notes.txt\n```\n{'tea and cake ' * 800}\n```\nDONE\n"
    script.extend([PAGE.replace("DONE\n", notes), PAGE])
    job = carry(begin())
    assert job.state == "done", job.sentence
    ModelRow.objects.update(context=4000)
    return jobs.change(job.program, description="say bye", autonomy="make", effort="normal", once="2")


def test_what_was_left_out_to_fit_is_said_while_it_writes_and_on_every_later_page(crowded):
    job = carry(crowded)
    assert job.state == "done", job.sentence
    told = [events.decode(r.type, r.payload) for r in feed.whole(job.pk)]
    assert next(e.text for e in told if isinstance(e, events.StepNoted)) == LEFT_OUT
    (write,) = [s for s in timeline(job).steps if s.kind == "write"]
    assert write.line.endswith(f". {LEFT_OUT}")


def test_it_is_said_again_after_a_worker_was_lost(crowded):
    crowded = carry(crowded)
    crowded.events.all().delete()
    Job.objects.filter(pk=crowded.pk).update(state="queued", interrupted=True)
    (write,) = [s for s in timeline(carry(crowded)).steps if s.kind == "write"]
    assert write.line == LEFT_OUT


def test_what_an_edit_came_to_is_seen_as_code_and_said_in_words(boxes, script):
    script.append(PAGE.replace("<p>hello</p>", LONG))
    job = carry(begin())
    edit = "EDIT index.html\n```\n<<<<<<< SEARCH\n<p>line 7 of tea</p>\n=======\n<p>bye</p>\n>>>>>>> REPLACE\n```\nDONE\n"
    script.append(edit)
    later = carry(
        jobs.change(job.program, description="say bye in line 7", autonomy="make", effort="normal", once="2")
    )
    assert later.version.files["index.html"].count("<p>bye</p>") == 1
    assert timeline(later).file("index.html").text == later.version.files["index.html"]
    (write,) = [s for s in timeline(later).steps if s.kind == "write"]
    assert write.line == "index.html changed in 1 place"
