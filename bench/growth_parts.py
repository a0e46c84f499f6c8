"""The process beside `bench.growth`, on the same database: grows it, and counts the queries of pages. Told by lines of JSON."""

import json
import os
import sys
from typing import Any

import django

EVENTS = 20  # of each Job


class Seeder:
    """Grows the database, and counts the queries of pages."""

    def __init__(self) -> None:
        from django.contrib.auth import get_user_model
        from django.contrib.sessions.backends.db import SessionStore
        from django.test import Client

        from vibe.models import Maker

        self.maker = Maker.objects.create()
        self.client = Client(HTTP_HOST=f"localhost:{os.environ['VIBE_PORT']}")
        self.client.force_login(get_user_model().objects.create_superuser("bench"))
        session = self.client.session
        session["maker"] = self.maker.pk
        session.save()
        assert isinstance(session, SessionStore)
        self.session = str(session.session_key)
        self.there = 0
        self.last: Any = None

    def grow(self, size: int) -> dict[str, Any]:
        from django.db import transaction

        from vibe.models import Card, EventRecord, Job, Program, Version

        while self.there < size:
            with transaction.atomic():
                for number in range(self.there, min(size, self.there + 500)):
                    program = Program.objects.create(
                        maker=self.maker, title=f"Bench {number}", description="Played"
                    )
                    job = Job.objects.create(
                        maker=self.maker, program=program, kind="make", once=f"growth-{number}", state="done", request="Played"
                    )  # fmt: skip
                    results = [
                        {
                            "id": "a",
                            "sentence": "It opens",
                            "held": True,
                            "did": "",
                            "expected": "",
                            "saw": "",
                            "source": "always",
                        }
                    ]
                    version = Version.objects.create(
                        program=program, number=1, job=job, shape="page", origin="model", verdict="held", results=results,
                        files={"index.html": "<!doctype html><title>Bench</title><p>Played</p>" * 20},
                    )  # fmt: skip
                    program.current = version
                    program.save()
                    self.last = Card.objects.create(
                        program=program, version=version, maker=self.maker, title=program.title, asked="Played", expires=None
                    )  # fmt: skip
                    EventRecord.objects.bulk_create(
                        EventRecord(job=job, seq=seq, type="said", payload=json.dumps({"text": "played "})) for seq in range(1, EVENTS)
                    )  # fmt: skip
                    EventRecord.objects.create(
                        job=job,
                        seq=EVENTS,
                        type="state-changed",
                        payload='{"state": "done", "sentence": "Done."}',
                    )
                    self.there += 1
        card = self.last
        pages = {
            "home": "/", "shelf": "/shelf/", "card": card.get_absolute_url(), "workbench": card.program.get_absolute_url(),
            "admin, jobs": "/admin/vibe/job/", "figures": "/metrics",
        }  # fmt: skip
        return {
            "pages": pages,
            "session": self.session,
            "queries": {name: self.count(path) for name, path in pages.items()},
        }

    def count(self, path: str) -> int:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        self.client.get(path)
        with CaptureQueriesContext(connection) as queries:
            reply = self.client.get(path)
        assert reply.status_code == 200, (path, reply.status_code)
        return len(queries)

    def log(self, events: int, jobs: int) -> dict[str, Any]:
        """One Job with a hundredth of `events`, the rest in as many others; and `jobs` that are being made."""
        from vibe.models import EventRecord, Job

        def job(once: str, state: str) -> Job:
            return Job.objects.create(
                maker=self.maker, kind="make", once=once, state=state, lease_owner="bench", lease_until=10**10
            )

        logs = [job(f"log-{n}", "done") for n in range(100)] if events else []
        for one in logs:
            for begin in range(1, events // 100 + 1, 5000):
                rows = (
                    EventRecord(job=one, seq=seq, type="said", payload=json.dumps({"text": f"[{seq - 1}@0] "}))
                    for seq in range(begin, min(begin + 5000, events // 100 + 1))
                )
                EventRecord.objects.bulk_create(rows)
        open_ = [job(f"open-{n}", "waiting").pk for n in range(jobs)]
        EventRecord.objects.bulk_create(
            EventRecord(job_id=pk, seq=1, type="state-changed", payload='{"state": "running", "sentence": ""}') for pk in open_
        )  # fmt: skip
        return {"long": logs[0].pk if logs else 0, "open": open_, "session": self.session}


def obey() -> None:
    django.setup()
    seeder = Seeder()
    print('"ready"', flush=True)
    for line in sys.stdin:
        what = json.loads(line)
        told = seeder.grow(what["grow"]) if "grow" in what else seeder.log(what["events"], what["jobs"])
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    obey()
