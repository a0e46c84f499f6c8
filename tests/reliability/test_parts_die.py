"""Pages, workers, Redis and PostgreSQL in processes of their own, each killed in the middle of twenty makings.

The boxes answer at once here (tests/reliability/settings.py); tests/journeys/test_apart.py has real ones.
"""

import re
import signal
import subprocess
import sys
import time
import urllib.error
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import celery
import psycopg
import pytest
import redis

from tests import modelserver as play
from tests.journeys.apart import Apart
from tests.journeys.served import ROOT, environment, free_port
from tests.reliability.people import Person, Wire, told_all, until
from tests.services import Postgres, Redis

pytestmark = pytest.mark.browser
PAGE = "Here it is.\n\nFILE index.html\n```html\n<title>Tea</title><h1>Tea</h1>\n{lines}\n```\nDONE\n".format(
    lines="\n".join(f"<p>line {n} of a page about tea</p>" for n in range(60))
)
LEASE_S = 4.0


def writing(seconds):
    """A model that writes PAGE in this time."""
    pieces = max(1, int(seconds / 0.05))
    return play.say(PAGE, piece=-(-len(PAGE) // pieces), pause_s=0.05)


class Parts:
    def __init__(self, var):
        self.postgres, self.redis = Postgres(), Redis()
        self.postgres.start()
        self.redis.start()
        self.model = play.ModelServer().__enter__()
        self.site = Apart(
            var, self.postgres, self.redis, OPENAI_BASE_URL=self.model.url, OPENAI_API_KEY="sk-test-0123456789",
            VIBE_MODEL="test-model", DJANGO_SETTINGS_MODULE="tests.reliability.settings",
            VIBE_ADDRESS_MAKERS_PER_DAY="none",  # all these people sit at one address
            VIBE_ADDRESS_JOBS_PER_DAY="none",
        )  # fmt: skip
        self.site.manage("migrate", "--verbosity", "0")
        self.site.start_web()
        self.messages = celery.Celery(broker=self.redis.url)

    def rows(self, sql, *values):
        with psycopg.connect(self.postgres.url.replace("postgres://", "postgresql://")) as database:
            return database.execute(sql, values).fetchall()

    def worker(self):
        """One worker of twenty hands, ready to take."""
        made = self.site._process("work", "--at-once", "26")
        self.site.workers.append(made)
        return made

    def begin(self, count):
        """Twenty people with a wish each: ([listener], [job])."""
        people = [Person(self.site.url) for _ in range(count)]
        jobs = [one.begin(f"A page about tea number {n}") for n, one in enumerate(people)]
        return [one.listen(job) for one, job in zip(people, jobs, strict=True)]

    def wake_again(self, listeners):
        """Every wake-up message is delivered a second time."""
        for one in listeners:
            self.messages.send_task("vibe.work", args=[one.job], queue="making", routing_key="making")

    def close(self):
        self.site.stop()
        self.model.__exit__()
        self.postgres.close()
        self.redis.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    parts = Parts(tmp_path_factory.mktemp("var"))
    yield parts
    parts.close()


@pytest.fixture
def parts(made):
    """All parts alive, one worker, nothing in the line and nothing at work: what another test left asks the model, too."""
    made.site.workers = [one for one in made.site.workers if one.poll() is None][:1] or [made.worker()]
    made.model.always(writing(0.5))
    until(lambda: not made.rows("SELECT id FROM vibe_job WHERE state IN ('queued', 'running') LIMIT 1"), 60)
    made.model.requests.clear()
    made.model.plans.clear()
    made.model.answered.clear()
    made.model.always(writing(2.5))
    return made


def stored(parts, listeners):
    """The log says what the listeners were told, each event once."""
    for one in listeners:
        rows = parts.rows("SELECT seq, type FROM vibe_eventrecord WHERE job_id = %s ORDER BY seq", one.job)
        assert rows == list(zip(one.seqs, one.types, strict=True))
        assert parts.rows("SELECT state FROM vibe_job WHERE id = %s", one.job) == [("done",)]


def seconds_for_twenty_pages(person):
    """What this machine is worth at this moment: 0.3 s where nothing else is at work."""
    began = time.monotonic()
    for _ in range(20):
        person.get()
    return time.monotonic() - began


def test_a_worker_killed_with_twenty_jobs_loses_none_doubles_none_and_pays_none_twice(parts):
    parts.model.always(writing(60))  # none is done before the last has begun, on a slow machine either
    listeners = parts.begin(20)
    parts.wake_again(listeners)
    until(lambda: len(parts.model.requests) == 20, 60)
    plans = len(parts.model.plans)
    successor = parts.worker()
    until(lambda: parts.site.log.read_text().count("Making. Sealed boxes") >= 2, 60)
    until(lambda: all("file-text" in one.types for one in listeners), 30)
    running = [one for one in listeners if one.state != "done"]
    pages = seconds_for_twenty_pages(Person(parts.site.url))
    dies = parts.site.workers.pop(0)
    dies.kill()
    killed = time.time()
    parts.model.always(writing(0.5))
    dies.wait()
    told_all(listeners)
    assert successor.poll() is None
    stored(parts, listeners)
    taken_up = [one.said("restarted") - killed for one in running if "restarted" in one.types]
    print(
        f"{len(taken_up)} of 20 taken up after {min(taken_up):.2f}–{max(taken_up):.2f} s (lease {LEASE_S} s; "
        f"twenty pages took {pages:.2f} s)"
    )
    assert len(taken_up) > 10
    assert min(taken_up) < LEASE_S + 1
    assert max(taken_up) < LEASE_S + max(1.0, 2 * pages), "the last of twenty"
    assert len(parts.model.plans) == plans == 20, "what was journaled is not asked again"
    assert len(parts.model.requests) == 20 + len(taken_up), "only calls in flight are made again"


def test_a_worker_that_is_told_to_end_hands_its_jobs_to_another_at_once(parts):
    parts.model.always(writing(60))
    listeners = parts.begin(4)
    until(lambda: all("file-text" in one.types for one in listeners), 30)
    ready = parts.site.log.read_text().count("Making. Sealed boxes")
    parts.worker()
    until(lambda: parts.site.log.read_text().count("Making. Sealed boxes") > ready, 60)
    parts.model.always(writing(0.5))
    leaves = parts.site.workers.pop(0)
    asked = time.time()
    leaves.terminate()
    assert leaves.wait(60) == 0
    told_all(listeners)
    stored(parts, listeners)
    taken_up = [one.said("restarted") - asked for one in listeners]
    print(f"4 of 4 taken up after {min(taken_up):.2f}–{max(taken_up):.2f} s")
    assert min(taken_up) < LEASE_S - 1, "nobody waits for the end of a lease"
    assert len(parts.model.requests) == 8, "only calls in flight are made again"


def test_a_worker_that_takes_nothing_any_more_ends_so_that_another_is_started(tmp_path):
    env = environment(tmp_path, REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")

    def manage(*args):
        subprocess.run([sys.executable, "manage.py", *args], cwd=ROOT, env=env, check=True)

    manage("migrate", "--verbosity", "0")
    manage("shell", "--verbosity", "0", "-c", WAITS)
    ended = subprocess.run(
        [sys.executable, "-m", "tests.reliability.stuck"], cwd=ROOT, env=env, capture_output=True, text=True,
        timeout=90, check=False,
    )  # fmt: skip
    assert ended.returncode == 1, ended.stderr
    assert "1 Jobs wait, hands are free and none is taken: this process is stuck" in ended.stderr


WAITS = """
from vibe.models import Job, Maker
Job.objects.create(maker=Maker.objects.create(), kind="run", once="waits", state="queued")
"""


def test_the_pages_killed_in_mid_stream_and_everybody_goes_on_from_their_cursor(parts, visitor):
    from playwright.sync_api import expect

    parts.model.always(writing(6))
    maker = visitor()
    maker.describe(parts.site.url, "A page about coffee")
    listeners = parts.begin(5)
    until(lambda: all("file-text" in one.types for one in listeners), 20)
    maker.page.fill("#say", "and make it")
    parts.site.web.kill()
    parts.site.web.wait()
    expect(maker.page.locator("#dropped")).to_be_visible()
    parts.site.start_web()
    expect(maker.page.locator("#dropped")).to_be_hidden()
    told_all(listeners)
    stored(parts, listeners)
    assert all(one.connects > 1 for one in listeners)
    assert maker.finished() == "Ready. Try it."
    code = maker.page.locator("#code-0").text_content()
    assert code == PAGE.partition("```html\n")[2].partition("```")[0], "every letter once, over the gap"
    assert maker.page.input_value("#say") == "and make it"
    maker.wrong.clear()  # the sockets that found nobody


def away(parts, listeners, seconds):
    """Redis is killed for so long; how late the last event came that was stored meanwhile."""
    until(lambda: all("file-text" in one.types for one in listeners), 20)
    parts.redis.kill()
    gone = time.time()
    time.sleep(seconds)
    back = time.time()
    stored = [at.timestamp() for (at,) in parts.rows("SELECT at FROM vibe_eventrecord ORDER BY at")]
    stored = [gone, *(at for at in stored if gone < at < back), back]
    longest = max(after - before for before, after in pairwise(stored))
    print(f"the log was written meanwhile, with pauses of {longest:.2f} s at most")
    assert longest < 2, "the log is not written while Redis is away"
    parts.redis.start()
    back = time.time()
    heads = dict(parts.rows("SELECT job_id, max(seq) FROM vibe_eventrecord GROUP BY job_id"))
    for one in listeners:
        until(lambda one=one: one.seen >= heads[one.job], 20)
    return time.time() - back


def test_redis_killed_for_three_seconds_holds_nobody_up(parts):
    parts.model.always(writing(6))
    listeners = parts.begin(6)
    caught_up = away(parts, listeners, 3)
    print(f"caught up {caught_up:.2f} s after Redis was back")
    assert caught_up < 5
    told_all(listeners)
    stored(parts, listeners)
    assert len(parts.model.requests) == 6


@pytest.mark.soak
def test_redis_killed_for_a_minute_and_what_was_begun_meanwhile_is_made(parts):
    parts.model.always(writing(70))
    listeners = parts.begin(4)
    until(lambda: all("file-text" in one.types for one in listeners), 20)
    caught_up = away(parts, listeners, 60)
    parts.model.always(writing(1))
    later = parts.begin(4)
    print(f"caught up {caught_up:.2f} s after Redis was back")
    assert caught_up < 5
    told_all([*listeners, *later], 120)
    stored(parts, [*listeners, *later])
    assert len(parts.model.requests) == 8


def test_a_redis_that_refuses_every_message_holds_nobody_up_and_ends_no_worker(parts):
    """As one whose disk is full, or that became a replica: it answers, and takes nothing."""
    refuse = redis.Redis.from_url(parts.redis.url, socket_timeout=5)
    refuse.config_set("min-replicas-to-write", 1)
    try:
        listeners = parts.begin(3)
        told_all(listeners)
        stored(parts, listeners)
    finally:
        refuse.config_set("min-replicas-to-write", 0)
        refuse.close()
    assert all("restarted" not in one.types for one in listeners)
    assert all(one.poll() is None for one in parts.site.workers)
    again = parts.begin(1)
    told_all(again)
    assert len(parts.model.requests) == 4


def test_postgresql_restarted_in_mid_job_and_no_answer_is_lost(parts):
    parts.model.always(writing(4))
    listeners = parts.begin(6)
    person = Person(parts.site.url)
    person.get()
    until(lambda: all("file-text" in one.types for one in listeners), 20)
    parts.postgres.kill(signal.SIGINT)
    assert len(parts.model.answered) < 6, "it was not in the middle of it"
    with pytest.raises(urllib.error.HTTPError) as refused:
        person.begin("A page about juice")
    assert refused.value.code == 503
    assert "I can’t reach my database right now." in refused.value.read().decode()
    until(lambda: len(parts.model.answered) == 6)  # every model has said its last word meanwhile
    time.sleep(1)
    parts.postgres.start()
    told_all(listeners)
    stored(parts, listeners)
    assert len(parts.model.requests) == 6, "an answer that came while the database was away was asked for again"
    assert person.begin("A page about juice")


def test_who_reads_nothing_while_forty_megabytes_stream_costs_little_and_holds_nobody_up(parts):
    parts.model.always(writing(6))
    person, other = Person(parts.site.url), Person(parts.site.url)
    first = person.begin("A page about tea")
    said = subprocess.Popen(
        [sys.executable, "-m", "tests.reliability.streaming", str(first)], cwd=ROOT, env=parts.site.env, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with said:
        job = int(said.stdout.readline())
        cookies = "; ".join(f"{c.name}={c.value}" for c in person.jar)
        reads_nothing = [Wire(person.url, f"/live/jobs/{job}/?after=0&format=json", cookies) for _ in range(3)]
        reads = person.listen(job)
        besides = other.listen(other.begin("A page about juice"))
        until(lambda: "file-text" in besides.types, 20)
        before = most = resident(parts.site.web.pid)
        said.stdin.write("\n")
        said.stdin.flush()
        while not reads.ended.is_set():
            most = max(most, resident(parts.site.web.pid))
            time.sleep(0.01)
        assert said.stdout.readline() == "done\n"
    told_all([reads, besides])
    text = "".join(event["text"] for _, event in reads.heard if event["type"] == "output")
    assert [int(text[at : at + 7]) for at in range(0, len(text), 40_000)] == list(range(1000))
    late = sorted(at - datetime.fromisoformat(event["at"]).timestamp() for at, event in besides.heard)
    print(
        f"web grew {(most - before) / 1024:.1f} MB; another's events came {late[-1] * 1000:.0f} ms late at most"
    )
    assert late[len(late) * 9 // 10] < 1, "another person is held up"
    assert most - before <= 10 * 1024
    for wire in reads_nothing:
        wire.close()


def resident(pid):
    """KB of memory that a process holds."""
    return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])
