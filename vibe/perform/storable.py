"""Answers as every database can keep them: a page's text and a tool's file may hold what PostgreSQL's JSON refuses."""

from math import isfinite
from typing import Any


def storable(value: Any) -> Any:
    """`value` without NUL and without halves of characters (both become �), without numbers that JSON does not have
    (they become None)."""
    if isinstance(value, str):
        return _storable(value)
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, dict):
        return {_storable(name): storable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [storable(one) for one in value]
    return value


def _storable(text: str) -> str:
    text = text.replace("\0", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
