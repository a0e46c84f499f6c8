"""What a log must not hold: the links of cards, which open them for whoever reads it. And where it may not stand."""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path

_LINK = re.compile(r"(/c/)[\w-]{8,}")


class HideLinks(logging.Filter):
    """Changes each line on its way out; lets all of them pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        if "/c/" in said:
            record.msg, record.args = _LINK.sub(r"\1…", said), ()
        return True


@contextmanager
def aside(path: Path | None) -> Iterator[None]:
    """Within, the lines of the log go to `path` (a megabyte, and the one before it) and not to the terminal."""
    if path is None:
        yield
        return
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    kept = RotatingFileHandler(path, maxBytes=1 << 20, backupCount=1, encoding="utf-8", delay=True)
    kept.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    kept.addFilter(HideLinks())
    root.handlers[:] = [kept]
    try:
        yield
    finally:
        root.handlers[:] = before
        kept.close()
