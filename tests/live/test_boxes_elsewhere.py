"""Pages apart from the making know of its boxes by what the workers say, and reach no engine."""

import pytest

from sandbox.errors import EngineUnavailable
from sandbox.source import Source
from tests.fakes import FakeEngine
from tests.services import Redis
from tests.waiting import wait
from vibe.perform import elsewhere
from vibe.perform.elsewhere import NOBODY, Boxes, Elsewhere


@pytest.fixture(scope="module")
def redis():
    made = Redis()
    made.start()
    yield made
    made.close()


@pytest.fixture
def pages(redis, monkeypatch):
    """Pages that read each time anew, and nothing said yet."""
    monkeypatch.setattr(elsewhere, "KNOWN_S", -1.0)
    made = Elsewhere(redis.url)
    made._client.flushdb()
    yield made
    made.close()


class Worker(FakeEngine):
    def __init__(self, trouble="", built=()):
        super().__init__()
        self.why, self.built = trouble, built

    def available(self):
        return self.why

    def has_image(self, name):
        return name in self.built


def test_without_any_worker_that_is_said(pages):
    assert pages.available() == NOBODY


def test_one_worker_with_boxes_is_enough(pages, redis):
    broken, whole = (
        Boxes(redis.url, Worker("No Docker engine answers")),
        Boxes(redis.url, Worker(built=("python",))),
    )
    broken._name = whole._name + "-broken"
    broken.say()
    assert pages.available() == "No Docker engine answers"
    whole.say()
    assert pages.available() == ""
    assert pages.has_image("python")
    assert not pages.has_image("native")


def test_a_worker_that_fell_silent_is_forgotten(pages, redis, monkeypatch):
    Boxes(redis.url, Worker()).say()
    assert pages.available() == ""
    monkeypatch.setattr(elsewhere, "SILENT_S", 1)
    Boxes(redis.url, Worker()).say()  # for the last time
    wait(lambda: pages.available() == NOBODY)


def test_while_redis_is_away_nobody_is_sent_away():
    pages = Elsewhere("redis://127.0.0.1:9/0")
    assert pages.available() == ""
    assert pages.has_image("native")


def test_pages_open_no_box(pages):
    with pytest.raises(EngineUnavailable):
        pages.run(Source("python", ("python3", "a.py")))
