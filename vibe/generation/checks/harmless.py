"""Text of a program, made harmless before a person, a log or a model sees it."""

import re


def clean_text(text: str, most: int) -> str:
    """No control characters, no terminal codes, no hidden direction, at most `most` characters."""
    text = re.sub(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.", "", text)
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]", "\ufffd", text)
    return text if len(text) <= most else text[: most - 1] + "…"
