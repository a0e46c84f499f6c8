"""JobConsumer: the events of one Job to one socket, from a cursor on. The client only acknowledges.

Commands are ordinary POSTs with CSRF. No more than 256 KB lie un-acknowledged: daphne never pushes back, so a
browser that reads nothing would otherwise fill our memory.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

from autobahn.exception import Disconnected
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import InterfaceError, OperationalError

from vibe import addresses, limits, logs, metrics
from vibe.caps import Caps
from vibe.choices import JobState
from vibe.live import log
from vibe.live.frames import Frame, Message, folded, framed, in_html, in_json
from vibe.live.places import Place, places
from vibe.live.tail import REST_S, Tail, hub
from vibe.models import Job

logger = logging.getLogger(__name__)

WINDOW = 256 * 1024
PING_S = 20.0
PACE_S = 0.016
PLACE_S = 2.0  # how often a place in the line is asked for
MAX_SOCKETS = getattr(settings, "VIBE_MOST_SOCKETS", 8)  # of one maker on one Job
BAD_FRAME, FOREIGN, WRONG_ORIGIN, OVER, AGAIN = 4400, 4404, 4403, 4000, 1013
TOO_MANY, CROWDED = 4429, 4430  # of this person; of this address or in this process
WHY = {FOREIGN: "foreign", WRONG_ORIGIN: "origin", TOO_MANY: "too many", CROWDED: "crowded", AGAIN: "away"}


class JobConsumer(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        self.streaming: asyncio.Task[None] | None = None
        self.places: list[Place] = []
        headers = dict(self.scope["headers"])
        if headers.get(b"origin", b"").decode("latin-1") != settings.VIBE_ORIGIN:
            await self._refuse(WRONG_ORIGIN)
            return
        job_id = int(self.scope["url_route"]["kwargs"]["job_id"])
        try:
            self.job, caps = await self._find(job_id, self.scope["session"])
        except (OperationalError, InterfaceError):
            await self._refuse(AGAIN)
            return
        if self.job is None:
            await self._refuse(FOREIGN)
            return
        query = parse_qs(
            self.scope["query_string"].decode("latin-1")
        )  # before the slot is counted: it is a stranger's
        after = query.get("after", ["0"])[0]
        self.seen = int(after) if after.isdecimal() and len(after) < 16 else 0
        self.as_json = query.get("format") == ["json"]
        if over := self._take_places(caps):
            await self._refuse(over)
            return
        logs.note(job=job_id, program=self.job.program_id, maker=self.job.maker_id)
        metrics.sockets.inc()
        self.sent = self.acked = 0
        self.sizes: list[tuple[int, int]] = []  # (seq, bytes) not yet acknowledged
        self.room = asyncio.Event()
        self.room.set()
        self.place = ""
        await self.accept()
        self.streaming = asyncio.create_task(self._stream())

    def _take_places(self, caps: Caps) -> int:
        """0 when there is a place for this socket, which is its own from here on; else the code to close it with."""
        assert self.job
        maker = self.job.maker_id
        wanted: list[tuple[Place, int | None]] = [
            (("job", maker, str(self.job.pk)), MAX_SOCKETS),
            (("maker", maker), caps.maker_sockets),
            (("address", _address(self.scope)), caps.address_sockets),
            (("site",), caps.site_sockets),
        ]
        full = places.take(wanted)
        if full:
            return CROWDED if full[0] in {"address", "site"} else TOO_MANY
        self.places = [place for place, _ in wanted]
        return 0

    async def _refuse(self, code: int) -> None:
        """Accept, then close with the code: a browser is never told why a handshake failed."""
        metrics.sockets_refused.labels(WHY[code]).inc()
        await self.accept()
        await self.close(code)

    async def disconnect(self, code: int) -> None:
        if self.streaming:
            self.streaming.cancel()
        if self.places:
            metrics.sockets.dec()
        places.give_back(self.places)
        self.places = []

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Channels takes a thread for every message, to close database connections that it might use. An
        acknowledgement, and they are the most of all, uses none."""
        if message["type"] == "websocket.receive":
            await self.websocket_receive(message)
        else:
            await super().dispatch(message)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        try:
            if text_data is None or len(text_data) > 1024:
                raise ValueError
            data = json.loads(text_data)
            if set(data) != {"ack"} or not isinstance(data["ack"], int):
                raise ValueError
        except (ValueError, TypeError, RecursionError):
            await self.close(BAD_FRAME)
            return
        while self.sizes and self.sizes[0][0] <= data["ack"]:
            self.acked += self.sizes.pop(0)[1]
        if self.sent - self.acked < WINDOW:
            self.room.set()

    # --- sending ------------------------------------------------------------------------------------------------

    async def _stream(self) -> None:
        assert self.job
        wake = asyncio.Event()
        try:
            tail = await hub.join(self.job, wake, after=self.seen, as_json=self.as_json)
            said = time.monotonic() if self.as_json else 0.0
            while True:
                wake.clear()
                messages = tail.after(self.seen, as_json=self.as_json)
                if messages is None:
                    await self._replay()
                elif messages:
                    await self._send(messages)
                    said = time.monotonic()
                elif tail.over:
                    await self.close(OVER)
                    return
                else:
                    messages = None
                    if time.monotonic() - said > PING_S:  # the first tells a page that the line stands
                        said = time.monotonic()
                        await self._ping()
                    await self._idle(wake, tail)
                    continue
                messages = None  # nothing is held for a browser that reads nothing
                await self.room.wait()
                await asyncio.sleep(_pace())
        except asyncio.CancelledError:
            raise
        except Disconnected:  # a goodbye was said, and what came after it reaches nobody: `disconnect` follows
            logger.debug("socket of job %s closed while it was told something", self.job.pk)
        except Exception:
            # The consumer's one seam: this socket ends, its browser comes back, no other is touched.
            logger.exception("socket of job %s failed", self.job.pk)
            await self.close(1011)
        finally:
            hub.leave(self.job.pk, wake)

    async def _idle(self, wake: asyncio.Event, tail: Tail) -> None:
        """Until there is something to say, or time for a ping. Who waits in the line is told when their place moves."""
        waits = tail.timeline.state == JobState.QUEUED and not self.as_json
        if waits:
            with contextlib.suppress(OperationalError, InterfaceError):
                place = await tail.place()
                if place != self.place:
                    self.place = place
                    await self.send(text_data=f"<template data-now>{place}</template>")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(wake.wait(), PLACE_S if waits else PING_S)

    async def _ping(self) -> None:
        await self.send(text_data='{"type":"ping"}' if self.as_json else "<template data-ping></template>")

    async def _send(self, messages: Sequence[Message]) -> None:
        """Say these, or as many as may lie un-acknowledged."""
        for message in messages:
            self.seen = message.seq
            if not message.text:
                continue
            size = len(message.text)
            self.sent += size
            self.sizes.append((message.seq, size))
            if full := self.sent - self.acked >= WINDOW:
                self.room.clear()
            metrics.frames_sent.labels("json" if self.as_json else "html").inc()
            await self.send(text_data=message.text)
            if full:
                break

    async def _replay(self) -> None:
        """What lies before the ring of the tail, from the log; then the tail has the rest."""
        assert self.job
        try:
            if self.as_json:
                rows = await self._history(self.job.pk, self.seen)
                messages = in_json([Frame(row, None, 0) for row in rows])
            else:
                messages = await self._retold(self.job, self.seen)
        except (OperationalError, InterfaceError):
            await asyncio.sleep(REST_S)  # the database is away: this socket waits with everybody
            return
        metrics.replays.inc()
        await self._send(messages)

    @database_sync_to_async
    def _retold(self, job: Job, after: int) -> list[Message]:
        return in_html(framed(folded(job.pk, after), log.history(job.pk, after), job))

    @database_sync_to_async
    def _find(self, job_id: int, session: Any) -> tuple[Job | None, Caps]:
        maker = session.get("maker")
        rows = Job.objects.select_related("program", "maker").filter(pk=job_id, maker_id=maker)
        job = rows.first() if maker else None
        return job, limits.of(job.maker) if job else settings.CONFIG.caps

    @database_sync_to_async
    def _history(self, job_id: int, after: int) -> list[Any]:
        return log.history(job_id, after)


def _pace() -> float:
    """Seconds between two messages to one socket: what comes in between travels together. A page paints no faster
    than 60 times a second; where a thousand watch, their frames would be more than this process can send."""
    return max(PACE_S, 0.15 * hub.sockets / 1000)


def _address(scope: Any) -> str:
    """The block of network addresses a socket came from; held only while it is open."""
    said = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    forwarded = b",".join(said).decode("latin-1")
    return addresses.block_of((scope.get("client") or [""])[0], forwarded, settings.CONFIG.proxies)


class Nowhere(AsyncWebsocketConsumer):
    """Any other address of a socket."""

    async def connect(self) -> None:
        await self.accept()
        await self.close(FOREIGN)
