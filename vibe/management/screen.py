"""Screen: text of models and programs on its way to a terminal, which would obey what is hidden in it."""

import json
import unicodedata
from typing import Any

_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_PLAIN = {"\n", "\t", "\u200d"}  # the last one joins the people of a family emoji


def plain(text: str) -> str:
    """`text` with a � for each character that steers a terminal or hides."""
    return "".join("\ufffd" if _hides(c) else c for c in text)


def as_json(data: Any) -> str:
    """One line of JSON, readable, in which those characters are escaped."""
    line = json.dumps(data, ensure_ascii=False)
    return "".join(json.dumps(c)[1:-1] if _hides(c) else c for c in line)


def _hides(char: str) -> bool:
    return unicodedata.category(char) in _HIDDEN and char not in _PLAIN
