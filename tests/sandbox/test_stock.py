"""Which boxes stand ready: what is made next, what waits for running work, what is too old."""

import socket

import pytest

from sandbox import Limits, Source
from sandbox.box import Box
from sandbox.sealing import Fit
from sandbox.stock import KINDS, RETRY_S, YIELD_S, Stock

SMALL = Fit.of(Source("python", ()), Limits()).warmed()
LARGE = Fit.of(Source("python", ()), Limits(memory_bytes=300 << 20)).warmed()


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def gone():
    return []


@pytest.fixture
def stock(clock, gone):
    return Stock(1, 600.0, gone.append, clock=clock, room=lambda: True)


@pytest.fixture
def box():
    """Makes idle boxes; what is at their other end stays silent."""
    ends = []

    def make(fit=SMALL):
        ours, theirs = socket.socketpair()
        made = Box(f"box{len(ends)}", ours, fit)
        ends.extend([made, theirs])
        return made

    yield make
    for end in ends:
        end.close()


def test_nothing_is_made_that_nobody_asked_for(stock):
    assert stock.next(busy=False) is None


def test_what_is_short_is_made_at_once_where_nothing_runs(stock):
    stock.want(SMALL)
    assert stock.next(busy=False) == SMALL


def test_filling_up_waits_for_running_work_but_not_for_ever(stock, clock):
    stock.want(SMALL)
    assert stock.next(busy=True) is None
    clock.now += YIELD_S - 0.1
    assert stock.next(busy=True) is None
    assert stock.next(busy=False) == SMALL, "the work has ended"
    clock.now += 0.2
    assert stock.next(busy=True) == SMALL, "a steady stream finds a warm box too"


def test_the_wait_begins_anew_once_there_were_enough(stock, clock, box):
    stock.want(SMALL)
    clock.now += YIELD_S + 1
    assert stock.next(busy=True) == SMALL
    stock.made(SMALL, good=True)
    stock.put(SMALL, box())
    assert stock.next(busy=False) is None
    clock.now += 60
    stock.take(SMALL)
    stock.want(SMALL)
    assert stock.next(busy=True) is None


def test_of_two_sizes_the_one_that_was_asked_for_last_is_made_first(stock, clock):
    stock.want(SMALL)
    clock.now += 1
    stock.want(LARGE)
    assert stock.next(busy=False) == LARGE
    clock.now += 1
    stock.want(SMALL)
    assert stock.next(busy=False) == SMALL


def test_after_a_failure_the_next_try_has_time(stock, clock):
    stock.want(SMALL)
    stock.opening = SMALL
    assert not stock.made(SMALL, good=False)
    assert stock.opening is None
    assert stock.next(busy=False) is None
    clock.now += RETRY_S
    assert stock.next(busy=False) == SMALL


def test_nothing_is_made_where_memory_is_short(clock, gone):
    full = Stock(1, 600.0, gone.append, clock=clock, room=lambda: False)
    full.want(SMALL)
    assert full.next(busy=False) is None


def test_a_box_that_stood_for_too_long_is_let_go_and_another_made(stock, clock, gone, box):
    stock.want(SMALL)
    old, clock.now = box(), clock.now
    stock.put(SMALL, old)
    clock.now += 599
    stock.want(SMALL)
    stock.look_after()
    assert gone == []
    clock.now += 2
    stock.look_after()
    assert gone == [old]
    assert stock.next(busy=False) == SMALL, "it is still asked for"


def test_a_size_that_nobody_asks_for_goes_with_its_boxes(stock, clock, gone, box):
    stock.want(SMALL)
    stock.put(SMALL, box())
    clock.now += 300
    stock.want(LARGE)
    stock.put(LARGE, box(LARGE))
    clock.now += 301
    stock.look_after()
    assert [one.fit for one in gone] == [SMALL]
    assert list(stock.kinds) == [LARGE]
    assert stock.count(LARGE) == 1


def test_of_many_sizes_those_asked_for_last_are_kept(stock, clock, gone, box):
    sizes = [
        Fit.of(Source("python", ()), Limits(memory_bytes=(300 + n) << 20)).warmed() for n in range(KINDS + 1)
    ]
    for fit in sizes:
        clock.now += 1
        stock.want(fit)
        stock.put(fit, box(fit))
    assert [one.fit for one in gone] == [sizes[0]]
    assert list(stock.kinds) == sizes[1:]


def test_a_box_that_died_is_not_given_out(stock, gone, box):
    stock.want(SMALL)
    dead, alive = box(), box()
    stock.put(SMALL, dead)
    stock.put(SMALL, alive)
    dead.socket.shutdown(socket.SHUT_RDWR)
    assert stock.take(SMALL) is alive
    assert gone == [dead]
    assert stock.take(SMALL) is None


def test_a_box_that_died_while_it_stands_ready_is_let_go_before_anybody_asks(stock, gone, box):
    stock.want(SMALL)
    dead, alive = box(), box()
    stock.put(SMALL, dead)
    stock.put(SMALL, alive)
    dead.socket.shutdown(socket.SHUT_RDWR)
    stock.look_after()
    assert gone == [dead]
    assert stock.count(SMALL) == 1


def test_what_was_asked_for_longest_ago_makes_room(stock, clock, gone, box):
    for fit in (SMALL, LARGE):
        clock.now += 1
        stock.want(fit)
        stock.put(fit, box(fit))
    stock.make_room(lambda: stock.size > 1)
    assert [one.fit for one in gone] == [SMALL]
