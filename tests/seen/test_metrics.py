"""The figures: who may read them, what they count, what they cost, and what they never tell."""

import re

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families as families

from tests.jobs.carrying import PAGE, begin, carry
from vibe import jobs, metrics, standing
from vibe.config import BadConfig, Config
from vibe.management import figures
from vibe.models import Job, Maker

TOKEN = "0123456789abcdef0123"


def read(**more):
    return Client(HTTP_HOST="localhost:8000").get("/metrics", **more)


def values(text=None):
    """{(name, label values in the order of the labels' names…): value}"""
    text = read().content.decode() if text is None else text
    return {(s.name, *s.labels.values()): s.value for family in families(text) for s in family.samples}


def configured(settings, **changed):
    from dataclasses import replace

    settings.CONFIG = replace(settings.CONFIG, **changed)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "more",
    [
        {"REMOTE_ADDR": "203.0.113.9"},
        {"REMOTE_ADDR": "2001:4860::1"},
        {"REMOTE_ADDR": ""},
        {"HTTP_X_FORWARDED_FOR": "203.0.113.9"},
        {"HTTP_X_REAL_IP": "127.0.0.1"},
        {"HTTP_FORWARDED": "for=203.0.113.9"},
        {"HTTP_HOST": "rebound.example.com"},
        {"HTTP_HOST": "8.8.8.8"},
        {"HTTP_HOST": "[::1"},
        {"HTTP_HOST": ""},
    ],
)
def test_the_public_reads_no_figures(more):
    reply = read(**more)
    assert reply.status_code in {400, 403}
    assert b"vibe_" not in reply.content


@pytest.mark.django_db
def test_behind_a_proxy_that_says_nothing_of_itself_nobody_reads_them_without_the_token(settings):
    settings.VIBE_ORIGIN = "https://vibe.example.com"
    assert read(HTTP_HOST="127.0.0.1:8000").status_code == 403
    configured(settings, metrics_token=TOKEN)
    assert read(HTTP_HOST="127.0.0.1:8000").status_code == 403
    assert read(HTTP_HOST="web:8000", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize(
    "said", ["", "Bearer", "Bearer wrong-wrong-wrong-wrong", f"Basic {TOKEN}", f"Bearer {TOKEN} ", "Bearer ü"]
)
def test_with_a_token_set_nothing_else_opens_them(settings, said):
    configured(settings, metrics_token=TOKEN)
    assert read(headers={"authorization": said}).status_code == 403


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("peer", "host"), [("127.0.0.1", "localhost:8000"), ("::1", "[::1]:8000"), ("172.18.0.4", "web:8000")]
)
def test_this_machine_and_its_own_network_read_them(peer, host):
    assert read(REMOTE_ADDR=peer, HTTP_HOST=host).status_code == 200


@pytest.mark.django_db
def test_phones_at_home_may_open_the_pages_but_not_the_figures(settings):
    configured(settings, lan=True)
    assert read(REMOTE_ADDR="192.168.1.9").status_code == 403
    assert read(REMOTE_ADDR="127.0.0.1").status_code == 200


def test_a_short_token_and_half_an_address_are_refused_at_start(tmp_path):
    with pytest.raises(BadConfig) as caught:
        Config.read({"VIBE_VAR": str(tmp_path), "VIBE_METRICS_TOKEN": "short", "VIBE_METRICS": "9464"})
    assert "VIBE_METRICS_TOKEN must" in str(caught.value)
    assert "VIBE_METRICS must" in str(caught.value)
    assert "short" not in str(caught.value)
    assert Config.read({"VIBE_VAR": str(tmp_path), "VIBE_METRICS": "[::1]:9464"}).metrics_at == ("::1", 9464)


@pytest.mark.django_db(transaction=True)
def test_one_making_is_counted_from_its_claim_to_its_verdict(boxes, script):
    before = values()
    script.append(PAGE)
    carry(begin("A page about my secret tea"))
    text = read().content.decode()
    now = values(text)

    def grew(*key):
        return now.get(key, 0) - before.get(key, 0)

    assert grew("vibe_jobs_claimed_total", "make") == 1
    assert grew("vibe_jobs_ended_total", "make", "done") == 1
    assert grew("vibe_model_calls_total", "test-model", "answered") >= 2  # a plan and the writing
    assert grew("vibe_model_tokens_total", "out", "test-model") > 0
    assert grew("vibe_model_cost_usd_total", "test-model") > 0
    assert grew("vibe_model_call_seconds_count", "test-model") >= 2
    assert grew("vibe_box_runs_total", "exit", "browser") >= 1
    assert sum(v - before.get(k, 0) for k, v in now.items() if k[0] == "vibe_versions_total") == 1
    assert grew("vibe_events_written_total") > 5
    assert grew("vibe_log_write_seconds_count") >= 1
    assert grew("vibe_http_requests_total", "GET", "metrics", "200") == 1
    assert now["vibe_database_up",] == 1
    assert "secret tea" not in text


@pytest.mark.django_db
def test_the_line_is_told_with_how_long_the_oldest_waits(boxes):
    job = begin()
    Job.objects.filter(pk=job.pk).update(created="2026-01-01T00:00:00Z")
    now = values()
    assert now["vibe_jobs", "queued"] == 1
    assert now["vibe_jobs", "waiting"] == 0
    assert now["vibe_queue_oldest_seconds",] > 1000


@pytest.mark.django_db
def test_a_look_costs_as_many_queries_however_much_there_is(django_assert_num_queries):
    maker = Maker.objects.create()
    for turn in range(2):
        Job.objects.bulk_create(
            Job(maker=maker, kind="make", once=f"{turn}-{n}", state=("queued", "done", "failed")[n % 3]) for n in range(60)
        )  # fmt: skip
        with django_assert_num_queries(standing.QUERIES):
            now = values(standing.page("")[1].decode())
        assert now["vibe_jobs", "queued"] == 20 * (turn + 1)


@pytest.mark.django_db
def test_a_database_that_takes_too_long_is_left_and_that_is_said(monkeypatch):
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"

    def ask():
        with connection.cursor() as cursor:
            cursor.execute(endless)

    monkeypatch.setattr(standing, "LONGEST_S", 0.05)
    monkeypatch.setattr(standing, "_ended", ask)
    now = values()
    assert now["vibe_database_up",] == 0
    assert now["vibe_jobs", "queued"] == 0  # what was told before stands
    assert now["vibe_database_look_seconds",] < 10
    assert Job.objects.count() == 0  # the connection is whole


@pytest.mark.django_db
def test_without_a_database_the_rest_is_told(monkeypatch):
    def away(self):
        raise DatabaseError

    monkeypatch.setattr(standing, "_line", lambda: away(None))
    now = values()
    assert now["vibe_database_up",] == 0
    assert ("vibe_sockets",) in now


def test_no_label_grows_without_end():
    names = metrics.Names(most=3)
    labels = {names.label(f"model-{n}\n{'x' * 500}") for n in range(1000)}
    assert len(labels) == 4
    assert "other" in labels
    assert max(map(len, labels)) <= metrics.LONGEST_NAME
    assert not any("\n" in label for label in labels)


@pytest.mark.django_db
def test_addresses_and_methods_that_strangers_make_up_are_no_labels():
    client = Client(HTTP_HOST="localhost:8000")
    for n in range(30):
        client.generic(f"BREW{n}", f"/made-up-{n}/")
        client.get(f"/c/not-a-token-{n}/")
        client.get("/", HTTP_HOST=f"host-{n}.example.com")
    text = read().content.decode()
    assert not re.search(r"BREW|made-up|not-a-token|host-\d", text)
    pages = {key[2] for key in values(text) if key[0] == "vibe_http_requests_total"}
    assert {"card", "none"} <= pages


# --- the port of a worker ---------------------------------------------------------------------------------------


def asked(path="/metrics", **more):
    told = {}
    environ = {"PATH_INFO": path, "REQUEST_METHOD": "GET", "REMOTE_ADDR": "127.0.0.1", **more}
    body = b"".join(figures.answer(environ, lambda status, headers: told.update(status=status)))
    return told["status"][:3], body.decode()


def test_a_worker_tells_its_own_figures_and_nothing_of_the_database():
    status, text = asked()
    assert status == "200"
    assert "vibe_jobs_claimed_total" in text
    assert "vibe_database_up" not in text


def test_a_workers_port_is_not_for_the_public_either(settings):
    assert asked(REMOTE_ADDR="203.0.113.9")[0] == "403"
    assert asked(REMOTE_ADDR="172.18.0.3", HTTP_X_FORWARDED_FOR="203.0.113.9")[0] == "403"
    configured(settings, metrics_token=TOKEN)
    assert asked()[0] == "403"
    assert asked(HTTP_AUTHORIZATION=f"Bearer {TOKEN}")[0] == "200"


def test_a_worker_is_healthy_while_it_sweeps(monkeypatch):
    from vibe.live import presence

    monkeypatch.setattr(presence, "_here", {})
    assert asked("/healthz")[0] == "503"
    presence.say("me")
    assert asked("/healthz") == ("200", "ok\n")
    assert asked("/else")[0] == "404"


def test_it_serves_only_where_it_is_told_to(settings):
    import urllib.request

    from tests.journeys.served import free_port

    assert figures.serve_figures() is None
    configured(settings, metrics_at=("127.0.0.1", free_port()))
    server = figures.serve_figures()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics", timeout=10) as reply:
            assert b"vibe_jobs_claimed_total" in reply.read()
    finally:
        server.shutdown()
        server.server_close()


def test_a_lease_that_is_lost_is_counted_once(db):
    from vibe.worker.attended import Attended

    job = jobs.claim("w", only=begin().pk)
    one = Attended(job, job.lease_owner)
    before = metrics.leases_lost._value.get()
    one.lose()
    one.lose()
    assert metrics.leases_lost._value.get() == before + 1


def held(claimed):
    """A claimed Job as its worker holds it, and how many leases were counted as lost."""
    from vibe.worker.attended import hold

    return hold(claimed), metrics.leases_lost._value.get()


@pytest.mark.parametrize(
    "move", [lambda job: jobs.end(job, "done", "Done."), jobs.hand_back, jobs.wait_for_person]
)
def test_a_lease_that_its_worker_gives_up_is_not_counted_as_lost(db, move):
    from vibe.worker import attended

    one, before = held(jobs.claim("w", only=begin().pk))

    def parts():
        given = move(one.job)
        attended.beat()  # the heart beats before the worker lets go
        return given

    try:
        assert one.part(parts)
    finally:
        attended.let_go(one)
    assert metrics.leases_lost._value.get() == before


def test_a_lease_that_was_lost_before_the_last_word_is_counted(db):
    from vibe.worker import attended

    one, before = held(jobs.claim("w", only=begin().pk))
    type(one.job).objects.filter(pk=one.job.pk).update(lease_owner="another")
    try:
        assert not one.part(lambda: jobs.end(one.job, "done", "Done."))
        attended.beat()
    finally:
        attended.let_go(one)
    assert metrics.leases_lost._value.get() == before + 1
