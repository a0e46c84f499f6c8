"""Settings for tests: the product's own, with a var folder of their own."""

import os
import tempfile

var = os.environ.setdefault("VIBE_VAR", tempfile.mkdtemp(prefix="vibe-test-"))
if beside := os.environ.get(
    "PYTEST_XDIST_WORKER"
):  # tests side by side have Jobs of the same number, each its own
    os.environ["VIBE_VAR"] = os.path.join(var, beside)
for name in (
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "VIBE_MODEL",
    "VIBE_QUICK_MODEL",
    "REDIS_URL",
    "VIBE_ORIGIN",
    "VIBE_CONTENT_ORIGIN",
):
    os.environ.pop(name, None)

from vibe.settings import *  # noqa: E402, F403

# A file, not memory: the writer of events, workers and web each have a connection of their own, as in life.
DATABASES["default"]["TEST"] = {"NAME": str(VAR / "test.sqlite3")}  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SANDBOX_ENGINE = "tests.fakes.FakeEngine"
LLM_CLIENT = "tests.fakes.scripted"
