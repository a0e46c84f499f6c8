"""Alive, and ready: each with the sentence that says what to do."""

from dataclasses import replace

import pytest
from django.db import DatabaseError, InterfaceError, connection
from django.test import Client

from tests.journeys.served import free_port
from vibe import health, standing
from vibe.live import presence


@pytest.fixture
def apart(settings):
    """Pages apart from the making, with a Redis that is not there."""
    settings.EMBEDDED = False
    settings.CONFIG = replace(settings.CONFIG, redis_url=f"redis://:hunter2x@127.0.0.1:{free_port()}/0")
    presence.client.cache_clear()
    yield
    presence.client.cache_clear()


def get(path):
    reply = Client(HTTP_HOST="127.0.0.1:8000").get(path)
    return reply.status_code, reply.content.decode()


def away(*args, **kwargs):
    raise DatabaseError("password=hunter2x")


def test_alive_is_asked_of_no_database():  # without the fixture, a query fails
    assert get("/healthz") == (200, "ok\n")


@pytest.mark.django_db
def test_ready_names_every_part(monkeypatch):
    monkeypatch.setattr(presence, "_here", {})
    presence.say("me")
    status, said = get("/readyz")
    assert status == 200
    assert said.splitlines() == [
        "ready",
        "ok  database: sqlite answers",
        "ok  migrations: up to date",
        "ok  worker: in this process",
    ]


@pytest.mark.django_db
def test_without_a_worker_pages_go_on_and_it_is_said(monkeypatch):
    monkeypatch.setattr(presence, "_here", {"old": -1000.0})
    status, said = get("/readyz")
    assert status == 200
    assert "!!  worker: none was seen" in said
    assert "waits in the line" in said
    assert get("/readyz?all")[0] == 503


@pytest.mark.django_db
def test_without_the_database_it_is_not_ready_and_tells_no_address(monkeypatch):
    monkeypatch.setattr(connection, "cursor", away)
    monkeypatch.setattr(health, "_up_to_date", False)
    monkeypatch.setattr(health, "MigrationExecutor", away)
    status, said = get("/readyz")
    assert status == 503
    assert said.startswith("not ready\nNO  database: does not answer")
    assert "hunter2x" not in said


@pytest.mark.django_db
def test_a_missing_migration_is_named_with_its_command(monkeypatch):
    class Behind:
        def __init__(self, connection):
            self.loader = self
            self.graph = self

        def leaf_nodes(self):
            return []

        def migration_plan(self, leaves):
            return ["0002"]

    monkeypatch.setattr(health, "_up_to_date", False)
    monkeypatch.setattr(health, "MigrationExecutor", Behind)
    status, said = get("/readyz")
    assert status == 503
    assert "NO  migrations: 1 missing: run  manage.py migrate" in said


@pytest.mark.django_db
def test_redis_away_is_said_without_its_password_and_the_pages_stay(apart):
    status, said = get("/readyz")
    assert status == 200
    assert "!!  redis: does not answer" in said
    assert "!!  worker: cannot be told while Redis is away" in said
    assert "hunter2x" not in said
    assert get("/readyz?all")[0] == 503


def test_a_connection_that_is_gone_is_told_in_words_as_any_other_trouble_of_the_database(db, monkeypatch):
    def gone():
        raise InterfaceError("connection already closed")

    with monkeypatch.context() as patched:
        patched.setattr(health.connection, "ensure_connection", gone)
        patched.setattr(health.connection, "cursor", gone)
        works, told = health.database().works, standing.page("")[1].decode()
    assert not works
    assert "vibe_database_up 0.0" in told
