"""The bell and the control between processes: Redis PUBLISH, a channel for each group of Jobs, one for control.

Nothing is kept in Redis that is not in the database too. While it is away the log goes on being written, sockets read
the log every three seconds, and Stop waits for the heartbeat.
"""

import asyncio
import contextlib
import json
import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from typing import Any

import redis
import redis.asyncio
from redis.exceptions import RedisError

from vibe import metrics
from vibe.live.local_bell import Listener, LocalControl, Rung

logger = logging.getLogger(__name__)

ASK_S = 0.5  # a Redis that takes longer to take a message is as good as none
REST_S = 1.0  # after a failure nobody is kept waiting for a while
CONFIRM_S = 1.0
AGAIN_S = (0.25, 2.0)
CONTROL = "vibe:control"
GROUPS = (
    16  # a message for each Job that speaks would cost the pages more than what it says, one for all too much
)
KEEP = "vibe:keep"  # nothing is ever said on it: a connection that follows no Job yet stays open


class Ringer:
    """Publishes from any thread; what cannot be said is dropped."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url, socket_timeout=ASK_S, socket_connect_timeout=ASK_S)
        self._quiet_until = 0.0

    def publish(self, messages: Sequence[tuple[str, str]]) -> None:
        """(channel, text) each, in order."""
        if not messages:
            return
        if time.monotonic() < self._quiet_until:
            metrics.bells_lost.labels("redis").inc(len(messages))
            return
        try:
            pipe = self._client.pipeline(transaction=False)
            for channel, text in messages:
                pipe.publish(channel, text)
            pipe.execute()
        except (RedisError, OSError) as problem:
            self._quiet_until = time.monotonic() + REST_S
            metrics.bells_lost.labels("redis").inc(len(messages))
            logger.warning("Redis does not take messages, the log is read instead: %s", problem)


class RedisBell:
    """`ring` is for any thread; the rest belongs to one loop, on which a task receives."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._ringer = Ringer(url)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._receiving: asyncio.Task[None] | None = None
        self._listener: Listener | None = None
        self._pubsub: Any = None
        self._followed: Counter[int] = Counter()  # by group, as what follows
        self._confirmed: dict[int, asyncio.Event] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    def ring(self, records: Sequence[Rung]) -> None:
        in_order = sorted(records, key=lambda one: (_group(one.job), one.job, one.seq))
        by_group = groupby(in_order, key=lambda one: _group(one.job))
        self._ringer.publish([(_channel(group), _packed(list(rungs))) for group, rungs in by_group])

    def listen(self, loop: asyncio.AbstractEventLoop, listener: Listener) -> None:
        if self._loop is not loop or self._receiving is None or self._receiving.done():
            self._loop, self._listener = loop, listener
            self._receiving = loop.create_task(self._receive())

    async def follow(self, job_id: int) -> None:
        """Return when Redis has confirmed, so that the first look into the log comes after; or after CONFIRM_S."""
        group = _group(job_id)
        self._followed[group] += 1
        confirmed = self._confirmed.setdefault(group, asyncio.Event())
        if self._followed[group] == 1 and self._pubsub is not None:
            with contextlib.suppress(RedisError, OSError):  # the receiving task begins anew and asks for all
                await self._pubsub.subscribe(_channel(group))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(confirmed.wait(), CONFIRM_S)

    def unfollow(self, job_id: int) -> None:
        group = _group(job_id)
        self._followed[group] -= 1
        if self._followed[group] > 0:
            return
        del self._followed[group]
        self._confirmed.pop(group, None)
        if self._loop and self._pubsub is not None:
            leaving = self._loop.create_task(self._leave(self._pubsub, group))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)

    async def _leave(self, pubsub: Any, group: int) -> None:
        with contextlib.suppress(RedisError, OSError):
            if group not in self._followed:
                await pubsub.unsubscribe(_channel(group))
            if group in self._followed:  # somebody came while we left
                await pubsub.subscribe(_channel(group))

    async def _receive(self) -> None:
        pause = AGAIN_S[0]
        while True:
            client = redis.asyncio.Redis.from_url(self._url, socket_connect_timeout=1, health_check_interval=10)
            try:
                async with client.pubsub() as pubsub:
                    await pubsub.subscribe(KEEP, *map(_channel, list(self._followed)))
                    self._pubsub = pubsub
                    for group in list(self._followed):  # who came while it was being connected
                        await pubsub.subscribe(_channel(group))
                    pause = AGAIN_S[0]
                    while True:
                        self._take(await pubsub.get_message(timeout=5))
            except (RedisError, OSError) as problem:
                logger.warning("Redis is away, the log is read instead: %s", problem)
            finally:
                self._pubsub = None
                for confirmed in self._confirmed.values():
                    confirmed.clear()
                with contextlib.suppress(RedisError, OSError):
                    await client.aclose()
            await asyncio.sleep(pause)
            pause = min(AGAIN_S[1], 2 * pause)

    def _take(self, message: dict[str, Any] | None) -> None:
        if message is None or message["channel"] == KEEP.encode():
            return
        if message["type"] == "subscribe":
            if confirmed := self._confirmed.get(int(message["channel"].rpartition(b":")[2])):
                confirmed.set()
        elif message["type"] == "message" and self._listener:
            try:
                rungs = [Rung(*row) for row in json.loads(message["data"])]
            except (ValueError, TypeError):
                metrics.bells_lost.labels("unread").inc()
                logger.warning("a bell that cannot be read, dropped")  # a worker of another release
                return
            self._listener(rungs)


class RedisControl(LocalControl):
    """Said here and to every worker: the one that makes the Job heeds it."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        self._ringer = Ringer(url)
        self._listening: threading.Thread | None = None

    def stop(self, job_id: int) -> None:
        super().stop(job_id)
        self._ringer.publish([(CONTROL, json.dumps({"stop": job_id}))])

    def replan(self, job_id: int) -> None:
        super().replan(job_id)
        self._ringer.publish([(CONTROL, json.dumps({"replan": job_id}))])

    def listen(self) -> None:
        """Start to hear, in a thread of its own, once."""
        if self._listening is None:
            self._listening = threading.Thread(target=self._hear, name="vibe-control", daemon=True)
            self._listening.start()

    def _hear(self) -> None:
        while True:
            client = redis.Redis.from_url(self._url, socket_connect_timeout=1, health_check_interval=10)
            with (
                contextlib.suppress(RedisError, OSError),
                client.pubsub(ignore_subscribe_messages=True) as pubsub,
            ):
                pubsub.subscribe(CONTROL)
                while True:
                    self._heed(pubsub.get_message(timeout=5))
            time.sleep(AGAIN_S[0])

    def _heed(self, message: dict[str, Any] | None) -> None:
        try:
            said = json.loads(message["data"]) if message else {}
            if job_id := said.get("stop"):
                super().stop(int(job_id))
            elif job_id := said.get("replan"):
                super().replan(int(job_id))
        except (ValueError, TypeError, AttributeError):
            logger.warning("a control message that cannot be read, dropped")


def _group(job_id: int) -> int:
    return job_id % GROUPS


def _channel(group: int) -> str:
    return f"vibe:jobs:{group}"


def _packed(rungs: Sequence[Rung]) -> str:
    return json.dumps([[r.job, r.seq, r.type, r.payload, r.at] for r in rungs])
