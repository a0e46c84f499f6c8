"""Housekeeping: what nobody can reach any more goes, what somebody may still need stays, however often it is done."""

import os
import threading
import time
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import connections
from django.utils import timezone

from tests.fakes import jpeg
from tests.views.conftest import make_card
from vibe import cards, events, films, housekeeping, jobs
from vibe.choices import JobState
from vibe.generation.film import Frame
from vibe.live import feed
from vibe.live.timeline import fold
from vibe.models import (
    Card,
    EventRecord,
    Film,
    Job,
    Maker,
    MakerAllowance,
    Program,
    Run,
    RunFile,
    Upload,
    Version,
)

pytestmark = pytest.mark.django_db(transaction=True)
DAY = timedelta(days=1)


def aged(card, days):
    """Everything about this card happened so many days earlier."""
    back, program = timedelta(days=days), card.program
    for rows, columns in (
        (Card.objects.filter(pk=card.pk), ("created", "expires", "thrown", "revoked")),
        (Program.objects.filter(pk=program.pk), ("created",)),
        (Version.objects.filter(program=program), ("created",)),
        (Job.objects.filter(program=program), ("created", "ended")),
    ):
        for row in rows:
            rows.filter(pk=row.pk).update(**{c: at - back for c in columns if (at := getattr(row, c))})
    card.refresh_from_db()
    return card


def faded(days=0, **more):
    card = make_card(Maker.objects.create(), **more)
    cards.keep(card, False)
    return aged(card, cards.LIFE.days + days)


def left():
    return set(Program.objects.values_list("pk", flat=True))


# --- programs ---------------------------------------------------------------------------------------------------


def test_a_program_goes_a_month_after_its_card_faded_with_all_that_was_its():
    card = faded(31)
    upload = Upload.objects.create(program=card.program, name="a.csv", size=3)
    jobs.folder("uploads")
    upload.path.write_bytes(b"abc")
    feed.publish_now(card.program.jobs.get().pk, events.Said("hi"))
    run = jobs.run(card.version, Maker.objects.create(), values={}, files={"in/a": b"x"}, once="r", card=card)
    Job.objects.filter(pk=run.job_id).update(state=JobState.DONE)
    Run.objects.update(expires=timezone.now() - DAY)
    result = RunFile.objects.get().path
    assert housekeeping.toss_programs() == 1
    for model in (Program, Version, Card, Job, EventRecord, Upload, Run, RunFile, Film):
        assert not model.objects.exists(), model
    assert not upload.path.exists()
    assert not result.exists()
    assert housekeeping.toss_programs() == 0


def pinned():
    card = make_card(Maker.objects.create())
    return aged(card, 400)


def open_still():
    card = make_card(Maker.objects.create())
    cards.keep(card, False)
    return aged(card, 6)


def faded_lately():
    return faded(29)


def faded_and_pinned_another():
    card = faded(60)
    Card.objects.create(
        program=card.program, version=card.version, maker=card.maker, title="kept", expires=None
    )
    return card


def in_the_bin():
    card = aged(make_card(Maker.objects.create()), 100)
    cards.throw(card)
    return card


def worked_on_lately():
    card = faded(60)
    cards.restore_version(card.program, 1)
    Version.objects.create(
        program=card.program, number=2, shape="page", origin="person", files={"a": ""}, verdict="held"
    )
    return card


def waits_for_an_answer():
    card = faded(60)
    Job.objects.create(maker=card.maker, program=card.program, kind="change", once="w", state=JobState.WAITING)
    return card


def just_run_by_a_visitor():
    card = faded(60)
    run = jobs.run(card.version, Maker.objects.create(), values={}, files={}, once="r", card=card)
    Job.objects.filter(pk=run.job_id).update(state=JobState.DONE)
    return card


def words_of_last_month():
    card = faded(60)
    Version.objects.filter(program=card.program).delete()  # takes its card along
    return card


@pytest.mark.parametrize(
    "needed",
    [
        pinned, open_still, faded_lately, faded_and_pinned_another, in_the_bin, worked_on_lately, waits_for_an_answer,
        just_run_by_a_visitor, words_of_last_month,
    ],
)  # fmt: skip
def test_what_somebody_may_still_need_stays(needed):
    card = needed()
    before = left()
    versions = Version.objects.count()
    housekeeping.keep_house()
    assert left() == before == {card.program_id}
    assert Version.objects.count() == versions


def test_what_was_thrown_away_is_gone_when_its_day_in_the_bin_is_over():
    in_the_bin()
    Card.objects.update(thrown=timezone.now() - cards.BIN - timedelta(minutes=1))
    assert housekeeping.toss_programs() == 1
    assert not Card.objects.exists()


def test_words_of_which_nothing_was_made_go_after_three_months():
    words_of_last_month()
    assert housekeeping.toss_programs() == 0
    aged_by = timedelta(days=91)
    Program.objects.update(created=timezone.now() - aged_by)
    Job.objects.update(created=timezone.now() - aged_by, ended=timezone.now() - aged_by)
    assert housekeeping.toss_programs() == 1


def test_a_remix_outlives_the_card_it_came_from(browser):
    card = faded(31)
    Program.objects.create(
        maker=browser.maker(), title="mine", description="d", remixed_from=card, foreign=True
    )
    assert housekeeping.toss_programs() == 1
    assert Program.objects.get().foreign


# --- files and rows ---------------------------------------------------------------------------------------------


def put(folder, name, days=2.0):
    path = jobs.folder(folder) / name
    path.write_bytes(b"x")
    os.utime(path, (time.time() - days * 86_400,) * 2)
    return path


def test_files_without_a_row_go_after_a_day_and_no_others():
    card = make_card(Maker.objects.create())
    making = Job.objects.create(maker=card.maker, kind="make", once="m", state=JobState.RUNNING)
    upload = Upload.objects.create(program=card.program, name="a", size=1)
    run = jobs.run(card.version, card.maker, values={}, files={"in/a": b"x"}, once="r")
    kept = [
        put("uploads", upload.key), put("runs", run.files.get().key), put("uploads", "being-written", 0.5),
        put("shots-of-jobs", f"{making.pk}-{'a' * 24}.png"),
        put("tries-of-jobs", f"{making.pk}-{'a' * 24}"),
    ]  # fmt: skip
    lost = [
        put("uploads", "lost"),
        put("runs", "lost"),
        put("shots-of-jobs", f"999999-{'a' * 24}.png"),
        put("tries-of-jobs", f"999999-{'a' * 24}"),
    ]
    housekeeping.sweep_files()
    assert all(path.exists() for path in kept)
    assert not any(path.exists() for path in lost)
    [path.unlink() for path in kept]


def test_films_of_tries_go_when_their_job_is_long_over():
    card = make_card(Maker.objects.create())
    job = card.program.jobs.get()
    settled = Film.objects.filter(version=card.version).count()
    films.keep(job, {"a": "tried"}, {"a": [Frame("I opened it", jpeg(), 640, 400)]})
    Job.objects.filter(pk=job.pk).update(ended=timezone.now())
    assert housekeeping.forget_loose_films() == 0
    Job.objects.filter(pk=job.pk).update(ended=timezone.now() - 2 * DAY)
    assert housekeeping.forget_loose_films() == 1
    assert Film.objects.filter(version=card.version).count() == settled > 0


def told(job):
    for event in [
        events.Said("He"), events.Said("llo"), events.Said("."), events.FileOpened("a.js"),
        *[events.FileText("a.js", f"line {n}\n") for n in range(20)], events.FileClosed("a.js"), events.Output("stdout", "a"),
        events.Output("stderr", "b"), events.StateChanged("done", "Done."),
    ]:  # fmt: skip
        feed.publish_now(job.pk, event)


def test_the_events_of_a_job_long_over_become_few_and_its_page_reads_the_same():
    job = make_card(Maker.objects.create()).program.jobs.get()
    told(job)
    before = fold(feed.whole(job.pk))
    Job.objects.update(ended=timezone.now() - 6 * DAY)
    assert housekeeping.compact_events() == 0, "a page may still be in the middle of them"
    Job.objects.update(ended=timezone.now() - 8 * DAY)
    assert housekeeping.compact_events() == 21
    assert fold(feed.whole(job.pk)) == before
    assert housekeeping.compact_events() == 0
    last = feed.whole(job.pk)[-1].seq
    assert feed.history(job.pk, last) == []


def test_a_run_that_still_waits_for_its_turn_is_not_forgotten():
    card = make_card(Maker.objects.create(), shape="tool")
    run = jobs.run(card.version, card.maker, values={}, files={}, once="r")
    Run.objects.update(expires=timezone.now() - DAY)
    assert jobs.forget_old_runs() == 0
    Job.objects.filter(pk=run.job_id).update(state=JobState.DONE)
    assert jobs.forget_old_runs() == 1


def test_the_air_in_the_database_is_given_back_when_nobody_works(monkeypatch):
    monkeypatch.setattr(housekeeping, "FREE_BYTES", 1)
    monkeypatch.setattr(housekeeping, "FREE_SHARE", 0.0)
    card = make_card(Maker.objects.create())
    for n in range(200):
        Upload.objects.create(program=card.program, name="x" * 190, size=n)
    Upload.objects.all().delete()
    busy = Job.objects.create(maker=card.maker, kind="make", once="b", state=JobState.RUNNING)
    assert housekeeping.vacuum() == 0
    busy.delete()
    assert housekeeping.vacuum() > 0
    assert Program.objects.get().title == "Tea"


# --- when -------------------------------------------------------------------------------------------------------


def test_two_keepers_at_once_do_it_once_and_neither_fails(caplog):
    for n in range(6):
        told(faded(40, once=str(n), title=f"Card {n}").program.jobs.get())
    keep = make_card(Maker.objects.create(), title="pinned").program
    gate, came = threading.Barrier(2), []

    def work():
        gate.wait()
        came.append(housekeeping.keep_house())
        connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(2)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    housekeeping.keep_house()  # what one had to leave to the other
    assert left() == {keep.pk}
    assert not [
        r for r in caplog.records if "housekeeping" in r.getMessage() and "locked" not in (r.exc_text or "")
    ]


def test_a_chore_that_fails_keeps_no_other_from_being_done_and_each_has_its_time(caplog):
    now, done = [0.0], []

    def fails():
        raise OSError("the disk is full")

    chores = (
        housekeeping.Chore("fails", 60, fails),
        housekeeping.Chore("often", 60, lambda: done.append("often") or 1),
        housekeeping.Chore("seldom", 3600, lambda: done.append("seldom") or 1),
    )
    keeper = housekeeping.Keeper(chores, clock=lambda: now[0])
    assert keeper.turn() == {"often": 1, "seldom": 1}
    assert "fails failed" in caplog.text
    now[0] = 30
    assert keeper.turn() == {}
    now[0] = 61
    assert keeper.turn() == {"often": 1}


def test_the_command_says_what_it_did(capsys):
    faded(31)
    call_command("housekeep")
    assert "1  programs that no card shows" in capsys.readouterr().out


def test_what_was_written_beside_the_database_is_carried_into_it_before_a_writer_must():
    with connections["default"].cursor() as cursor:
        limit = cursor.execute("PRAGMA wal_autocheckpoint").fetchone()[0]
        Maker.objects.bulk_create(Maker() for _ in range(50))
        assert 0 < housekeeping.checkpoint() < limit
        busy, there, carried = cursor.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    assert (busy, there) == (0, carried)
    (chore,) = [one for one in housekeeping.CHORES if one.do is housekeeping.checkpoint]
    assert chore.every_s <= 2


def test_a_maker_goes_ninety_days_after_nothing_is_left_of_them_and_nobody_else_does(django_user_model):
    def maker(days=91, **more):
        made = Maker.objects.create(**more)
        Maker.objects.filter(pk=made.pk).update(created=timezone.now() - days * DAY)
        return made

    kept = [maker(89), maker(user=django_user_model.objects.create(username="ada"))]
    MakerAllowance.objects.create(maker=maker())
    card = make_card(maker())
    jobs.run(card.version, maker(), values={}, files={}, once="r", card=card)
    gone = maker()
    assert housekeeping.forget_makers() == 1
    assert not Maker.objects.filter(pk=gone.pk).exists()
    assert set(kept) < set(Maker.objects.all())
    assert (Maker.objects.count(), Card.objects.count(), Run.objects.count()) == (5, 1, 1)
    assert housekeeping.forget_makers() == 0


def test_who_begins_something_in_the_moment_their_row_would_go_stays(monkeypatch):
    maker = Maker.objects.create()
    Maker.objects.update(created=timezone.now() - 91 * DAY)
    atomic = housekeeping.transaction.atomic

    def meanwhile(*args, **more):
        if not Program.objects.exists():
            Program.objects.create(maker=maker, description="Make tea")
        return atomic(*args, **more)

    monkeypatch.setattr(housekeeping.transaction, "atomic", meanwhile)
    assert housekeeping.forget_makers() == 0
    assert Program.objects.get().maker == maker
