"""What many tests need: a real engine, a real browser. What only some need lies beside them."""

import pytest

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


@pytest.fixture(scope="session")
def engine():
    from sandbox.docker_engine import DockerEngine

    made = DockerEngine()
    assert not made.available(), "these tests need Docker: make setup starts it"
    yield made
    made.close()


@pytest.fixture(scope="session")
def chromium():
    """One real Chromium for the whole session; take a fresh context of it for each visitor."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
