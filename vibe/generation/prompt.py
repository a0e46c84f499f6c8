"""Loads prompts/*.md: prose beside the flow, strict placeholders, a fingerprint for every Step.

`<!-- … -->` comments in a prompt file say why an odd sentence is there; they are stripped. A placeholder that is
missing or left over is an error, at the first use, not a hole in what the model reads.
"""

import hashlib
import re
from functools import cache
from pathlib import Path
from string import Template

_FOLDER = Path(__file__).with_name("prompts")


@cache
def _text(name: str) -> str:
    raw = (_FOLDER / f"{name}.md").read_text(encoding="utf-8")
    return re.sub(r"<!--.*?-->\n?", "", raw, flags=re.DOTALL).strip() + "\n"


def fill(name: str, **values: str) -> str:
    """The prompt `name` with every placeholder filled. Raises KeyError or ValueError when they do not match."""
    template = Template(_text(name))
    wanted = set(template.get_identifiers())
    if unknown := set(values) - wanted:
        raise ValueError(f"prompt {name} has no place for {', '.join(sorted(unknown))}")
    return template.substitute(values)


def fingerprint(*names: str) -> str:
    """16 hex digits over the named prompt files as they are now."""
    return hashlib.sha256("\0".join(_text(n) for n in names).encode()).hexdigest()[:16]
