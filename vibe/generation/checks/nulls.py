"""Null programs: programs that do nothing of what was asked. A check that holds on one of them cannot fail.

blank: nothing. words: every word of the request and every text that the checks expect, every field, button and mark
that they name, but no behaviour. constant: the same, with the numbers that the checks expect written in, whatever is
typed. previous: the program before the change. A check with `again` or `vary` fails on the constant one by itself.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from html import escape

from vibe.generation.checks import skeleton
from vibe.generation.checks.language import Check, as_checks
from vibe.generation.checks.runs import Bound, bound
from vibe.generation.checks.verdict import promises
from vibe.generation.steps import Json

Files = dict[str, str]
ORDER = ("blank", "words", "constant", "previous")


def programs(
    request: str, checks: Sequence[Check | Json], shape: str, previous: Mapping[str, str] | None = None
) -> dict[str, Files]:
    """{name: files} of the null programs for `checks`; "previous" only when there is one. Run each on runs(checks,
    seed) as any program is run, and give the answers to `idle`."""
    firsts = [bound(check)[0] for check in as_checks(checks)]
    made = _tools(request, firsts) if shape == "tool" else _pages(request, firsts)
    return {**made, "previous": dict(previous)} if previous else made


def idle(
    checks: Sequence[Check | Json],
    answers: Mapping[str, Json],
    *,
    shape: str,
    seed: int = 0,
    carried: Collection[str] = (),
) -> dict[str, str]:
    """{check id: null program} of the checks that hold where nothing was made; the first such program is named.

    `answers` are {null name: a box's answer}, made with runs(checks, seed). `carried` are the ids of checks that come
    from the previous version: there they should hold, so only the others are asked about it.
    """
    found: dict[str, str] = {}
    read = as_checks(checks)
    for name in (n for n in ORDER if n in answers):
        if answers[name].get("unchecked") or (shape != "tool" and not answers[name].get("loaded")):
            continue  # a box that could not look says nothing about a check
        for row in promises(shape, read, answers[name], seed=seed):
            if row["held"] and not (name == "previous" and row["id"] in carried):
                found.setdefault(str(row["id"]), name)
    return found


def _literals(runs: Sequence[Bound]) -> list[str]:
    """Every text that the checks expect, once each."""
    texts: list[str] = []
    for run in runs:
        for e in run.expect:
            wanted = [
                e.is_ if isinstance(e.is_, str) else None,
                e.contains,
                e.target.text if e.target else None,
            ]
            texts += [t for t in wanted if t]
            if (
                e.is_ is not None
                and not isinstance(e.is_, str | bool)
                and e.see not in {"count", "errors", "exit"}
            ):
                texts.append(skeleton.plain(e.is_))
    return list(dict.fromkeys(texts))


# --- pages ------------------------------------------------------------------------------------------------------


def _pages(request: str, runs: Sequence[Bound]) -> dict[str, Files]:
    words = "".join(f"<p>{escape(line)}</p>" for line in [request, *_literals(runs)])
    numbers = "".join(f"<p>{n}</p>" for n in _numbers(runs))
    return {
        "blank": _page("<div></div>"),
        "words": _page(words + skeleton.page(runs, numbers=False)),
        "constant": _page(words + numbers + skeleton.page(runs, numbers=True)),
    }


def _page(body: str) -> Files:
    return {"index.html": f'<!doctype html><html lang="en"><meta charset="utf-8"><title>x</title><body>{body}'}


def _numbers(runs: Sequence[Bound]) -> list[str]:
    """Numbers that are expected in one large text. What one expression makes of different values no constant can be."""
    values: dict[str, set[str]] = {}
    for run in runs:
        for e in run.expect:
            if e.number is not None and e.target is None and (number := run.number(e)) is not None:
                values.setdefault(e.number, set()).add(skeleton.plain(number))
    return [*dict.fromkeys(next(iter(found)) for found in values.values() if len(found) == 1)]


# --- tools ------------------------------------------------------------------------------------------------------


def _tools(request: str, runs: Sequence[Bound]) -> dict[str, Files]:
    form = skeleton.form(runs)
    printed = [replace(run, expect=tuple(e for e in run.expect if e.see == "stdout")) for run in runs]
    said = [request, *_literals(printed)]
    return {
        "blank": _tool(form, [], {}),
        "words": _tool(form, said, skeleton.artifacts(runs, numbers=False)),
        "constant": _tool(form, [*said, *_numbers(printed)], skeleton.artifacts(runs, numbers=True)),
    }


def _tool(form: str, lines: list[str], artifacts: Mapping[str, str]) -> Files:
    code = ["import pathlib"]
    code += [f"print({line!r})" for line in lines]
    code += ['pathlib.Path("out").mkdir(exist_ok=True)']
    code += [
        f'pathlib.Path("out", {name!r}).write_text({text!r}, encoding="utf-8")'
        for name, text in artifacts.items()
    ]
    return {"tool.toml": form, "main.py": "\n".join(code) + "\n"}
