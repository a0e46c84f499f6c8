"""Whether this process can do what it is for; each part with a sentence. Read by /readyz, and by `doctor`."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.db import Error, connection
from django.db.migrations.executor import MigrationExecutor
from redis.exceptions import RedisError

from vibe.live import presence


@dataclass(frozen=True)
class Part:
    """`vital`: without it no page can be shown. Without the others pages are shown, words are kept and wait."""

    name: str
    works: bool
    sentence: str
    vital: bool = True


def parts() -> Iterator[Part]:
    """Each at most about half a second, but for a database host that does not even refuse (5 s)."""
    yield database()
    yield migrations()
    if not settings.EMBEDDED:
        yield redis_()
    yield worker()


def database() -> Part:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:  # its words may hold the address
        return Part("database", False, "does not answer: look at DATABASE_URL, and whether its server runs")
    return Part("database", True, f"{connection.vendor} answers")


_up_to_date = False


def migrations() -> Part:
    global _up_to_date
    if not _up_to_date:  # a process does not lose them again
        try:
            executor = MigrationExecutor(connection)
            missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        except Error:
            return Part("migrations", False, "cannot be told before the database answers")
        if missing:
            return Part("migrations", False, f"{missing} missing: run  manage.py migrate")
        _up_to_date = True
    return Part("migrations", True, "up to date")


def redis_() -> Part:
    try:
        presence.client().ping()
    except (RedisError, OSError) as problem:  # its address may hold a password: it is not repeated
        line = f"does not answer ({type(problem).__name__}): start it. Until then the log is read instead, more slowly"
        return Part("redis", False, line, vital=False)
    return Part("redis", True, "answers")


def worker() -> Part:
    count = presence.workers()
    if count is None:
        return Part("worker", False, "cannot be told while Redis is away", vital=False)
    if not count:
        todo = "this process begins to work" if settings.EMBEDDED else "start  manage.py work"
        line = f"none was seen in the last 15 seconds: {todo}. What is asked for waits in the line"
        return Part("worker", False, line, vital=False)
    return Part("worker", True, f"{count} at work" if not settings.EMBEDDED else "in this process")
