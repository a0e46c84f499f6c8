"""JobConsumer: the events of one Job to one socket, from a cursor on. The client only acknowledges.

Commands are ordinary POSTs with CSRF. No more than 256 KB lie un-acknowledged: daphne never pushes back, so a
browser that reads nothing would otherwise fill our memory.
"""

import asyncio
import json
import logging
import time
from typing import Any
from urllib.parse import parse_qs

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from vibe import addresses, limits
from vibe.caps import Caps
from vibe.live import feed
from vibe.live.fragments import fragment
from vibe.live.places import Place, places
from vibe.live.tail import RECHECK_S, hub
from vibe.live.timeline import Timeline, advance
from vibe.models import Job

logger = logging.getLogger(__name__)

WINDOW = 256 * 1024
PING_S = 20.0
PACE_S = 0.05  # a page paints no faster; what comes in between travels together
MAX_SOCKETS = 8
BAD_FRAME, FOREIGN, WRONG_ORIGIN, OVER = 4400, 4404, 4403, 4000
TOO_MANY, CROWDED = 4429, 4430  # of this person; of this address or in this process


class JobConsumer(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        self.streaming: asyncio.Task[None] | None = None
        self.places: list[Place] = []
        headers = dict(self.scope["headers"])
        if headers.get(b"origin", b"").decode("latin-1") != settings.VIBE_ORIGIN:
            await self._refuse(WRONG_ORIGIN)
            return
        job_id = int(self.scope["url_route"]["kwargs"]["job_id"])
        self.job, caps = await self._find(job_id, self.scope["session"])
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
        self.sent = self.acked = 0
        self.sizes: list[tuple[int, int]] = []  # (seq, bytes) not yet acknowledged
        self.room = asyncio.Event()
        self.room.set()
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
        await self.accept()
        await self.close(code)

    async def disconnect(self, code: int) -> None:
        if self.streaming:
            self.streaming.cancel()
        places.give_back(self.places)
        self.places = []

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
            tail = await hub.join(
                self.job.pk, wake
            )  # before the first replay, or the last event could be missed
            self.timeline = await self._fold_until(self.job.pk, self.seen)
            pinged = time.monotonic()
            replay = True
            while True:
                wake.clear()
                fresh = None if replay else tail.after(self.seen)
                records: Any = fresh if fresh is not None else await self._history(self.job.pk, self.seen)
                replay = fresh is None and len(records) >= 500
                for record in records:
                    await self._send(record)
                if self.timeline.is_over and not records and not replay:
                    await self.close(OVER)
                    return
                if time.monotonic() - pinged > PING_S:
                    pinged = time.monotonic()
                    await self.send(
                        text_data='{"type":"ping"}' if self.as_json else "<template data-ping></template>"
                    )
                if replay or records:
                    await asyncio.sleep(PACE_S)
                    continue
                try:
                    await asyncio.wait_for(wake.wait(), RECHECK_S)
                except TimeoutError:
                    replay = True  # nothing rang: look into the log, the bell may be lost
        except asyncio.CancelledError:
            raise
        except (
            Exception
        ):  # the consumer's one seam: this socket ends, its browser comes back, no other is touched
            logger.exception("socket of job %s failed", self.job.pk)
            await self.close(1011)
        finally:
            hub.leave(self.job.pk, wake)

    async def _send(self, record: Any) -> None:
        event = advance(self.timeline, record)
        if record.seq <= self.seen:
            return
        self.seen = record.seq
        if self.as_json:
            text = feed.as_json(record)
        elif event is None:
            return
        else:
            text = await self._render(event, record.seq)
        size = len(text)
        self.sent += size
        self.sizes.append((record.seq, size))
        if self.sent - self.acked >= WINDOW:
            self.room.clear()
        await self.send(text_data=text)
        await self.room.wait()

    @database_sync_to_async
    def _render(self, event: Any, seq: int) -> str:
        return fragment(self.timeline, event, seq, self.job)

    @database_sync_to_async
    def _find(self, job_id: int, session: Any) -> tuple[Job | None, Caps]:
        maker = session.get("maker")
        rows = Job.objects.select_related("program", "maker").filter(pk=job_id, maker_id=maker)
        job = rows.first() if maker else None
        return job, limits.of(job.maker) if job else settings.CONFIG.caps

    @database_sync_to_async
    def _fold_until(self, job_id: int, seq: int) -> Timeline:
        timeline = Timeline()
        for record in feed.whole(job_id):
            if record.seq > seq:
                break
            advance(timeline, record)
        return timeline

    @database_sync_to_async
    def _history(self, job_id: int, after: int) -> list[Any]:
        return feed.history(job_id, after)


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
