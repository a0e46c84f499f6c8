"""Logs: what they say each line is about, and what they must not hold.

`about` names the Job, the program, the request and whose it is; it follows the work through threads and into the loop
of the model calls, because both are begun in a copy of the context. The formatters hide, in messages and tracebacks
alike, what opens things: links of cards, seals of frames, keys and passwords.
"""

import hashlib
import json
import logging
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache
from logging.handlers import RotatingFileHandler
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

NAMES = ("job", "program", "request", "maker")
_about: ContextVar[Mapping[str, str]] = ContextVar("about", default=MappingProxyType({}))


@contextmanager
def about(**names: object) -> Iterator[None]:
    """Within it, lines say these NAMES; what `note` adds ends with it, too. An empty one is left out."""
    before = _about.set({**_about.get(), **_said(names)})
    try:
        yield
    finally:
        _about.reset(before)


def note(**names: object) -> None:
    """From here on in this context, lines say these too."""
    _about.set({**_about.get(), **_said(names)})


def here() -> Mapping[str, str]:
    """What a line would say now."""
    return _about.get()


def _said(names: Mapping[str, object]) -> dict[str, str]:
    named = {name: str(value) for name, value in names.items() if value not in (None, "")}
    if maker := named.get("maker"):  # whoever reads logs can tell people apart, but not act in their name
        named["maker"] = hashlib.sha256(maker.encode()).hexdigest()[:12]
    return named


# --- what no line may hold --------------------------------------------------------------------------------------

_SLASH = r"(?:/|%2F)"
_OPENERS = (
    (re.compile(rf"({_SLASH}c{_SLASH})[\w-]{{8,}}", re.IGNORECASE), r"\1…"),  # the link of a card
    (re.compile(rf"({_SLASH}sealed{_SLASH}|//)[0-9a-f]{{32}}[kj\d]*", re.IGNORECASE), r"\1…"),  # the seal of a frame
    (re.compile(r"(://[^/\s:@]*:)[^\s/@]+(?=@)"), r"\1…"),  # a password in an address
    (re.compile(r"\b(sk|rk|pk|xai|gsk|ghp|hf)([-_])[\w-]{8,}"), r"\1\2…"),  # keys, as providers shape them
    (re.compile(r"\b((?:bearer|basic)\s+)[\w.~+/=-]{6,}", re.IGNORECASE), r"\1…"),
    (re.compile(r"((?:sessionid|csrftoken|csrfmiddlewaretoken|api[_-]?key)['\"]?\s*[=:]\s*['\"]?)[^\s'\";,&]{6,}", re.I), r"\1…"),
)  # fmt: skip
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@cache
def _ours() -> tuple[str, ...]:
    """The secrets of this process, as the settings know them; the longest first."""
    from django.conf import settings

    config = settings.CONFIG
    found = {settings.SECRET_KEY, config.model_key, config.metrics_token}
    for address in (config.database_url, config.redis_url):
        password = urlsplit(address).password or ""
        found |= {password, unquote(password)}
    return tuple(sorted((secret for secret in found if len(secret) >= 6), key=len, reverse=True))


def hidden(text: str) -> str:
    """`text` without what opens things."""
    for secret in _ours():
        text = text.replace(secret, "…")
    for pattern, instead in _OPENERS:
        text = pattern.sub(instead, text)
    return text


def _one_line(text: str) -> str:
    """Nobody's words begin a line of their own."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class Line(logging.Formatter):
    """For people: one line, what it is about behind it; a traceback stands below, indented."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).isoformat(" ", "milliseconds")
        names = "".join(f" {name}={value}" for name, value in _names(record).items())
        said = _one_line(hidden(record.getMessage()))
        told = hidden(_trace(self, record)).splitlines()
        return "\n    ".join(
            [f"{at} {record.levelname} {record.name} {said}{_one_line(names)}", *map(_one_line, told)]
        )


class JsonLine(logging.Formatter):
    """For machines: one object a line; `time` is UTC, `trace` there only with an exception."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_names(record),
        }
        if trace := _trace(self, record):
            fields["trace"] = trace
        # Surrogates, which no UTF-8 can carry, leave as escapes.
        return json.dumps({name: hidden(value) for name, value in fields.items()})


def _names(record: logging.LogRecord) -> dict[str, str]:
    """From the context; what a line says itself (`extra`) goes first."""
    told = {name: value for name in NAMES if (value := record.__dict__.get(name))}
    # Django hands its request to what it logs after the reply, when the context is gone.
    of_request = getattr(told.pop("request", None), "about", {})
    return {**_about.get(), **of_request, **{name: str(value) for name, value in told.items()}}


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    parts = [formatter.formatException(record.exc_info)] if record.exc_info and record.exc_info[0] else []
    parts += [formatter.formatStack(record.stack_info)] if record.stack_info else []
    return "\n".join(parts)


def take_over() -> None:
    """Warnings, and what a thread or the process dies of, go the same way as everything else."""
    logger = logging.getLogger("vibe")
    logging.captureWarnings(capture=True)

    def died(kind: type[BaseException], value: BaseException, trace: object, where: str) -> None:
        if not issubclass(kind, KeyboardInterrupt | SystemExit):
            logger.critical("%s ended by a fault", where, exc_info=(kind, value, trace))  # type: ignore[arg-type]

    sys.excepthook = lambda kind, value, trace: died(kind, value, trace, "the process")
    threading.excepthook = lambda told: died(
        told.exc_type, told.exc_value or told.exc_type(), told.exc_traceback,
        f"thread {told.thread.name if told.thread else '?'}",
    )  # fmt: skip


@contextmanager
def aside(path: Path | None) -> Iterator[None]:
    """Within, the lines of the log go to `path` (a megabyte, and the one before it) and not to the terminal."""
    if path is None:
        yield
        return
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    kept = RotatingFileHandler(path, maxBytes=1 << 20, backupCount=1, encoding="utf-8", delay=True)
    kept.setFormatter(Line())
    root.handlers[:] = [kept]
    try:
        yield
    finally:
        root.handlers[:] = before
        kept.close()
