"""The socket of a Job: who may listen, from where, and that nothing is lost or doubled."""

import asyncio
import json
from dataclasses import replace
from urllib.parse import quote

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.db import OperationalError

from vibe import events
from vibe.asgi import application
from vibe.live import consumers, tail
from vibe.live.consumers import AGAIN, MAX_SOCKETS, JobConsumer
from vibe.live.feed import publish_now
from vibe.live.places import places
from vibe.models import Job, Maker, MakerAllowance, Program

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.asyncio]

STANDS = "<template data-ping></template>"  # the line stands, and there is nothing to say


@sync_to_async
def made(state="running"):
    maker = Maker.objects.create()
    program = Program.objects.create(maker=maker, title="Tea", description="tea")
    job = Job.objects.create(maker=maker, program=program, kind="make", once=maker.pk, state=state)
    session = SessionStore()
    session["maker"] = maker.pk
    session.save()
    return job, session.session_key


class Talk(WebsocketCommunicator):
    """As patient as may be: a busy machine takes more than the one second that is given to it usually."""

    async def connect(self, timeout=30):
        return await super().connect(timeout)

    async def receive_output(self, timeout=30):
        return await super().receive_output(timeout)

    async def receive_from(self, timeout=30):
        return await super().receive_from(timeout)

    async def disconnect(self, code=1000, timeout=30):
        await super().disconnect(code, timeout)


def socket(job, key, *, after="0", extra="", origin=None):
    headers = [(b"origin", (origin or settings.VIBE_ORIGIN).encode()), (b"cookie", f"sessionid={key}".encode())]
    return Talk(application, f"/live/jobs/{job.pk}/?after={after}{extra}", headers=headers)


async def closed_with(talk):
    await talk.connect()
    return (await talk.receive_output())["code"]


async def test_events_come_in_order_from_the_cursor_on_and_live():
    job, key = await made()
    for word in "abc":
        await sync_to_async(publish_now)(job.pk, events.Said(word))
    talk = socket(job, key, after="1", extra="&format=json")
    await talk.connect()
    got = [json.loads(await talk.receive_from()) for _ in range(2)]
    await sync_to_async(publish_now)(job.pk, events.Said("d"))
    got.append(json.loads(await talk.receive_from()))
    assert [(f["seq"], f["text"]) for f in got] == [(2, "b"), (3, "c"), (4, "d")]
    await talk.disconnect()


async def test_html_frames_carry_their_number():
    job, key = await made()
    await sync_to_async(publish_now)(job.pk, events.Said("<script>"))
    talk = socket(job, key)
    await talk.connect()
    frame = await talk.receive_from()
    assert frame.startswith('<template data-seq="1" data-type="said">')
    assert "&lt;script&gt;" in frame
    await talk.disconnect()


async def test_it_ends_by_itself_when_the_job_is_over():
    job, key = await made()
    await sync_to_async(publish_now)(job.pk, events.StateChanged("done", "Done."))
    talk = socket(job, key, extra="&format=json")
    await talk.connect()
    await talk.receive_from()
    assert (await talk.receive_output())["code"] == 4000


async def test_nobody_is_sent_away_while_the_end_is_still_being_written(monkeypatch):
    """A thread has folded the last event, and its frame is not there yet: with a thousand readers that takes a while."""
    from vibe.live import frames, tail

    folded, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(timeline, records, job):
        found = await sync_to_async(frames.framed)(timeline, records, job)
        if timeline.is_over:
            folded.set()
            await go_on.wait()
        return found

    monkeypatch.setattr(tail, "_framed", slowly)
    job, key = await made()
    await sync_to_async(publish_now)(job.pk, events.StateChanged("running"))
    talk = socket(job, key, after="1")
    await talk.connect()
    assert "data-ping" in await talk.receive_from()
    await sync_to_async(publish_now)(job.pk, events.StateChanged("done", "Done."))
    await asyncio.wait_for(folded.wait(), 30)
    assert await talk.receive_nothing(0.1)
    for one in tail.hub.tails[job.pk].watchers:
        one.set()  # it looks again, for whatever reason
    assert await talk.receive_nothing(0.3), "not the end before what it ends with"
    go_on.set()
    assert "Done." in await talk.receive_from()
    assert (await talk.receive_output())["code"] == 4000


async def test_anothers_job_and_a_missing_one_look_alike():
    job, _ = await made()
    _, foreign = await made()
    assert await closed_with(socket(job, foreign)) == 4404
    assert await closed_with(socket(type("J", (), {"pk": 999999}), foreign)) == 4404
    assert await closed_with(socket(job, "nobody")) == 4404


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://draft.localhost:8000"])
async def test_a_foreign_origin_hears_nothing(origin):
    job, key = await made()
    assert await closed_with(socket(job, key, origin=origin)) == 4403


@pytest.mark.parametrize(
    "frame", ["hello", '{"ack":"1"}', '{"ack":1,"more":2}', "[]", '{"stop":1}', "x" * 5000, "[" * 1000]
)
async def test_a_client_may_only_acknowledge(frame):
    job, key = await made()
    talk = socket(job, key)
    await talk.connect()
    await talk.send_to(frame)
    assert (await talk.receive_output())["code"] == 4400
    await talk.disconnect()
    assert (
        "maker",
        job.maker_id,
    ) not in places.taken  # the place of a socket that was thrown out is free again


async def test_who_acknowledges_nothing_is_not_sent_without_end():
    job, key = await made()
    for _ in range(12):
        await sync_to_async(publish_now)(job.pk, events.Said("x" * 40_000))
    talk = socket(job, key, extra="&format=json")
    await talk.connect()
    got = [json.loads(await talk.receive_from())["seq"] for _ in range(7)]
    assert await talk.receive_nothing(0.5)
    await talk.send_to(json.dumps({"ack": got[-1]}))
    assert json.loads(await talk.receive_from())["seq"] == got[-1] + 1
    await talk.disconnect()


@pytest.mark.parametrize("after", ["²", "9" * 5000, "-1", ""])
async def test_a_cursor_that_is_none_begins_at_the_beginning_and_holds_no_place(after):
    job, key = await made()
    await sync_to_async(publish_now)(job.pk, events.Said("a"))
    for _ in range(MAX_SOCKETS + 1):
        talk = socket(job, key, after=quote(after), extra="&format=json")
        await talk.connect()
        assert json.loads(await talk.receive_from())["seq"] == 1
        await talk.disconnect()


async def test_a_ninth_socket_of_one_job_is_too_many_until_one_closes():
    job, key = await made()
    open_ = [socket(job, key) for _ in range(MAX_SOCKETS)]
    for talk in open_:
        await talk.connect()
    assert await closed_with(socket(job, key)) == 4429
    await open_[0].disconnect()
    again = socket(job, key)
    await again.connect()
    assert await again.receive_from() == STANDS
    for talk in (*open_[1:], again):
        await talk.disconnect()


def capped(settings, **caps):
    config = settings.CONFIG
    settings.CONFIG = replace(config, caps=replace(config.caps, **caps))


def from_network(job, key, peer, forwarded=()):
    """A socket from `peer`, with X-Forwarded-For lines as they came."""
    talk = socket(job, key)
    talk.scope["client"] = [peer, 4711]
    talk.scope["headers"] += [(b"x-forwarded-for", line.encode()) for line in forwarded]
    return talk


async def test_a_person_has_so_many_pages_that_follow_whatever_they_show(settings):
    capped(settings, maker_sockets=2)
    job, key = await made()
    other = await sync_to_async(Job.objects.create)(
        maker_id=job.maker_id, program=job.program, kind="make", once="2"
    )
    open_ = [socket(job, key), socket(other, key)]
    for talk in open_:
        await talk.connect()
    assert await closed_with(socket(other, key)) == 4429
    someone, theirs = await made()
    talk = socket(someone, theirs)
    await talk.connect()
    assert await talk.receive_from() == STANDS
    for one in (*open_, talk):
        await one.disconnect()


async def test_what_the_admin_allows_one_person_counts_for_their_pages(settings):
    capped(settings, maker_sockets=0)
    job, key = await made()
    assert await closed_with(socket(job, key)) == 4429
    await sync_to_async(MakerAllowance.objects.create)(maker_id=job.maker_id, maker_sockets=1)
    talk = socket(job, key)
    await talk.connect()
    assert await talk.receive_from() == STANDS
    assert await closed_with(socket(job, key)) == 4429
    await talk.disconnect()


async def test_an_address_has_so_many_however_many_people_it_makes_up(settings):
    capped(settings, address_sockets=2)
    people = [await made() for _ in range(4)]
    open_ = [from_network(*people[n], f"2001:db8:0:1::{n}") for n in range(2)]
    for talk in open_:
        await talk.connect()
    assert await closed_with(from_network(*people[2], "2001:db8:0:1:ffff::3")) == 4430
    spoofed = from_network(*people[2], "2001:db8:0:1::9", ["192.0.2.7", "198.51.100.2"])
    assert await closed_with(spoofed) == 4430, "what a visitor writes into the header is not looked at"
    elsewhere = from_network(*people[3], "2001:db8:0:2::1")
    await elsewhere.connect()
    assert await elsewhere.receive_from() == STANDS
    for talk in (*open_, elsewhere):
        await talk.disconnect()


async def test_behind_a_proxy_each_visitor_is_an_address(settings):
    settings.CONFIG = replace(settings.CONFIG, proxies=1)
    capped(settings, address_sockets=1)
    people = [await made() for _ in range(3)]
    first = from_network(*people[0], "10.0.0.1", ["192.0.2.1"])
    await first.connect()
    again = from_network(*people[1], "10.0.0.1", ["198.51.100.9", "192.0.2.1"])
    assert await closed_with(again) == 4430, "the last entry is the proxy's own"
    other = from_network(*people[2], "10.0.0.1", ["192.0.2.1, 192.0.2.2"])
    await other.connect()
    assert await other.receive_from() == STANDS
    for talk in (first, other):
        await talk.disconnect()


async def test_a_process_has_so_many_and_a_closed_one_makes_room(settings):
    before = places.taken[("site",)]
    capped(settings, site_sockets=before + 1)
    job, key = await made()
    someone, theirs = await made()
    first = socket(job, key)
    await first.connect()
    assert await closed_with(socket(someone, theirs)) == 4430
    await first.disconnect()
    again = socket(someone, theirs)
    await again.connect()
    assert await again.receive_from() == STANDS
    await again.disconnect()


@pytest.mark.parametrize("path", ["/", "/live/", "/live/jobs/x/", f"/live/jobs/{'9' * 30}/", "/programs/"])
async def test_any_other_address_of_a_socket_is_closed_without_a_traceback(path):
    _, key = await made()
    headers = [(b"origin", settings.VIBE_ORIGIN.encode()), (b"cookie", f"sessionid={key}".encode())]
    assert await closed_with(Talk(application, path, headers=headers)) == 4404


async def test_who_comes_while_the_database_is_away_is_sent_away_to_come_again(monkeypatch):
    job, key = await made()

    async def away(*_):
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(JobConsumer, "_find", away)
    assert await closed_with(socket(job, key)) == AGAIN


async def test_the_log_is_looked_at_when_what_comes_after_can_be_heard(monkeypatch):
    """What is said between the two is in the log by then; a page that looked before would wait three seconds for it."""
    job, key = await made()

    async def follow(job_id):
        monkeypatch.setattr("vibe.live.feed.bell.ring", lambda records: None)
        await sync_to_async(publish_now)(job_id, events.Said("in between"))

    monkeypatch.setattr(tail.bell, "follow", follow)
    monkeypatch.setattr(tail, "RECHECK_S", 60.0)
    talk = socket(job, key, extra="&format=json")
    await talk.connect()
    assert json.loads(await talk.receive_from())["text"] == "in between"
    await talk.disconnect()


async def test_what_no_bell_told_of_is_found_in_the_log_all_the_same(monkeypatch):
    monkeypatch.setattr("vibe.live.feed.bell.ring", lambda records: None)
    monkeypatch.setattr(tail, "RECHECK_S", 0.1)
    job, key = await made()
    talk = socket(job, key, extra="&format=json")
    await talk.connect()
    await asyncio.sleep(0.2)
    await sync_to_async(publish_now)(job.pk, events.Said("unheard"))
    assert json.loads(await talk.receive_from())["text"] == "unheard"
    await talk.disconnect()


@pytest.mark.parametrize("extra", ["", "&format=json"])
async def test_a_line_on_which_nothing_is_said_is_known_to_stand(monkeypatch, extra):
    monkeypatch.setattr(consumers, "PING_S", 0.1)
    job, key = await made()
    await sync_to_async(publish_now)(job.pk, events.StateChanged("running"))
    talk = socket(job, key, after="1", extra=extra)
    await talk.connect()
    said = [await talk.receive_from() for _ in range(3)]
    assert said == [STANDS if not extra else '{"type":"ping"}'] * 3
    await talk.disconnect()


async def test_a_tail_that_began_twice_tells_nothing_twice(monkeypatch):
    job, key = await made()
    for word in "abc":
        await sync_to_async(publish_now)(job.pk, events.Said(word))
    history, away = tail._history, iter([False, True, True])

    async def shaky(job_id, after):
        if next(away, False):
            raise OperationalError("server closed the connection unexpectedly")
        return await history(job_id, after)

    monkeypatch.setattr(tail, "_history", shaky)
    monkeypatch.setattr(tail, "REST_S", 0.01)
    talk = socket(job, key, extra="&format=json")
    await talk.connect()
    got = [json.loads(await talk.receive_from())["seq"] for _ in range(3)]
    assert got == [1, 2, 3]
    assert await talk.receive_nothing(0.3)
    await talk.disconnect()
