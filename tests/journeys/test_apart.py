"""Pages and workers apart, PostgreSQL and Redis between them: the same product, and nothing is lost when parts die."""

import json
import subprocess
import sys
import threading

import pytest

from tests import modelserver as play
from tests.journeys.apart import Apart
from tests.journeys.served import ROOT
from tests.journeys.test_with_a_model import PAGE, works_the_same
from tests.services import Postgres, Redis
from tests.waiting import wait

pytestmark = [pytest.mark.docker, pytest.mark.browser]


@pytest.fixture(scope="module")
def postgres():
    made = Postgres()
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def redis():
    made = Redis()
    made.start()
    yield made
    made.close()


@pytest.fixture(scope="module")
def parts(postgres, redis, tmp_path_factory):
    with play.ModelServer() as model:
        made = Apart(
            tmp_path_factory.mktemp("var"), postgres, redis,
            OPENAI_BASE_URL=model.url, OPENAI_API_KEY="sk-test-0123456789", VIBE_MODEL="test-model",
        )  # fmt: skip
        made.manage("migrate", "--verbosity", "0")
        made.start_web()
        yield made, model
        made.stop()


@pytest.fixture
def apart(parts):
    """(the product in pieces with one worker, the model server)"""
    made, model = parts
    model.script.clear()
    model.requests.clear()
    model.plans.clear()
    model.left.clear()
    model.always(play.say("ready"))
    made.workers = [worker for worker in made.workers if worker.poll() is None][:1] or [made.start_worker()]
    return made, model


def test_what_is_made_elsewhere_is_seen_live_and_opened_by_link(apart, visitor):
    made, model = apart
    go = threading.Event()
    model.script.append(play.say(PAGE, piece=30, pause_s=0.02, go=go))
    maker, friend = visitor(), visitor()
    maker.describe(made.url, "A diary for my teas with a small chart")
    maker.page.frame_locator("#part-preview iframe").locator("h1").wait_for()
    assert maker.page.get_attribute("#part-preview", "aria-busy") == "true"
    go.set()
    assert maker.finished() == "Ready. Try it."
    works_the_same(maker.page.frame_locator("#part-preview iframe"))
    maker.page.click(".bar button[data-opens=share]")
    friend.page.goto(maker.page.input_value("#share-link"))
    works_the_same(friend.page.frame_locator("[data-frame] iframe"))


def test_a_stop_reaches_the_worker_at_once(apart, visitor):
    made, model = apart
    model.always(play.say(PAGE, piece=5, pause_s=0.3))
    maker = visitor()
    maker.describe(made.url, "A diary for my teas")
    wait(lambda: model.requests)
    maker.page.get_by_role("button", name="Stop").first.click()
    wait(lambda: model.left, 20)  # of the eighty seconds for which it would write
    maker.finished()


def test_a_worker_killed_in_the_middle_is_followed_by_another_and_nothing_is_paid_twice(apart, visitor):
    made, model = apart
    go = threading.Event()
    model.script.extend([play.say(PAGE, piece=10, go=go), play.say(PAGE, piece=400)])
    maker = visitor()
    maker.describe(made.url, "A diary for my teas")
    wait(lambda: model.requests)
    plans = len(model.plans)
    made.start_worker()
    made.workers[0].kill()
    go.set()
    assert maker.finished() == "Ready. Try it."
    assert len(model.requests) == 2, "only the call that was in flight is made again"
    assert len(model.plans) == plans
    works_the_same(maker.page.frame_locator("#part-preview iframe"))


def test_without_redis_for_a_while_the_making_goes_on_and_is_seen(apart, redis, visitor):
    made, model = apart
    go = threading.Event()
    model.script.append(play.say(PAGE, piece=40, pause_s=0.1, go=go))
    maker = visitor()
    maker.describe(made.url, "A diary for my teas")
    maker.page.frame_locator("#part-preview iframe").locator("h1").wait_for()
    redis.kill()
    go.set()
    assert maker.finished() == "Ready. Try it."  # the log is read when no bell rings
    other = visitor()
    model.script.append(play.say(PAGE, piece=400))
    other.describe(made.url, "A diary for my coffees")  # no wake-up message can be sent
    assert other.finished() == "Ready. Try it."
    redis.start()
    model.script.append(play.say(PAGE, piece=40, pause_s=0.05))
    third = visitor()
    third.describe(made.url, "A diary for my juices")
    third.page.frame_locator("#part-preview iframe").locator("h1").wait_for()
    assert third.finished() == "Ready. Try it."


def test_workers_that_race_for_the_line_never_share_a_job_or_a_program(apart):
    made, _ = apart
    for worker in made.workers:
        worker.kill()
        worker.wait()
    made.manage("shell", "-c", LINE)
    ran = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.live.racing", name], cwd=ROOT, env=made.env, stdout=subprocess.PIPE, text=True
        )
        for name in ("a", "b", "c")
    ]  # fmt: skip
    won = [tuple(one) for process in ran for one in json.loads(process.communicate(timeout=60)[0])]
    assert len({job for job, _ in won}) == len(won), "nobody is given what another has"
    made_of = [program for _, program in won if program]
    assert len(made_of) == len(set(made_of)) == 12, "one Job of each program runs, the second waits for it"
    assert len(won) == 12 + 12, "and every run of a tool, of which none waits for another"
    made.manage(
        "shell", "-c", "from vibe.models import Job; Job.objects.filter(once__startswith='race-').delete()"
    )


LINE = """
from vibe.models import Job, Maker, Program
for n in range(12):
    maker = Maker.objects.create()
    program = Program.objects.create(maker=maker, title="Tea", description="tea")
    for turn in range(2):
        Job.objects.create(maker=maker, program=program, kind="make", once=f"race-{n}-{turn}", state="queued")
    Job.objects.create(maker=Maker.objects.create(), kind="run", once=f"race-run-{n}", state="queued")
"""
