"""A served product, a browser context for each visitor, and pictures of what they saw (var/shots/)."""

import os
from pathlib import Path

import pytest

from tests.journeys.served import ROOT, Served
from tests.modelserver import ModelServer

SHOTS = ROOT / "var" / "shots"


@pytest.fixture(scope="module")
def vibe(tmp_path_factory):
    """Without a model."""
    served = Served(tmp_path_factory.mktemp("var"))
    served.start()
    yield served
    if served.process:
        served.stop()


@pytest.fixture
def played(tmp_path):
    """With a model that a test scripts: (served, model server)."""
    with ModelServer() as model:
        served = Served(
            tmp_path / "var",
            OPENAI_BASE_URL=model.url,
            OPENAI_API_KEY="sk-test-0123456789",
            VIBE_MODEL="test-model",
        )
        served.start()
        yield served, model
        if served.process:
            served.stop()


class Visitor:
    """A browser context of its own; whatever goes wrong in its pages fails the test."""

    def __init__(self, chromium, **more):
        self.context = chromium.new_context(
            viewport={"width": 1440, "height": 900}, accept_downloads=True, **more
        )
        self.wrong: list[str] = []
        self.page = self.tab()

    def tab(self):
        page = self.context.new_page()
        page.set_default_timeout(30_000)
        page.on("pageerror", self._fail)
        page.on("console", self._listen)
        return page

    def _fail(self, error):
        # Whoever leaves a page or turns a phone before an entrance has played misses the rest of it: no fault of the page.
        if "Transition was " not in str(error):
            self.wrong.append(f"error: {error}")

    def _listen(self, message):
        # A draft is painted before its style sheet is written: that it may not fetch one is as it should be.
        if message.type == "error" and "//draft." not in message.text:
            self.wrong.append(message.text)

    def describe(self, url, words, *, shape="", autonomy="", files=()):
        self.page.goto(url + "/")
        self.page.fill("#ask", words)
        if shape:
            self.page.click("#shape-now")
            self.page.check(f'.shapes input[value="{shape}"]', force=True)
        if autonomy:
            self.page.check(f'.dial input[value="{autonomy}"]', force=True)
        if files:
            self.page.set_input_files("#files", files)
        self.page.click(".ask button.big")
        self.page.wait_for_url("**/programs/*/")

    def finished(self, seconds=90):
        self.page.wait_for_selector("#part-end h2", timeout=seconds * 1000)
        return self.page.inner_text("#part-end h2")

    def shoot(self, name, page=None):
        """The state as it is, at both sizes, light and dark, where somebody asked for pictures (`make pictures`)."""
        page = page or self.page
        if not os.environ.get("VIBE_PICTURES"):
            page.set_viewport_size({"width": 1440, "height": 900})  # what comes after it is seen on a desk
            return
        SHOTS.mkdir(parents=True, exist_ok=True)
        for width, height in ((1440, 900), (390, 844)):
            page.set_viewport_size({"width": width, "height": height})
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                page.wait_for_timeout(250)
                page.screenshot(path=SHOTS / f"{name}-{width}-{scheme}.png")
        page.set_viewport_size({"width": 1440, "height": 900})
        page.emulate_media(color_scheme="light")


@pytest.fixture
def visitor(chromium):
    made: list[Visitor] = []

    def make(**more) -> Visitor:
        one = Visitor(chromium, **more)
        made.append(one)
        return one

    yield make
    wrong = [line for one in made for line in one.wrong]
    for one in made:
        one.context.close()
    assert wrong == []


@pytest.fixture
def docs() -> Path:
    return ROOT / "docs"
