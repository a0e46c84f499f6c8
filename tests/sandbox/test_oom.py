"""What the engine is asked when a box was lost: whether its memory was full, and no longer than anybody waits."""

import threading
import time
from datetime import UTC, datetime

from sandbox import oom


class Api:
    """An engine whose clock is an hour ahead of ours and told in another zone; it hears of it at its nth answer."""

    def __init__(self, hears_at, cancelled=None, nothing=()):
        self.hears_at, self.cancelled, self.asked, self.nothing = hears_at, cancelled, [], nothing

    def info(self):
        return {
            "SystemTime": datetime.fromtimestamp(time.time() + 3600, UTC).isoformat().replace("+00:00", "123Z")
        }

    def events(self, *, since, until, filters):
        assert filters == {"container": "box", "event": "oom"}
        assert float(until) <= time.time() + 3600.001, "it would hold the line until then"
        self.asked.append(float(until))
        if self.cancelled:
            self.cancelled.set()
        return iter([b"{}"] if len(self.asked) == self.hears_at else self.nothing)


def test_what_the_engine_hears_of_late_is_told_as_soon_as_it_does():
    api = Api(hears_at=3)
    assert oom.ran_out(api, "box", threading.Event())
    assert len(api.asked) == 3
    assert api.asked[0] > time.time() + 3500, "by its own clock"


def test_what_it_never_hears_of_is_waited_for_a_moment_only(monkeypatch):
    monkeypatch.setattr(oom, "HEARS_S", 0.15)
    api = Api(hears_at=0)
    assert not oom.ran_out(api, "box", threading.Event())
    assert len(api.asked) >= 2


def test_an_answer_of_a_known_length_without_a_word_in_it_is_none(monkeypatch):
    monkeypatch.setattr(oom, "HEARS_S", 0.0)
    assert not oom.ran_out(Api(hears_at=0, nothing=[""]), "box", threading.Event())


def test_a_stop_is_heard_meanwhile(monkeypatch):
    monkeypatch.setattr(oom, "HEARS_S", 60.0)
    stop = threading.Event()
    api = Api(hears_at=0, cancelled=stop)
    assert not oom.ran_out(api, "box", stop)
    assert len(api.asked) == 1
