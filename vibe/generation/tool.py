"""tool.toml: what a tool is called, how it starts and what it asks for. Cleans a visitor's values and lays the box.

In the box: the program's files, `input.json` with the values, files under `in/`; what it leaves in `out/` is
collected. For languages that read no JSON the values lie in `values/` too, one file each. A bad input is a sentence
for the field, never an exception of ours.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from sandbox import catalog
from sandbox.catalog import Language
from sandbox.limits import MIB, Limits
from sandbox.outcome import Outcome
from sandbox.source import Source
from vibe.generation.complaint import complaint, uncompiled
from vibe.generation.steps import Json

MAX_FILE = 25 * MIB
MAX_TEXT = 20_000
MAX_SPEC = 20_000  # characters of a tool.toml
YES = frozenset({"1", "on", "true", "y", "yes"})
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class BadTool(Exception):
    """Raised when tool.toml cannot be used; `line` is where, 0 when it is no one line's fault."""

    def __init__(self, sentence: str, line: int = 0) -> None:
        super().__init__(sentence)
        self.sentence, self.line = sentence, line


class Input(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    label: Annotated[str, StringConstraints(min_length=1, max_length=120)]
    type: Literal["text", "number", "choice", "date", "file", "yesno"]
    default: str | bool | int | float | None = None
    min: float | None = None
    max: float | None = None
    choices: list[str] = Field(default=[], max_length=100)
    accept: list[Annotated[str, StringConstraints(pattern=r"^\.[A-Za-z0-9]{1,8}$")]] = Field(
        default=[], max_length=20
    )
    required: bool = False
    help: str = Field(default="", max_length=300)
    long: bool = False  # a text that wants several lines

    @model_validator(mode="before")
    @classmethod
    def _plain_default(cls, data: Any) -> Any:
        """TOML knows dates and times of its own, and "no" is no bool; everything here is what a form field holds."""
        default = data.get("default") if isinstance(data, dict) else None
        if isinstance(default, date):
            return {**data, "default": default.isoformat()[:10]}
        if isinstance(default, str) and data.get("type") == "yesno":
            return {**data, "default": default.strip().lower() in YES}
        return data

    @model_validator(mode="after")
    def _fits(self) -> "Input":
        if self.type == "choice" and not self.choices:
            raise ValueError(f"“{self.name}” is a choice without choices")
        return self


class ToolSpec(BaseModel):
    """`run` names the file that is started, with or without a word for its language before it."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    title: str = Field(default="", max_length=120)
    about: str = Field(default="", max_length=500)
    run: Annotated[list[str], Field(min_length=1, max_length=10)]
    inputs: list[Input] = Field(default=[], max_length=20)

    @model_validator(mode="after")
    def _runs(self) -> "ToolSpec":
        _started(self.run)
        names = [i.name for i in self.inputs]
        if len(set(names)) != len(names):
            raise ValueError("two inputs have the same name")
        return self

    @property
    def main(self) -> str:
        """The file that is started."""
        return _started(self.run)[2]

    @property
    def language(self) -> Language:
        return _started(self.run)[0]

    @property
    def command(self) -> tuple[str, ...]:
        """What starts it in the box of its language."""
        language, options, main, rest = _started(self.run)
        return (*language.start, *options, main, *rest)

    @classmethod
    def parse(cls, text: str) -> "ToolSpec":
        """The ToolSpec of a tool.toml. Raises BadTool with a sentence and, where it is known, a line."""
        if len(text) > MAX_SPEC:
            raise BadTool(f"tool.toml is longer than {MAX_SPEC:,} characters: leave out what it does not need.")
        try:
            return cls.model_validate(tomllib.loads(text))
        except tomllib.TOMLDecodeError as problem:
            place = re.search(r"line (\d+)", str(problem))
            raise BadTool(f"tool.toml cannot be read: {problem}", int(place[1]) if place else 0) from problem
        except RecursionError as problem:
            raise BadTool(
                "tool.toml cannot be read: it is nested too deeply.", _longest_line(text)
            ) from problem
        except ValidationError as problem:
            first = problem.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise BadTool(f"tool.toml, {where or 'all of it'}: {first['msg']}") from problem
        except ValueError as problem:  # Python reads no number of more than 4300 digits
            sentence = "tool.toml cannot be read: a number in it has thousands of digits."
            raise BadTool(sentence, _longest_line(text)) from problem


Started = tuple[Language, tuple[str, ...], str, tuple[str, ...]]


def _started(run: list[str]) -> Started:
    """(language, options, file, arguments) of what `run` says. Raises ValueError with how it is written."""
    at = next((n for n, part in enumerate(run) if part[:1] != "-" and catalog.language_of(part)), None)
    language = catalog.language_of(run[at]) if at is not None else None
    if at is None or language is None:
        forms = " or ".join(_form(one) for one in catalog.languages())
        raise ValueError(f"run names no file that I can start: write {forms}")
    word, options, file, rest = run[0], run[1:at], run[at].removeprefix("./"), run[at + 1 :]
    known = at == 0 or word.rsplit("/", 1)[-1] in language.words
    if not known or not all(part[:1] == "-" for part in options):
        raise ValueError(f"{language.name} is started with run = {_form(language)}")
    if language.compiled and (options or any(part[:1] == "-" for part in rest)):
        raise ValueError(f"I compile {language.name} myself: write run = {_form(language)}, without options")
    return language, tuple(options), file, tuple(rest)


def _form(language: Language) -> str:
    return f'["{language.words[0]}", "main{language.endings[0]}"]'


def _longest_line(text: str) -> int:
    """Where what is too deep or too long most likely is: those who see it do not say where."""
    lines = text.split("\n")
    return 1 + max(range(len(lines)), key=lambda n: len(lines[n]))


@dataclass(frozen=True)
class Cleaned:
    """values: what input.json will hold. files: {"in/name": bytes}."""

    values: Json
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Wrong:
    """sentences: {input name: what to enter}."""

    sentences: dict[str, str]


def clean(spec: ToolSpec, values: Mapping[str, Any], files: Mapping[str, tuple[str, bytes]]) -> Cleaned | Wrong:
    """The values of a filled form, typed; or what to enter instead. `files` are {input name: (file name, bytes)}."""
    good: Json = {}
    laid: dict[str, bytes] = {}
    wrong: dict[str, str] = {}
    for one in spec.inputs:
        try:
            if one.type == "file":
                good[one.name] = _clean_file(one, files.get(one.name), laid)
            else:
                good[one.name] = _clean_value(one, values.get(one.name))
        except ValueError as problem:
            wrong[one.name] = str(problem)
    return Wrong(wrong) if wrong else Cleaned(good, laid)


def _clean_file(one: Input, given: tuple[str, bytes] | None, laid: dict[str, bytes]) -> str | None:
    if not given or not given[0]:
        if one.required:
            raise ValueError("Choose a file.")
        return None
    name, data = given
    if one.accept and not name.lower().endswith(tuple(a.lower() for a in one.accept)):
        raise ValueError(f"Choose a file that ends with {_or(one.accept)}.")
    if len(data) > MAX_FILE:
        raise ValueError("Choose a file of at most 25 MB.")
    plain = re.sub(r"[^\w .()+-]", "_", name.replace("\\", "/").rsplit("/", 1)[-1]).strip(" .")[:80]
    plain = (
        plain.encode()[:240].decode("utf-8", "ignore") or "file"
    )  # a name may have 255 bytes (sandbox.source)
    path = f"in/{plain}"
    while path in laid:
        path = f"in/{len(laid)}-{plain}"
    laid[path] = data
    return path


def _clean_value(one: Input, given: Any) -> Any:
    if one.type == "yesno":
        return str(given).lower() in YES if given is not None else False
    text = "" if given is None else str(given).strip()
    if not text:
        if one.required:
            raise ValueError("Fill this in.")
        return one.default if one.type != "number" or one.default is None else _number(one, str(one.default))
    if len(text) > MAX_TEXT:
        raise ValueError(f"Use at most {MAX_TEXT} characters.")
    if "\0" in text:
        raise ValueError("Use text without control characters.")
    match one.type:
        case "number":
            return _number(one, text)
        case "choice":
            if text not in one.choices:
                raise ValueError(f"Choose {_or(one.choices)}.")
        case "date":
            try:
                return date.fromisoformat(text).isoformat()
            except ValueError:
                raise ValueError("Use a date like 2026-12-24.") from None
    return text


def _number(one: Input, text: str) -> int | float:
    low, high = one.min, one.max
    between = (
        f"from {_plain(low)} to {_plain(high)}"
        if low is not None and high is not None
        else (
            f"of at least {_plain(low)}"
            if low is not None
            else f"of at most {_plain(high)}"
            if high is not None
            else ""
        )
    )
    sentence = f"Use a number{' ' if between else ''}{between}."
    try:
        number = float(text.replace("\u00a0", "").replace(" ", "").replace(",", "."))
    except ValueError:
        raise ValueError(sentence) from None
    if (
        number != number
        or abs(number) > 1e15
        or (low is not None and number < low)
        or (high is not None and number > high)
    ):
        raise ValueError(sentence)
    return int(number) if number.is_integer() else number


def _plain(number: float | None) -> str:
    return "" if number is None else str(int(number)) if float(number).is_integer() else str(number)


def _or(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def source(files: Mapping[str, str], spec: ToolSpec, cleaned: Cleaned) -> Source:
    """The box's contents for one run."""
    laid = {path: text.encode() for path, text in files.items()}
    laid["input.json"] = json.dumps(cleaned.values, ensure_ascii=False).encode()
    if spec.language.image == "native":
        laid |= {f"values/{name}": _as_text(value).encode() for name, value in cleaned.values.items()}
    return Source(spec.language.image, spec.command, {**laid, **cleaned.files})


def _as_text(value: Any) -> str:
    """A value as a program in C, Rust or shell reads it: no quotes, no line end; nothing for what was not given."""
    return "" if value is None else ("yes" if value else "no") if isinstance(value, bool) else str(value)


def limits() -> Limits:
    """A tool's limits: 256 MB, 20 s (importing pandas in a cold box takes two of them)."""
    return Limits(time_s=20.0, memory_bytes=256 * MIB)


def sentence(outcome: Outcome) -> str:
    """How a run ended, for the person who started it."""
    match outcome.ended:
        case "exit" if outcome.code == 0:
            return f"Ran in {outcome.seconds:.1f} s."
        case "exit" if file := uncompiled(outcome.stderr):
            found = complaint(outcome.stderr)
            return f"The tool cannot run: {found or file + ' could not be compiled.'} Its maker has to mend it."
        case "exit" if message(outcome):
            return message(outcome)
        case "exit" | "signal":
            return "The tool broke on this input. What it said is below; its maker can see why."
        case "timeout":
            return "It did not finish within 20 seconds, so I ended it. Try a smaller file."
        case "memory":
            return "It needed more memory than a sealed box has, so I ended it. Try a smaller file."
        case "output_limit":
            return "It printed far more than anyone can read, so I ended it."
        case "cancelled":
            return "You stopped it."
        case _:
            return "The sealed box was lost. Run it again."


def message(outcome: Outcome) -> str:
    """The one plain sentence that a tool gave for bad input, or "" when it gave a traceback or nothing."""
    said = (outcome.stderr.strip() or outcome.stdout.strip()).splitlines()
    if outcome.code == 0 or not said or has_traceback(outcome) or _EXCEPTION.match(said[-1]):
        return ""
    return said[-1].strip()[:300]


_EXCEPTION = re.compile(r"\s*[\w.]+(?:Error|Exception)(?::|\s*$)")  # "KeyError: 'Amount'" is no sentence either


def has_traceback(outcome: Outcome) -> bool:
    """Whether a language's own complaint was printed, wherever to: that is no sentence for a person."""
    return any(complaint(text) is not None for text in (outcome.stderr, outcome.stdout))
