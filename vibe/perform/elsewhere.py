"""What the pages know of boxes when the making is in other processes: what the workers last said of theirs.

Pages apart from the making have no Docker engine, and must have none. Each worker says every few seconds whether it
can open boxes and for which images; it is forgotten a minute after it fell silent. While Redis is away pages assume that
all is well: the Job itself says what is not.
"""

import json
import logging
import os
import socket
import threading
import time
from typing import Any

import redis
from django.conf import settings
from redis.exceptions import RedisError

from sandbox import catalog
from sandbox.engine import Engine
from sandbox.errors import EngineUnavailable
from sandbox.limits import Limits
from sandbox.outcome import Outcome
from sandbox.source import Source

logger = logging.getLogger(__name__)

SAY_EVERY_S = 3.0
SILENT_S = 60  # after which a worker is taken for gone: one that is started anew is not missed
KNOWN_S = 2.0  # for which a page takes what it read last
ASK_S = 0.5
NAME = "vibe:boxes:"
NOBODY = "No worker is running. What you ask for is made as soon as one is: start it with  manage.py work"


class Boxes:
    """A worker's side: tells of its engine. Losing a word is harmless."""

    def __init__(self, url: str, engine: Engine) -> None:
        self._client = _client(url)
        self._engine = engine
        self._name = f"{NAME}{socket.gethostname()}-{os.getpid()}"
        self._said = float("-inf")

    def say(self) -> None:
        """Say it when it is time to."""
        if time.monotonic() - self._said < SAY_EVERY_S:
            return
        self._said = time.monotonic()
        why = self._engine.available()
        images = [] if why else [name for name in catalog.names() if self._engine.has_image(name)]
        try:
            self._client.set(self._name, json.dumps({"why": why, "images": images}), ex=SILENT_S)
        except (RedisError, OSError) as problem:
            logger.debug("nobody was told of the boxes here: %s", problem)


class Elsewhere:
    """An Engine (sandbox.engine) that opens no box and knows of those of the workers."""

    def __init__(self, url: str = "") -> None:
        self._client = _client(url or settings.CONFIG.redis_url)
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._last: list[dict[str, Any]] | None = None

    def available(self) -> str:
        said = self._said()
        if said is None or any(not one["why"] for one in said):
            return ""
        return str(said[0]["why"]) if said else NOBODY

    def has_image(self, name: str) -> bool:
        said = self._said()
        return said is None or any(name in one["images"] for one in said)

    def expect(self, image: str, limits: Limits = Limits()) -> None:  # noqa: B008  frozen
        """Nothing is kept ready here; the worker that takes the Job does."""

    def run(self, source: Source, **_: Any) -> Outcome:
        raise EngineUnavailable("The pages open no boxes: manage.py work does.")

    def reap(self) -> int:
        return 0

    def close(self) -> None:
        self._client.close()

    def _said(self) -> list[dict[str, Any]] | None:
        """What each worker said last; None when it cannot be known."""
        with self._lock:
            if time.monotonic() - self._read_at > KNOWN_S:
                self._last, self._read_at = self._read(), time.monotonic()
            return self._last

    def _read(self) -> list[dict[str, Any]] | None:
        try:
            names = list(self._client.scan_iter(match=f"{NAME}*", count=1000))
            told = self._client.mget(names) if names else []
            return [json.loads(one) for one in told if one]
        except (RedisError, OSError, ValueError) as problem:
            logger.warning("what the workers say of their boxes cannot be read: %s", problem)
            return None


def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=ASK_S, socket_connect_timeout=ASK_S)
