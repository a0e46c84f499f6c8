"""The product's own settings with boxes that answer at once: for tests of what surrounds them."""

from vibe.settings import *  # noqa: F403

SANDBOX_ENGINE = "tests.fakes.FakeEngine"
