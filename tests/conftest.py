"""What many tests need: a real engine, a real browser. What only some need lies beside them."""

import pytest
from hypothesis import HealthCheck, settings

# An example takes as long as it takes: two hundred milliseconds are soon over on a machine that does something else.
settings.register_profile("vibe", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("vibe")

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def engine():
    from sandbox.docker_engine import DockerEngine

    made = DockerEngine()
    assert not made.available(), "these tests need Docker: make setup starts it"
    yield made
    made.close()


@pytest.fixture(scope="module")
def chromium():
    """One real Chromium for a module; take a fresh context of it for each visitor.

    Not for the session: while Playwright's loop runs in this thread, Django refuses to speak to its database.
    """
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30_000)  # as long as everything else is waited for (journeys/conftest.py)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def redis():
    """A Redis of one test's own, which it may kill."""
    from tests.services import Redis

    made = Redis()
    made.start()
    yield made
    made.close()


@pytest.fixture
def boxes():
    """The fake engine, calm at first; what a test changes is put back."""
    from tests.fakes import FakeEngine
    from vibe.perform import boxes as engines

    before = {
        name: getattr(FakeEngine, name) for name in ("trouble", "observations", "tool", "left", "holds", "late")
    }
    FakeEngine.ran = []
    engines._engine = None
    yield FakeEngine
    for name, value in before.items():
        setattr(FakeEngine, name, value)
    engines._engine = None


@pytest.fixture
def script(db):
    """A model is connected; it answers what the test puts into this list."""
    from tests import fakes
    from vibe.models import ModelRow

    fakes.SCRIPT.clear()
    fakes.CALLS.clear()
    ModelRow.objects.create(
        name="test-model", base_url="http://127.0.0.1:9/v1", price_in=1, price_out=2,
        capabilities={"reasoning_effort": True},
    )  # fmt: skip
    yield fakes.SCRIPT
    fakes.SCRIPT.clear()


@pytest.fixture
def browser(db, boxes):
    """Somebody's session, without a browser."""
    from tests.views.conftest import Browser

    return Browser()


@pytest.fixture
def admin(db, boxes):
    """A session that may enter the admin."""
    from django.contrib.auth import get_user_model
    from django.test import Client
    from django.utils.crypto import get_random_string

    user = get_user_model().objects.create_superuser("ada", password=get_random_string(20))
    client = Client(HTTP_HOST="localhost:8000")
    client.force_login(user)
    return client


@pytest.fixture(autouse=True)
def _no_marks_of_another_test():
    from vibe.live.marks import marks

    marks.clear()  # in another test a Job of this number had other events


@pytest.fixture(autouse=True)
def _no_hour_turns_in_a_test(monkeypatch):
    from django.utils import timezone

    from tests.clock import within_the_hour_of

    monkeypatch.setattr(timezone, "now", within_the_hour_of(timezone.now()))


@pytest.fixture(autouse=True)
def _no_model_servers_of_this_machine(monkeypatch):
    from vibe import models_in_use

    monkeypatch.setattr(models_in_use, "local_servers", list)
