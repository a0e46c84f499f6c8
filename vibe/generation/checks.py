"""Checks: promises in plain words with a machine form that can fail, and the verdict over what a box observed.

The language is closed (docs/checks.md): no code of a model runs outside a box, and the verdict is computed here,
never by the box that ran the program. Sentences are for a person who does not program.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from sandbox.outcome import Outcome
from vibe.choices import Verdict
from vibe.generation.gate import Fault
from vibe.generation.steps import Json
from vibe.generation.tool import message
from vibe.sealed import KNOWN_CONSOLE_LINES

Short = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Source = Literal["always", "recipe", "model", "person"]


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Target(_Closed):
    """An element: by role and name, by label, by text, or (our own recipes only) by selector."""

    role: Short | None = None
    name: Short | None = None
    label: Short | None = None
    text: Short | None = None
    css: Short | None = None
    nth: int = Field(default=0, ge=0, le=100)

    @model_validator(mode="after")
    def _one_way(self) -> "Target":
        if sum(way is not None for way in (self.role, self.label, self.text, self.css)) != 1:
            raise ValueError("a target is given by role, label, text or css, one of them")
        return self


class Step(_Closed):
    do: Literal["open", "click", "fill", "press", "select", "check", "reload", "wait", "resize"]
    target: Target | None = None
    value: str | None = Field(default=None, max_length=5000)
    key: Short | None = None
    seconds: float | None = Field(default=None, ge=0, le=5)
    width: int | None = Field(default=None, ge=200, le=2000)

    @model_validator(mode="after")
    def _complete(self) -> "Step":
        needs = {
            "click": "target",
            "fill": "target",
            "select": "target",
            "check": "target",
            "press": "key",
            "resize": "width",
        }
        if (name := needs.get(self.do)) and getattr(self, name) is None:
            raise ValueError(f"“{self.do}” needs “{name}”")
        return self


class Expect(_Closed):
    """`see` on a page: visible, hidden, count, text, value, changed. For a tool: exit, stdout, message, artifact,
    artifact:<name>. Compared by one of is, contains, matches, at_least."""

    see: Short
    target: Target | None = None
    is_: str | int | float | bool | None = Field(default=None, alias="is")
    contains: str | None = None
    matches: str | None = None
    at_least: float | None = None

    @model_validator(mode="after")
    def _known(self) -> "Expect":
        page = {"visible", "hidden", "count", "text", "value", "changed"}
        if self.see not in page | {"exit", "stdout", "message", "artifact"} and not self.see.startswith(
            "artifact:"
        ):
            raise ValueError(f"nothing can see “{self.see}”")
        try:
            re.compile(self.matches or "")
        except re.error as problem:
            raise ValueError(f"“{self.matches}” is no pattern: {problem}") from problem
        return self

    def holds(self, seen: Any) -> bool:
        if self.see in {"visible", "changed"}:
            return seen is (True if self.is_ is None else self.is_)
        if self.see == "hidden":
            return seen is False
        if self.is_ is not None:
            return _same(seen, self.is_)
        if self.contains is not None:
            return seen is not None and _fold(self.contains) in _fold(str(seen))
        if self.matches is not None:
            return seen is not None and re.search(self.matches, str(seen)) is not None
        if self.at_least is not None:
            return isinstance(seen, int | float) and seen >= self.at_least
        return bool(seen)

    def wanted(self) -> str:
        """What should be seen, in words."""
        what = (
            self.target.text or self.target.label or self.target.name or self.target.css
            if self.target
            else None
        )
        place = f"“{what}”" if what else "the page"
        if self.see == "visible":
            return f"{place} can be seen"
        if self.see == "hidden":
            return f"{place} cannot be seen"
        if self.see == "changed":
            return f"{place} changes"
        if self.is_ is not None:
            return str(self.is_)
        if self.contains is not None:
            return f"something with “{self.contains}”"
        if self.at_least is not None:
            return f"at least {self.at_least:g}"
        return f"something like “{self.matches}”" if self.matches else "something"


class Check(_Closed):
    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
    sentence: Short
    source: Source = "model"
    steps: list[Step] = Field(default=[], max_length=30)
    expect: list[Expect] = Field(min_length=1, max_length=10)
    input: Json | None = None
    files: dict[str, str] = Field(default={})


def _fold(text: str) -> str:
    """White space of every kind is one blank: a page may break a line where a promise has none."""
    return " ".join(text.replace("\u00a0", " ").replace("\u202f", " ").split())


def _same(seen: Any, wanted: Any) -> bool:
    if isinstance(wanted, str):
        return seen is not None and _fold(str(seen)) == _fold(wanted)
    return bool(seen == wanted)


@dataclass(frozen=True)
class Judged:
    """results: as events.Checked wants them. evidence: located, for the repair call. signature: of the failure."""

    verdict: Verdict
    results: list[Json] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    evidence: str = ""
    signature: str = ""


def from_faults(faults: Sequence[Fault]) -> Judged:
    """The verdict when the static gate let nothing through."""
    results = [
        _result(
            f"g-{number}",
            "The code can be read",
            "I read the code",
            "no mistakes",
            f"{_place(f.file, f.line)}{f.sentence}",
        )
        for number, f in enumerate(faults[:6], 1)
    ]
    return _judged(results, [])


def judge(shape: str, promised: Sequence[Json], answer: Json) -> Judged:
    """The verdict over `answer`, which is a Run step's: observations of a page or of a tool's runs."""
    if why := answer.get("unchecked"):
        return Judged(Verdict.UNCHECKED, [], [f"Everything: {why}"])
    checks = [Check.model_validate(c) for c in promised]
    if shape == "tool":
        results = _tool(answer, checks)
    else:
        results = _page(answer)
        by_id = {str(c.get("id")): c for c in answer.get("checks", [])}
        results += [_promise(check, by_id.get(check.id)) for check in checks] if answer.get("loaded") else []
    not_checked = (
        []
        if checks
        else [
            "Whether it does what you asked: I only checked that it "
            + ("runs on a sample and shows no errors." if shape == "tool" else "opens and shows no errors.")
        ]
    )
    return _judged(results, not_checked)


def _judged(results: list[Json], not_checked: list[str]) -> Judged:
    broken = [r for r in results if not r["held"]]
    evidence = "\n".join(
        f"- {r['sentence']}: {r['saw']} (should be: {r['expected']}; {r['did']})" for r in broken
    )
    text = re.sub(r"\d+", "#", "|".join(sorted(f"{r['id']}:{r['saw']}" for r in broken)))
    return Judged(
        Verdict.BROKEN if broken else Verdict.HELD if results else Verdict.UNCHECKED,
        results,
        not_checked,
        clean_text(evidence, 2000),
        hashlib.sha256(text.encode()).hexdigest()[:16] if broken else "",
    )


def _result(
    id_: str, sentence: str, did: str, expected: str, saw: str, *, held: bool = False, source: str = "always"
) -> Json:
    return {
        "id": id_, "sentence": sentence, "held": held, "did": did, "expected": expected,
        "saw": clean_text(saw, 500), "source": source,
    }  # fmt: skip


# --- pages ------------------------------------------------------------------------------------------------------

_OPENED = "I opened it in a sealed box"


def _page(seen: Json) -> list[Json]:
    if not seen.get("loaded"):
        why = next((e["text"] for e in seen.get("errors", [])), seen.get("reason") or "nothing came")
        return [_result("a-opens", "It opens", _OPENED, "the page", f"it did not open: {why}")]
    errors = [e for e in seen["errors"] if e["text"] not in KNOWN_CONSOLE_LINES]
    thrown = [e for e in errors if e["kind"] in {"uncaught", "rejection", "crash", "stuck"}]
    outside = seen["requests"]
    clicked = seen["buttons_tried"]
    faulty = [b for b in clicked if b["errors"]]
    results = [
        _result("a-opens", "It opens", _OPENED, "the page", f"it opened in {seen['seconds']:.1f} s", held=True),
        _result(
            "a-errors", "It opens without errors", _OPENED, "no errors",
            "; ".join(f"it said: {_place(e.get('file'), e.get('line'))}{e['text']}" for e in thrown[:4]) or "no errors",
            held=not thrown,
        ),
        _result(
            "a-blank", "There is something to see", _OPENED, "words or a picture",
            "an empty page" if _is_blank(seen) else "words or a picture", held=not _is_blank(seen),
        ),
        _result(
            "a-outside", "Nothing is fetched from outside", _OPENED, "nothing from the internet",
            f"it asked for {', '.join(outside[:3])}" if outside else "nothing", held=not outside,
        ),
        _result(
            "a-phone", "It fits a phone", "I opened it 390 points wide", "nothing is cut off at the side",
            "it is wider than the screen" if seen["sideways"].get("390") else "it fits",
            held=not seen["sideways"].get("390"),
        ),
    ]  # fmt: skip
    if clicked:
        said = "; ".join(
            f"“{b['name'] or 'a button'}”: {_place(b.get('file'), b.get('line'))}{b['text']}"
            for b in faulty[:3]
        )
        results.append(
            _result(
                "a-buttons", "Its buttons raise no errors", f"I clicked {_count(len(clicked), 'button')}", "no errors",
                said or "no errors", held=not faulty,
            )
        )  # fmt: skip
    return results


def _is_blank(seen: Json) -> bool:
    return not seen["text"].strip() and not (seen["drawn"] and seen["colours"] > 1) and seen["colours"] <= 2


def _promise(check: Check, seen: Json | None) -> Json:
    """One promise about a page against the raw values that the box saw."""
    did = f"I did {_count(len(check.steps), 'step')}" if check.steps else _OPENED
    wanted = "; ".join(e.wanted() for e in check.expect)
    if seen is None:
        return _result(check.id, check.sentence, did, wanted, "I could not look", source=check.source)
    if seen["failed"]:
        number = int(seen["failed"]["step"])
        step = check.steps[number] if number < len(check.steps) else None
        what = (
            f"{step.do} “{(step.target.name or step.target.label or step.target.text or step.target.css) if step.target else ''}”"
            if step
            else "begin"
        )
        return _result(
            check.id,
            check.sentence,
            did,
            wanted,
            f"I could not {what}: {seen['failed']['why']}",
            source=check.source,
        )
    values = seen["seen"]
    missed = [(e, v) for e, v in zip(check.expect, values, strict=False) if not e.holds(v)]
    held = not missed and len(values) == len(check.expect)
    saw = "; ".join(_shown(v) for _, v in missed) if missed else "just that"
    return _result(check.id, check.sentence, did, wanted, saw, held=held, source=check.source)


def _shown(value: Any) -> str:
    if value is None:
        return "nothing of the kind"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"“{_fold(str(value))[:200]}”"


# --- tools ------------------------------------------------------------------------------------------------------


def _tool(answer: Json, checks: Sequence[Check]) -> list[Json]:
    runs = {str(r["check"]): _outcome(r["outcome"]) for r in answer.get("runs", [])}
    first = runs.get("sample")
    if first is None:
        return [_result("a-runs", "It runs", "I tried it", "an answer", "it did not start")]
    answered = bool(first.stdout.strip() or first.artifacts)
    results = [
        _result("a-runs", "It runs", "I ran it on a sample in a sealed box", "it ends by itself, without errors", _ended(first), held=first.ok),
        _result(
            "a-says", "It gives an answer", "I ran it on a sample", "text, a table or a picture",
            f"{_count(len(first.stdout.splitlines()), 'line')} and {_count(len(first.artifacts), 'file')}" if answered else "nothing",
            held=answered,
        ),
    ]  # fmt: skip
    if noise := runs.get("broken"):
        calm = noise.ended == "exit" and "Traceback (most recent call last)" not in noise.stderr
        results.append(
            _result(
                "a-bad", "Input that it cannot use gets a plain sentence", "I gave it a file of noise",
                "one plain sentence", message(noise) or ("it coped" if calm else _ended(noise)), held=calm,
            )
        )  # fmt: skip
    return results + [_tool_promise(check, runs.get(check.id)) for check in checks]


def _outcome(raw: Json) -> Outcome:
    return Outcome(
        ended=raw["ended"], code=raw.get("code"), signal=raw.get("signal"), stdout=raw.get("stdout", ""),
        stderr=raw.get("stderr", ""), artifacts=tuple(raw.get("artifacts", ())), seconds=raw.get("seconds", 0.0),
    )  # fmt: skip


def _tool_promise(check: Check, outcome: Outcome | None) -> Json:
    wanted = "; ".join(e.wanted() for e in check.expect)
    did = "I ran it on made-up input"
    if outcome is None:
        return _result(check.id, check.sentence, did, wanted, "it did not run", source=check.source)
    missed = []
    for expect in check.expect:
        seen = _tool_value(expect, outcome)
        if not expect.holds(seen):
            missed.append(_shown(seen) if expect.see != "exit" else _ended(outcome))
    return _result(
        check.id,
        check.sentence,
        did,
        wanted,
        "; ".join(missed) or "just that",
        held=not missed,
        source=check.source,
    )


def _tool_value(expect: Expect, outcome: Outcome) -> Any:
    artifacts: dict[str, str] = {a["name"]: a.get("text", "") for a in outcome.artifacts}  # type: ignore[index, attr-defined]
    match expect.see:
        case "exit":
            return outcome.code if outcome.ended == "exit" else None
        case "stdout":
            return outcome.stdout
        case "message":
            return message(outcome)
        case "artifact":
            return next((name for name in artifacts if name == expect.is_), ", ".join(artifacts))
        case see if see.startswith("artifact:"):
            return artifacts.get(see.partition(":")[2])
    return None


def _ended(outcome: Outcome) -> str:
    if outcome.ok:
        return f"it ran in {outcome.seconds:.1f} s"
    tail = " / ".join((outcome.stderr.strip() or outcome.stdout.strip()).splitlines()[-4:])
    how = {
        "timeout": "it did not end in time",
        "memory": "it needed too much memory",
        "output_limit": "it printed without end",
    }
    return f"{how.get(outcome.ended, 'it broke')}{': ' + tail if tail else ''}"


# --- words ------------------------------------------------------------------------------------------------------


def clean_text(text: str, most: int) -> str:
    """Text of a program, made harmless: no control characters, no terminal codes, no hidden direction, not long."""
    text = re.sub(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.", "", text)
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]", "\ufffd", text)
    return text if len(text) <= most else text[: most - 1] + "…"


def _place(file: str | None, line: int | None) -> str:
    return f"{file}, line {line}: " if file and line else f"{file}: " if file else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
