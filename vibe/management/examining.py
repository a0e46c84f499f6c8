"""What `doctor` finds on this machine and around it: database, Redis, workers, addresses, clocks, limits.

Each part yields findings: (part, whether it works, the sentence). None: it works, but mind this.
"""

import http.client
import resource
import shutil
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import Error, connection
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from vibe import health
from vibe.live import presence

# part, whether it works (None: it does, but mind this), what it is or the one thing to do
Finding = tuple[str, bool | None, str]
GIB = 1 << 30
ROOM, AMPLE = (
    GIB,
    5 * GIB,
)  # bytes of disk: below the first nothing can be made for long, below the second mind it
FILES = 4096  # open files a process should be allowed: a socket is one, and a box is a few
APART_S = 1.0  # of clocks: a lease is four seconds
PATIENCE_S = 3.0


def database() -> Iterator[Finding]:
    answers, migrated = health.database(), health.migrations()
    if not answers.works:
        yield "database", False, answers.sentence
        return
    yield "database", migrated.works, f"{_version()}; migrations {migrated.sentence}"
    if connection.vendor == "sqlite":
        yield from _sqlite()


def _version() -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT sqlite_version()")
            return f"SQLite {cursor.fetchone()[0]}"
        cursor.execute("SHOW server_version")
        return f"PostgreSQL {cursor.fetchone()[0]}"


def _sqlite() -> Iterator[Finding]:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        mode = cursor.fetchone()[0]
    if mode != "wal":
        line = f"it writes in mode {mode}, not WAL, so readers wait for writers: put VIBE_VAR on a local disk"
        yield "database", None, line
    if not settings.EMBEDDED:
        line = "SQLite serves processes of one machine only: set DATABASE_URL to PostgreSQL for more"
        yield "database", None, line


def broker() -> Iterator[Finding]:
    if settings.EMBEDDED:
        yield "redis", True, "not needed: one process does everything"
        yield "broker", True, "in this process"
        return
    redis = health.redis_()
    yield "redis", redis.works, redis.sentence
    from vibe.celery import app

    try:
        with app.connection_for_write() as line:
            line.ensure_connection(max_retries=1, timeout=2)
    except (OSError, OperationalError) as problem:  # its address may hold a password: it is not repeated
        yield "broker", False, f"does not answer ({type(problem).__name__}): start it"
        return
    yield "broker", True, "answers"


def worker() -> Iterator[Finding]:
    """Apart, Redis knows; in one process, the pages of that process do, if it runs."""
    if not settings.EMBEDDED:
        part = health.worker()
        yield "worker", part.works, part.sentence
        return
    status, body, _ = _get(settings.VIBE_ORIGIN, "/readyz")
    if status == 0:
        yield "worker", None, "Vibe is not running here: start it with  make run"
        return
    line = next((line for line in body.splitlines() if " worker: " in line), "")
    if not line:
        yield "worker", None, f"another release of Vibe, or another server, listens at {settings.VIBE_ORIGIN}"
        return
    ok = line.startswith("ok")
    yield (
        "worker",
        ok,
        "sweeps, and takes what is asked for" if ok else "its worker stands still: restart  make run",
    )


def addresses() -> Iterator[Finding]:
    """Whether the pages, and the other origin that shows programs, can be reached by the names that browsers use."""
    status, _, why = _get(settings.VIBE_ORIGIN, "/healthz")
    if status == 200:
        yield "pages", True, f"answer at {settings.VIBE_ORIGIN}"
    elif status == 0 and _leads_elsewhere(settings.VIBE_ORIGIN):
        for part in ("pages", "content origin"):
            yield (
                part,
                None,
                "names under localhost lead each container to itself: open the address on their machine",
            )
        return
    elif status == 0 and settings.EMBEDDED:
        yield "pages", None, f"nothing listens at {settings.VIBE_ORIGIN}: start it with  make run"
        return
    else:
        told = why or f"it says {status}"
        yield (
            "pages",
            False,
            f"{settings.VIBE_ORIGIN} cannot be reached ({told}): look at VIBE_ORIGIN and the proxy",
        )
    if settings.SINGLE_ORIGIN:
        yield "content origin", None, "programs are shown from the address of the pages, sealed by header alone"
        return
    origin = settings.VIBE_CONTENT_ORIGIN.replace("{card}", "draft")
    status, _, why = _get(origin, "/", seals=True)
    if status == 200 and not why:
        yield "content origin", True, f"{settings.VIBE_CONTENT_ORIGIN} shows sealed documents"
    else:
        told = why or f"it says {status}"
        line = f"{origin} cannot be reached ({told}): give every name under it to this server, in DNS and in the proxy"
        yield "content origin", False, line


def _leads_elsewhere(origin: str) -> bool:
    """A name under localhost leads whoever asks to itself, and a container beside the proxy is not the proxy."""
    host = urlsplit(origin).hostname or ""
    return (host == "localhost" or host.endswith(".localhost")) and bool(settings.CONFIG.proxies)


def _get(origin: str, path: str, *, seals: bool = False) -> tuple[int, str, str]:
    """(status, text, why not). Status 0: nobody answered. `seals`: a reply without the sandbox policy is none of ours."""
    at = urlsplit(origin)
    host = at.hostname or ""
    # Browsers lead every name under localhost to this machine; the resolver of a server may not know of that.
    there = "127.0.0.1" if host == "localhost" or host.endswith(".localhost") else host
    kind = http.client.HTTPSConnection if at.scheme == "https" else http.client.HTTPConnection
    line = kind(there, at.port, timeout=PATIENCE_S)
    try:
        line.request("GET", path, headers={"Host": at.netloc})
        reply = line.getresponse()
        body = reply.read(65_536).decode("utf-8", "replace")
        if seals and "sandbox" not in (reply.getheader("Content-Security-Policy") or ""):
            return reply.status, body, "another server answers, or its proxy takes our headers away"
    except ssl.SSLError as problem:
        return 0, "", f"its certificate is not good for this name: {problem.reason}"
    except (OSError, http.client.HTTPException) as problem:
        return 0, "", type(problem).__name__
    finally:
        line.close()
    return reply.status, body, ""


def clock() -> Iterator[Finding]:
    """Leases are written by one machine and read by another."""
    others = []
    try:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
                others.append(("PostgreSQL", float(cursor.fetchone()[0]) - time.time()))
        if not settings.EMBEDDED:
            seconds, micro = presence.client().time()  # type: ignore[misc]
            others.append(("Redis", seconds + micro / 1e6 - time.time()))
    except (Error, RedisError, OSError):
        return  # said elsewhere
    for name, ahead in others:
        if abs(ahead) > APART_S:
            line = (
                f"that of {name} is {ahead:+.1f} s from ours: run a time service on both, leases are 4 s long"
            )
            yield "clock", False, line
    if all(abs(ahead) <= APART_S for _, ahead in others):
        yield (
            "clock",
            True,
            "agrees with " + " and ".join(n for n, _ in others) if others else "one machine, one clock",
        )


def disk() -> Iterator[Finding]:
    settings.VAR.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.VAR).free
    line = f"{free / GIB:.1f} GiB free under {settings.VAR.name}/, of which Vibe uses {_size(settings.VAR) / GIB:.2f}"
    if free < AMPLE:
        line += ": make room, or run  manage.py housekeep"
    yield "disk", (True if free >= AMPLE else None) if free >= ROOM else False, line


def _size(folder: Path) -> int:
    found = 0
    for path in folder.rglob("*"):
        try:
            found += path.lstat().st_size
        except OSError:  # it went while we looked
            continue
    return found


def limits() -> Iterator[Finding]:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)  # the pages take all of it: management/pages.py
    if most == resource.RLIM_INFINITY or most >= FILES:
        yield "limits", True, f"a process may open {'any number of' if most < 0 else most} files"
        return
    yield (
        "limits",
        None,
        f"a process may open {most} files, so about {most // 2} sockets: raise it (ulimit -n 65536)",
    )
