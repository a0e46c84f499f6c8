"""A browser's side of the pages, without a browser."""

from dataclasses import replace

import pytest
from django.test import Client

from tests.fakes import jpeg
from vibe import films
from vibe.generation.film import Frame
from vibe.models import Card, Job, Maker, Program, Version

HELD = [
    {"id": "a", "sentence": "It opens", "held": True, "did": "", "expected": "", "saw": "", "source": "always"}
]
TOOL = 'title = "Adder"\nrun = ["python3", "main.py"]\n[[inputs]]\nname = "n"\nlabel = "How many"\ntype = "number"\nmin = 1\nmax = 24\ndefault = 3\n'


NOBODY = {"HTTP_HOST": "localhost:8000"}  # a browser without a session


def sealed(seal, **more):
    """The answer of a card's own origin, as its frame asks for it."""
    return Client(HTTP_HOST=f"{seal}.localhost:8000").get("/", HTTP_SEC_FETCH_DEST="iframe", **more)


class Browser(Client):
    """Speaks to our own address, as browsers do, and remembers its session."""

    def __init__(self, **more):
        super().__init__(HTTP_HOST="localhost:8000", **more)

    def maker(self):
        session = self.session
        maker = Maker.objects.filter(pk=session.get("maker")).first() or Maker.objects.create()
        session["maker"] = maker.pk
        session.save()
        self.cookies["sessionid"] = session.session_key
        return maker


@pytest.fixture
def stranger(db):
    made = Browser()
    made.maker()
    return made


@pytest.fixture
def cap(settings):
    """Other caps than those of this machine: cap(maker_jobs_per_day=2)."""

    def set_(**caps):
        config = settings.CONFIG
        settings.CONFIG = replace(config, caps=replace(config.caps, maker_at_once=None, **caps))

    return set_


def make_card(maker, *, shape="page", title="Tea", files=None, once="1"):
    program = Program.objects.create(maker=maker, title=title, description=f"Make {title}")
    job = Job.objects.create(
        maker=maker,
        program=program,
        kind="make",
        once=f"{maker.pk}{once}{title}",
        state="done",
        request="Make it",
    )
    files = files or (
        {"tool.toml": TOOL, "main.py": "print(1)"} if shape == "tool" else {"index.html": "<p>hi</p>"}
    )
    version = Version.objects.create(
        program=program,
        number=1,
        job=job,
        shape=shape,
        origin="model",
        files=files,
        verdict="held",
        results=HELD,
    )
    films.keep(
        job, files, {"a": [Frame("I opened it", jpeg(), 640, 400), Frame("Then I looked", jpeg(), 640, 400)]}
    )
    films.settle(version)
    program.current = version
    program.save()
    return Card.objects.create(
        program=program, version=version, maker=maker, title=title, asked=program.description, expires=None
    )
