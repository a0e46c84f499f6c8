"""Redis is away, or alive and silent: who has something to say over it is not kept waiting, and is heard again later."""

import asyncio
import signal
import time

import pytest
import redis as library

from vibe.live.local_bell import Rung
from vibe.live.redis_bell import CONFIRM_S, CONTROL, RedisBell, RedisControl
from vibe.perform import elsewhere

LONG_S = 2.0  # for the first that finds it out; told by the library to try again it would take 3 to 15 seconds


def says(redis, what):
    """What says something over this Redis, once it stood, and a listener on all that is said."""
    bell, control = RedisBell(redis.url), RedisControl(redis.url)
    say = {
        "a word": lambda: bell.ring([Rung(1, 1, "said", "{}", "")]),
        "a stop": lambda: control.stop(1),
        "a changed plan": lambda: control.replan(1),
    }[what]
    say()
    return say


@pytest.mark.parametrize("how", ["killed", "silent"])
def test_a_page_that_asks_what_boxes_there_are_does_not_wait_for_a_redis_that_is_away(redis, how, monkeypatch):
    monkeypatch.setattr(elsewhere, "KNOWN_S", 0.0)
    boxes = elsewhere.Elsewhere(redis.url)
    assert boxes.available() == elsewhere.NOBODY
    redis.kill() if how == "killed" else redis.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    try:
        assert not boxes.available(), "it cannot be known"
        took = time.monotonic() - began
    finally:
        redis.start() if how == "killed" else redis.process.send_signal(signal.SIGCONT)
    print(f"Redis {how}: {took:.2f} s")
    assert took < LONG_S


def heard_again(redis, say):
    with library.Redis.from_url(redis.url, socket_timeout=5) as client, client.pubsub() as listener:
        listener.psubscribe("vibe:*")
        end = time.monotonic() + 10
        while time.monotonic() < end:
            say()
            message = listener.get_message(ignore_subscribe_messages=True, timeout=0.2)
            if message and message["type"] == "pmessage":
                assert message["channel"].decode() in {CONTROL, "vibe:jobs:1"}
                return True
    return False


@pytest.mark.asyncio
@pytest.mark.parametrize("how", ["killed", "silent"])
async def test_a_page_that_is_opened_while_redis_is_away_is_told_what_the_log_has_soon(redis, how):
    bell, heard = RedisBell(redis.url), []
    bell.listen(asyncio.get_running_loop(), heard.extend)
    await bell.follow(1)
    redis.kill() if how == "killed" else redis.process.send_signal(signal.SIGSTOP)
    took = []
    try:
        for job in range(2, 5):  # each of another group of Jobs
            began = time.monotonic()
            await bell.follow(job)
            took.append(time.monotonic() - began)
    finally:
        redis.start() if how == "killed" else redis.process.send_signal(signal.SIGCONT)
    print(f"Redis {how}: {max(took):.2f} s")
    assert max(took) < LONG_S
    if (
        how == "silent"
    ):  # it is waited for, or a page would look into the log before it can hear what comes after
        assert min(took) >= CONFIRM_S
    async with asyncio.timeout(15):
        while not {rung.job for rung in heard} >= {1, 2, 3, 4}:  # and all of them hear again
            await asyncio.to_thread(bell.ring, [Rung(job, 1, "said", "{}", "") for job in (1, 2, 3, 4)])
            await asyncio.sleep(0.1)
    bell._receiving.cancel()
    await asyncio.gather(bell._receiving, return_exceptions=True)


@pytest.mark.parametrize("what", ["a word", "a stop", "a changed plan"])
@pytest.mark.parametrize("how", ["killed", "silent"])
def test_whoever_says_something_while_redis_is_away_is_not_kept_waiting(redis, what, how):
    say = says(redis, what)
    redis.kill() if how == "killed" else redis.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    try:
        say()
        took = time.monotonic() - began
    finally:
        redis.start() if how == "killed" else redis.process.send_signal(signal.SIGCONT)
    print(f"{what}, Redis {how}: {took:.2f} s")
    assert took < LONG_S
    assert heard_again(redis, say)
