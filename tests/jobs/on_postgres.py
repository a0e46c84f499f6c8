"""Scenes that only a database with locks of single rows has: python -m tests.jobs.on_postgres SCENE. See test_on_postgres.py."""

import os
import sys
import threading
import time
from contextlib import contextmanager

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vibe.settings")

import django

django.setup()

from django.db import connection, connections, transaction  # noqa: E402  after the set-up

from tests.waiting import wait  # noqa: E402
from vibe import apps, jobs  # noqa: E402
from vibe.models import Job, Maker, Program  # noqa: E402
from vibe.models.away import is_away, patiently  # noqa: E402


def queue(program=None, autonomy="make"):
    program = program or Program.objects.create(maker=Maker.objects.create(), title="Tea", description="tea")
    return Job.objects.create(
        maker=program.maker, program=program, kind="make", autonomy=autonomy, once=f"{time.time()}", state="queued"
    )  # fmt: skip


@contextmanager
def in_a_transaction(act):
    """What another worker did, and has not confirmed yet; leaving ends its transaction."""
    did, go_on, came = threading.Event(), threading.Event(), []

    def other():
        with transaction.atomic():
            came.append(act())
            did.set()
            go_on.wait(30)
        connections.close_all()

    thread = threading.Thread(target=other)
    thread.start()
    assert did.wait(30)
    try:
        yield came[0]
    finally:
        go_on.set()
        thread.join(10)


def one_program():
    """Another Job of a program that is being claimed at this moment is not taken, and what else there is is."""
    waits = queue()
    background, elsewhere = queue(waits.program, autonomy="keep"), queue()
    with in_a_transaction(lambda: jobs.claim("a")) as theirs:
        assert theirs.pk == waits.pk
        began = time.monotonic()
        mine = jobs.claim("b")
        assert mine, "nobody waits for what another has"
        assert mine.pk == elsewhere.pk
        assert jobs.claim("b") is None, "two Jobs of one program"
        assert time.monotonic() - began < 15, "of the thirty for which the other has it"
    assert jobs.claim("b") is None
    assert jobs.end(theirs, "done", "Done.")
    assert jobs.claim("b").pk == background.pk


def frozen():
    """A machine that was frozen in the middle of a transaction keeps its Job from nobody, and goes on when it thaws."""
    apps.FROZEN_S = 4  # whatever else the machine does, its row is looked at before that
    connection.close()  # from here on
    job = queue()
    assert jobs.claim("frozen")
    frozen, thaw, came = threading.Event(), threading.Event(), []

    def other():
        def act():
            with transaction.atomic():
                rows = Job.objects.select_for_update().filter(pk=job.pk)
                found = rows.get().state
                if not frozen.is_set():
                    frozen.set()
                    thaw.wait(30)
                    try:
                        rows.get()
                    except Exception as problem:
                        came.append(is_away(problem))
                        raise
                return found

        came.append(patiently(act))
        connections.close_all()

    thread = threading.Thread(target=other)
    thread.start()
    assert frozen.wait(30)
    over = time.time() + 60  # no lease that was taken until now stands then
    assert jobs.sweep(0, held_up_since=over) == 0, "its row is locked"
    began = time.monotonic()
    wait(lambda: jobs.sweep(0, held_up_since=over))
    print(f"taken up after {time.monotonic() - began:.1f} s")
    thaw.set()
    thread.join(20)
    assert came == [True, "queued"], came


def settings():
    """What every connection of ours has asked for."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == (f"{apps.FROZEN_S}s",)
    told = connection.connection.info.get_parameters()
    assert (told["connect_timeout"], told["tcp_user_timeout"], told["keepalives_idle"]) == ("5", "10000", "5")


Job.objects.all().delete()  # of another scene
{scene.__name__: scene for scene in (one_program, frozen, settings)}[sys.argv[1]]()
