"""A box that is opened for who may change their mind."""

import threading
from concurrent.futures import Future

import pytest

from sandbox import opening


@pytest.fixture
def at_the_last_moment(monkeypatch):
    """Opening ends between the look that waited in vain and the question whether it ended."""
    ask = threading.Event()

    class Late(Future):
        def done(self):
            ask.set()
            self.exception()  # waits until it has come
            return super().done()

    monkeypatch.setattr(opening, "Future", Late)
    return ask


def unwanted(box):
    raise AssertionError(f"{box} was thrown away")


def test_a_box_that_comes_just_after_a_look_is_taken(at_the_last_moment):
    def make():
        at_the_last_moment.wait()
        return "a box"

    assert opening.open_unless(threading.Event(), make, unwanted) == "a box"


def test_a_call_of_the_engine_that_times_out_is_told_as_its_own(at_the_last_moment):
    def make():
        at_the_last_moment.wait()
        raise TimeoutError("the engine's")

    with pytest.raises(TimeoutError, match="the engine's"):
        opening.open_unless(threading.Event(), make, unwanted)
