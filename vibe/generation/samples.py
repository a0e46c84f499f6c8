"""Samples: values and files to try a tool on, those that should work and those that no tool can use.

They come from the person where there is something, else from the promises, else from the tool's own defaults, and only
then from us: whose they are is told with them, because a tool may refuse what we made up and still be right.
"""

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from vibe.generation.steps import Json
from vibe.generation.tool import Cleaned, Input, ToolSpec, clean

_CSV = [("Date", "Text", "Amount"), *[(f"2026-{m:02d}-{d:02d}", t, a) for m, d, t, a in [
    (9, 2, "Rent", "-870.00"), (9, 14, "Groceries", "-64.20"), (9, 30, "Salary", "2840.00"), (10, 2, "Rent", "-870.00"),
    (10, 9, "Groceries", "-81.35"), (10, 17, "Train", "-29.90"), (10, 30, "Salary", "2840.00"),
]]]  # fmt: skip
_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f645"
    "400000000049454e44ae426082"
)


@dataclass(frozen=True)
class Sample(Cleaned):
    """of: whose values these are: "person" (their file), "promise" (what a check gives), "tool" (its own defaults, or
    it asks for nothing), "ours" (made up: a tool may refuse them and still be right)."""

    of: Literal["person", "promise", "tool", "ours"] = "ours"


def sample(spec: ToolSpec, given: Mapping[str, bytes] | None = None, checks: Sequence[Json] = ()) -> Sample:
    """Sensible values to try the tool on: the person's attached file where one fits, else what a promise gives, which
    fits together; else the tool's own defaults, and ours. `checks` are runs as a box is given them."""
    files = _sample_files([one for one in spec.inputs if one.type == "file"], given or {})
    persons = any(data in (given or {}).values() for _, data in files.values())
    of_promise = next((made for c in checks if _should_work(spec, c) and (made := promised(spec, c))), None)
    if of_promise and not persons:
        return Sample(of_promise.values, of_promise.files, "promise")
    values: dict[str, Any] = {}
    made_up = any(data not in (given or {}).values() for _, data in files.values())
    for one in spec.inputs:
        if one.type == "file":
            continue
        if one.default not in (None, ""):
            values[one.name] = one.default
        elif of_promise and of_promise.values.get(one.name) not in (None, ""):
            values[one.name] = of_promise.values[one.name]
        else:
            made_up |= one.type not in {"choice", "yesno"}  # of these any value fits
            values[one.name] = {
                "number": one.min if one.min is not None else min(3.0, one.max or 3.0),
                "choice": one.choices[0] if one.choices else "",
                "date": "2026-11-24",
                "yesno": "no",
                "text": "The quick brown fox jumps over the lazy dog",
            }[one.type]
    cleaned = clean(spec, values, files)
    if not isinstance(cleaned, Cleaned):
        return Sample({i.name: i.default for i in spec.inputs})
    return Sample(cleaned.values, cleaned.files, "ours" if made_up else "person" if persons else "tool")


def promised(spec: ToolSpec, check: Json) -> Cleaned | None:
    """The input that a check gives, where a file input's value names one of the check's own files; None when the form
    would refuse it."""
    asked, texts = check.get("input") or {}, check.get("files") or {}
    files = {
        one.name: (str(asked[one.name]), str(texts.get(asked[one.name], "")).encode())
        for one in spec.inputs
        if one.type == "file" and asked.get(one.name)
    }
    cleaned = clean(spec, asked, files)
    return cleaned if isinstance(cleaned, Cleaned) else None


def _should_work(spec: ToolSpec, check: Json) -> bool:
    """Whether a promise gives the tool something, and something that it can use."""
    if not {one.name for one in spec.inputs} & set(check.get("input") or ()):
        return False
    return not any(
        e.get("see") == "message" or (e.get("see") == "exit" and e.get("is", 0) != 0)
        for e in check.get("expect", [])
    )


def _sample_files(inputs: Sequence[Input], given: Mapping[str, bytes]) -> dict[str, tuple[str, bytes]]:
    """{input: (file name, bytes)}. Two inputs get two of the person's files while there are two that fit: first those
    whose name an input says ("Mail list" and mail.csv), then in the order they came."""
    taken: dict[str, str] = {}
    for said in (True, False):
        for one in inputs:
            fitting = [
                n for n in given if _fits(one, n) and n not in taken.values() and (not said or _says(one, n))
            ]
            if one.name not in taken and fitting:
                taken[one.name] = fitting[0]
    for one in inputs:  # more inputs than files: better a file of theirs twice than one of ours
        again = next((name for name in given if _fits(one, name)), None)
        if one.name not in taken and again:
            taken[one.name] = again
    return {o.name: (taken[o.name], given[taken[o.name]]) if o.name in taken else _made_up(o) for o in inputs}


def _fits(one: Input, name: str) -> bool:
    return not one.accept or name.lower().endswith(tuple(a.lower() for a in one.accept))


def _says(one: Input, name: str) -> bool:
    words = re.findall(r"\w+", f"{one.name} {one.label}".lower().replace("_", " "))
    return name.rpartition(".")[0].lower() in words


def _made_up(one: Input) -> tuple[str, bytes]:
    accept = tuple(a.lower() for a in one.accept)
    ending = accept[0] if accept else ".csv"
    if ending in {".csv", ".tsv"}:
        out = io.StringIO()
        csv.writer(out, delimiter="\t" if ending == ".tsv" else ",").writerows(_CSV)
        return f"sample{ending}", out.getvalue().encode()
    if ending == ".json":
        return "sample.json", json.dumps([dict(zip(_CSV[0], row, strict=True)) for row in _CSV[1:]]).encode()
    if ending in {".png", ".jpg", ".jpeg", ".webp", ".gif"}:
        return "sample.png" if ".png" in accept else f"sample{ending}", _PNG
    return f"sample{ending}", b"The quick brown fox jumps over the lazy dog.\nThe quick brown fox.\n"


def broken(spec: ToolSpec, checks: Sequence[Json] = ()) -> Cleaned | None:
    """An input that no tool can use: files of noise, else an absurd text. None when there is nothing to break. The
    other fields hold what fits them, from `checks` where these give something."""
    good = sample(spec, checks=checks)
    if good.files:
        return Cleaned(good.values, dict.fromkeys(good.files, bytes(range(256)) * 8))
    texts = [i.name for i in spec.inputs if i.type == "text"]
    if not texts:
        return None
    return Cleaned({**good.values, **dict.fromkeys(texts, "\u202e\x07,,;;\n\n")})
