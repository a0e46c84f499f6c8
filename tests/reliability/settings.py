"""The product's own settings with boxes that answer at once: for tests of what surrounds them."""

import os

from vibe.settings import *  # noqa: F403

SANDBOX_ENGINE = "tests.fakes.FakeEngine"
VIBE_MOST_SOCKETS = int(os.environ.get("VIBE_TEST_SOCKETS", "8"))
