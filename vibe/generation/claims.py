"""What a model claims of its own program beside the plan: said in prose, held by no check, and so told as not checked.

A sentence is known where most of its words stand in what was promised or checked; in doubt it is listed. Words are
compared by their beginnings, so that "split" and "splits" are one; where a language writes no spaces nothing is known
but what stands there letter for letter.
"""

import re
from collections.abc import Iterable

MOST, LONGEST = 4, 200  # sentences that are listed, the others are counted; characters of one
KNOWN = 0.6  # of its words
_WORD = re.compile(r"\w{4,}")
_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")


def not_checked(said: str, known: Iterable[str]) -> list[str]:
    """Lines for "not checked": the sentences of `said` that no text of `known` covers."""
    texts = [text.casefold() for text in known]
    words = {_root(word) for text in texts for word in _WORD.findall(text)}
    listed = []
    for sentence in _END.split(said):
        line = " ".join(sentence.split()).strip("*_`# ")
        own = {_root(word) for word in _WORD.findall(line.casefold())}
        if line.startswith("(") or (
            len(own) < 2 and line.isascii()
        ):  # what we mended ourselves; a mere "Here it is."
            continue
        if not own or any(line.casefold().rstrip(".!?。！？") in text for text in texts):
            continue
        if len(own & words) < KNOWN * len(own):
            listed.append(f"“{line[:LONGEST]}”, as the model says of it")
    return [*listed[:MOST], *_more(len(listed) - MOST)]


def _more(left: int) -> list[str]:
    if left < 1:
        return []
    return [
        "One more thing that the model says of it"
        if left == 1
        else f"{left} more things that the model says of it"
    ]


def _root(word: str) -> str:
    return word[:5]
