"""Everything in one process with SQLite: its database locked by somebody else, its disk full, a poisoned event."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import modelserver as play
from tests.journeys.served import ROOT, Served, environment
from tests.reliability.people import Listener, Person, told_all, until
from tests.reliability.test_parts_die import writing


@pytest.fixture
def model():
    with play.ModelServer() as made:
        yield made


def settings(model):
    return {
        "OPENAI_BASE_URL": model.url, "OPENAI_API_KEY": "sk-test-0123456789", "VIBE_MODEL": "test-model",
        "DJANGO_SETTINGS_MODULE": "tests.reliability.settings",
    }  # fmt: skip


@pytest.fixture
def served(model, tmp_path):
    made = Served(tmp_path / "var", **settings(model))
    made.start()
    yield made
    if made.process:
        made.stop()


def test_a_database_locked_for_ten_seconds_loses_nothing_and_pays_nothing_twice(served, model):
    model.always(writing(4))
    people = [Person(served.url) for _ in range(4)]
    listeners = [one.listen(one.begin(f"A page about tea number {n}")) for n, one in enumerate(people)]
    until(lambda: all("file-text" in one.types for one in listeners), 20)
    other = sqlite3.connect(served.var / "vibe.sqlite3", timeout=10, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with ThreadPoolExecutor() as pool:
        late = pool.submit(
            people[0].begin, "A page about juice"
        )  # who sends a form meanwhile waits, and is not refused
        time.sleep(10)
        assert not late.done()
        other.execute("ROLLBACK")
        other.close()
        later = people[0].listen(late.result())
    told_all([*listeners, later])
    assert all("restarted" not in one.types for one in listeners), "a lease that nobody could extend was taken"
    assert len(model.requests) == 5
    for one in listeners:
        rows = served.rows("SELECT seq, type FROM vibe_eventrecord WHERE job_id = ? ORDER BY seq", one.job)
        assert rows == list(zip(one.seqs, one.types, strict=True))


class OnSmallDisk(Served):
    """Its var folder is a file system of its own of 24 MB, which only this process and its like see."""

    def start(self, *args):
        self.var.mkdir(parents=True, exist_ok=True)
        mine = ["unshare", "--mount", *([] if os.getuid() == 0 else ["--map-root-user"])]
        script = f"mount -t tmpfs -o size=24m none {self.var} && exec {sys.executable} manage.py serve"
        self.log = self.var.parent / "serve.log"
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [*mine, "sh", "-c", script], cwd=ROOT, stdout=log, stderr=log, text=True,
                env=environment(self.var, VIBE_PORT=str(self.port), **self.env), start_new_session=True,
            )  # fmt: skip
        until(self._answers, 30)

    def _answers(self):
        assert self.process.poll() is None, self.log.read_text()
        try:
            return Person(self.url).get()
        except OSError:
            return None

    @property
    def disk(self) -> Path:
        return Path(f"/proc/{self.process.pid}/root{self.var}")

    def fill(self) -> Path:
        ballast = self.disk / "ballast"
        with ballast.open("wb", buffering=0) as file:
            for size in (1 << 20, 1 << 12, 1):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    continue
        assert os.statvfs(self.disk).f_bavail == 0
        return ballast


def test_on_a_full_disk_it_says_so_keeps_what_it_has_and_goes_on_when_there_is_room(model, tmp_path):
    served = OnSmallDisk(tmp_path / "var", **settings(model))
    served.start()
    try:
        model.always(writing(4))
        people = [Person(served.url) for _ in range(3)]
        listeners = [one.listen(one.begin(f"A page about tea number {n}")) for n, one in enumerate(people)]
        until(lambda: all("file-text" in one.types for one in listeners), 20)
        ballast = served.fill()
        assert len(model.answered) < 3, "it was not in the middle of it"
        while isinstance(refused := _begun(Person(served.url)), Listener):
            listeners.append(refused)  # until what room its own files have is used up
            assert len(listeners) < 30
        assert refused.code == 503
        assert "The disk of this machine is full" in refused.read().decode()
        until(lambda: len(model.answered) >= 3)  # every model has said its last word meanwhile
        time.sleep(1)
        ballast.unlink()
        told_all(listeners)
        assert {one.state for one in listeners} == {"done"}
        people[2].get()
        again = people[2].listen(people[2].begin("A page about water"))
        told_all([again])
        assert len(model.requests) == len(listeners) + 1, "what was paid for is not asked for again"
    finally:
        served.stop(signal.SIGINT)


def _begun(person):
    """What is told of a page that was begun, or how that was refused."""
    try:
        return person.listen(person.begin("A page about juice " + "and more " * 2000))
    except urllib.error.HTTPError as refused:
        return refused
