"""Films are kept while a Job tries, belong to the Version that came of it, and go with it."""

import pytest

from sandbox.outcome import Artifact
from tests import fakes
from tests.fakes import jpeg
from tests.jobs.carrying import PAGE, begin, carry
from vibe import cards, films
from vibe.choices import JobState
from vibe.generation.film import Frame
from vibe.llm.errors import ModelFault
from vibe.models import Film, Job, Maker, Program, Version

pytestmark = pytest.mark.django_db(transaction=True)

FILES = {"index.html": "<p>hi</p>"}


def shown(count=3, size=30, words="I opened it"):
    return [Frame(f"{words} {n}", jpeg(filled=size + n), 640, 400) for n in range(count)]


@pytest.fixture
def job(db):
    maker = Maker.objects.create()
    return Job.objects.create(
        maker=maker, program=Program.objects.create(maker=maker, title="Tea"), kind="make", once="1"
    )


def version(job, files=FILES, number=1):
    return Version.objects.create(
        program=job.program, number=number, job=job, shape="page", origin="model", files=files, verdict="held"
    )


def test_a_film_gives_back_each_of_its_pictures(job):
    frames = shown()
    films.keep(job, FILES, {"c1": frames})
    made = version(job)
    films.settle(made)
    assert [films.frame(made, "c1", n) for n in range(3)] == [f.picture for f in frames]
    assert films.frame(made, "c1", 3) is None
    assert films.frame(made, "c2", 0) is None
    assert films.frame(None, "c1", 0) is None
    told = films.of(made)["c1"].frames
    assert [f["words"] for f in told] == ["I opened it 0", "I opened it 1", "I opened it 2"]


def test_a_version_has_the_films_of_its_own_try_and_no_other_try_is_kept(job):
    films.keep(job, FILES, {"c1": shown(words="old")})
    films.keep(job, FILES, {"c1": shown(words="good")})
    films.keep(job, {"index.html": "worse"}, {"c1": shown(words="worse"), "c2": shown()})
    made = version(job)
    films.settle(made)
    assert list(films.of(made)) == ["c1"]
    assert films.of(made)["c1"].frames[0]["words"] == "good 0"
    assert Film.objects.count() == 1


def test_what_a_version_may_keep_is_bounded_and_second_runs_go_first(job):
    big = {f"c{n}": [Frame("x", jpeg(filled=39_000), 640, 400)] * 14 for n in range(6)}
    films.keep(job, FILES, {"c9~again": big["c0"], **big})
    rows = Film.objects.all()
    assert {row.run for row in rows} == {"c0", "c1", "c2", "c3", "c4"}
    assert sum(len(row.data) for row in rows) <= films.MOST


def test_of_many_tries_only_the_last_are_kept(job):
    for n in range(20):
        films.keep(job, {"index.html": str(n)}, {"c1": shown()})
    assert Film.objects.count() == films.TRIES
    films.forget(job)
    assert not Film.objects.exists()


def test_a_version_that_is_brought_back_is_seen_as_it_was(job):
    films.keep(job, FILES, {"c1": shown()})
    old = version(job)
    films.settle(old)
    cards.publish(old)
    job.program.current = Version.objects.create(
        program=job.program, number=2, shape="page", origin="model", files={}, verdict="held"
    )
    fresh = cards.restore_version(job.program, 1)
    assert films.frame(fresh, "c1", 1) == films.frame(old, "c1", 1)
    old.delete()
    assert films.frame(fresh, "c1", 1)


def test_films_go_with_their_version_and_with_their_program(job):
    films.keep(job, FILES, {"c1": shown()})
    films.settle(version(job))
    films.keep(job, {"index.html": "more"}, {"c1": shown()})
    Version.objects.get().delete()
    assert Film.objects.count() == 1
    job.program.delete()
    assert not Film.objects.exists()


def test_a_job_leaves_the_films_of_what_it_made(boxes, script):
    script.append(PAGE)
    boxes.observations = {**fakes.CALM, "buttons_tried": [{"name": "Go", "errors": 0}],
                          "films": {"buttons": [{"step": -1}, {"step": 0, "x": 0.5, "y": 0.5}]}}  # fmt: skip
    boxes.left = (Artifact("film-buttons-0.jpg", jpeg()), Artifact("film-buttons-1.jpg", jpeg(filled=9)))
    carry(begin())
    made = Version.objects.get()
    assert [f["words"] for f in films.of(made)["a-buttons"].frames] == ["I opened it", "I clicked “Go”"]
    assert Film.objects.get().version == made


def test_a_job_that_makes_nothing_leaves_no_films(boxes, script):
    job = begin()
    films.keep(job, FILES, {"c1": shown()})
    script.append(ModelFault("no_credit", "quota"))
    assert carry(job).state == JobState.FAILED
    assert not Film.objects.exists()
