"""Says what works, what does not, and the one thing to do about it."""

import shutil
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from vibe import models_in_use, perform
from vibe.llm import connect

Finding = tuple[str, bool, str]  # part, whether it works, what it is or the one thing to do


class Command(BaseCommand):
    help = "Say what works, what does not, and the one thing to do about it."

    def handle(self, *args: Any, **options: Any) -> None:
        findings = [f for check in (_model, _boxes, _database, _broker, _disk) for f in check()]
        for part, works, line in findings:
            self.stdout.write(f"  {'ok ' if works else 'NO '} {part:<18} {line}")
        if not all(works for _, works, _ in findings):
            raise SystemExit(1)


def _model() -> Iterator[Finding]:
    try:
        model = models_in_use.current_model()
    except DatabaseError:
        yield "model", False, "cannot be told before the database answers"
        return
    if model is None:
        found = models_in_use.local_servers()
        hint = f" {found[0].name} runs on this machine: connect it on /connect/." if found else ""
        yield "model", False, f"{models_in_use.why_none()} Recipes work without one.{hint}"
        return
    tested = connect.test(model)
    yield "model", tested.ok, f"{model.name} at {model.base_url}: {tested.sentence}"


def _boxes() -> Iterator[Finding]:
    engine = perform.engine()
    trouble = engine.available()
    yield "docker", not trouble, trouble or "the engine answers"
    if trouble:
        return
    for name in ("python", "browser"):
        there = engine.has_image(name)
        yield f"image {name}", there, "built" if there else "not built: run  make images"


def _database() -> Iterator[Finding]:
    try:
        connection.ensure_connection()
        plan = MigrationExecutor(connection).migration_plan(
            MigrationExecutor(connection).loader.graph.leaf_nodes()
        )
    except Exception as problem:  # whatever the driver raises, the person needs the sentence
        yield "database", False, f"does not answer: {problem}"
        return
    yield "database", not plan, f"{connection.vendor}, " + ("run  manage.py migrate" if plan else "up to date")


def _broker() -> Iterator[Finding]:
    if settings.EMBEDDED:
        yield "broker", True, "in this process, no Redis needed"
        return
    from vibe.celery import app

    try:
        with app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, timeout=2)
    except OSError as problem:
        yield "broker", False, f"{settings.CELERY_BROKER_URL} does not answer: {problem}"
        return
    yield "broker", True, "answers"


def _disk() -> Iterator[Finding]:
    settings.VAR.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.VAR).free
    yield "disk", free > 1 << 30, f"{free / (1 << 30):.1f} GiB free under {settings.VAR.name}/"
