"""Words of a request: normalised, mended, and what of it is only joining, asking or looks."""

import re
import tomllib
import unicodedata
from collections.abc import Iterable
from pathlib import Path

# Whole amounts stay one word, so that 84.50 is used or left as a whole.
WORD = re.compile(r"\d+(?:[.,]\d+)*(?![^\W_])|[^\W_]+(?:['’-][^\W_]+)*")

_LISTS = {
    name: words.split()
    for name, words in tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8")).items()
}
GLUE, LOOKS = frozenset(_LISTS["glue"]), frozenset(_LISTS["looks"])
# For whom or when it is, as in "for my kids".
ASIDE = re.compile(
    rf"\b(?:for|with) (?:(?:my|our|the|a|all|some) )*(?:{'|'.join(_LISTS['company'])})(?!['\w])|\b(?:today|tonight|tomorrow)\b(?!')",
    re.IGNORECASE,
)

# "I would like" asks; "an app like a list" compares.
ASKING = re.compile(
    r"\b(?:(?:would|i'd|we'd) (?:like|love)(?: to know)?|want to know|need to know|looking for|have to|trying to|(?:it|this|which) (?:should|must|can))\b",
    re.IGNORECASE,
)

_ONES, _TENS = _LISTS["ones"], {word: at * 10 for at, word in enumerate(_LISTS["tens"], 1)}
_NUMBERS = {
    **{word: at for at, word in enumerate(_ONES, 1)},
    **_TENS,
    **{f"{ten}{dash}{one}": number + at for ten, number in _TENS.items() for at, one in enumerate(_ONES[:9], 1) for dash in "- "},
    "a hundred": 100,
    "a dozen": 12,
}  # fmt: skip
# Only before what it counts: "slides: one; two; three" are words. A lone "one" mostly points ("which one").
_UNIT = r"(?:minutes?|mins?|hours?|days?|weeks?|rounds?|people|persons?|servings?|portions?)\b"
_SPELLED = re.compile(
    rf"\b(?:one(?= {_UNIT})|("
    + "|".join(sorted(set(_NUMBERS) - {"one"}, key=len, reverse=True))
    + r")(?=[ -]+[a-z]|:))",
    re.IGNORECASE,
)


_FOR_SO_MANY = re.compile(rf"\b((?:for|between|among) (?:the )?)({'|'.join(_ONES[1:10])})\b", re.IGNORECASE)


def normalise(text: str) -> str:
    """One line of plain signs: NFKC, straight quotes, single blanks. Case and line breaks stay."""
    text = unicodedata.normalize("NFKC", text).replace("’", "'").replace("‘", "'")
    text = re.sub("[“”„«»]", '"', text)
    text = "".join(c if c in "\n\t" or c.isprintable() else " " for c in text)
    return re.sub(r"[ \t]+", " ", text).strip()


def with_digits(text: str) -> str:
    """Spelled numbers as digits: "twenty-five minutes" → "25 minutes"; "half an hour" → "30 minutes"."""
    text = re.sub(r"\bhalf an hour\b", "30 minutes", text, flags=re.IGNORECASE)
    text = re.sub(r"\b(?:an|one|1) hour\b", "60 minutes", text, flags=re.IGNORECASE)
    text = re.sub(r"\bquarter of an hour\b", "15 minutes", text, flags=re.IGNORECASE)
    text = _FOR_SO_MANY.sub(lambda m: m[1] + str(_NUMBERS[m[2].lower()]), text)
    return _SPELLED.sub(lambda m: str(_NUMBERS[(m[1] or "one").lower()]), text)


def mend(text: str, known: Iterable[str]) -> str:
    """A doubled letter too few or too many, or two letters swapped, in the part before a list: "shoping lsit" → "shopping list"."""
    meant = {_thin(word): word for word in sorted(known) if len(word) > 3}
    end = min((at for at in (text.find(":"), text.find("\n")) if at >= 0), default=len(text))

    def right(found: re.Match[str]) -> str:
        word = found[0]
        if word in GLUE or stem(word) in known or word in known or len(word) < 3:
            return word
        swapped = (
            word[:at] + word[at + 1] + word[at] + word[at + 2 :]
            for at in range(1, len(word) - 1)
            if len(word) > 4
        )
        return meant.get(_thin(word)) or next((other for other in swapped if other in known), word)

    return re.sub(r"(?<![\w'])[a-z]+(?![\w'])", right, text[:end]) + text[end:]


def _thin(word: str) -> str:
    return re.sub(r"(.)\1", r"\1", word)


def stem(word: str) -> str:
    """A word without its plural or possessive ending."""
    word = word.lower().removesuffix("'s").strip("'")
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
