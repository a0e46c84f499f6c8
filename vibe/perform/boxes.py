"""The engine of this process: what opens sealed boxes."""

import threading

from django.conf import settings
from django.utils.module_loading import import_string

from sandbox.engine import Engine


def engine() -> Engine:
    """The sandbox that settings name, one a process."""
    global _engine
    with _engine_lock:
        if _engine is None:
            _engine = import_string(settings.SANDBOX_ENGINE)()
        return _engine


_engine: Engine | None = None
_engine_lock = threading.Lock()
