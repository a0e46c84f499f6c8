"""Settings for tests: the product's own, with a var folder of their own."""

import os
import tempfile

os.environ.setdefault("VIBE_VAR", tempfile.mkdtemp(prefix="vibe-test-"))
for name in (
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "VIBE_MODEL",
    "REDIS_URL",
    "VIBE_ORIGIN",
    "VIBE_CONTENT_ORIGIN",
):
    os.environ.pop(name, None)

from vibe.settings import *  # noqa: E402, F403
