"""The check language: promises in plain words with a machine form that can fail (docs/checks.md has it with examples).

It is closed: what is not said here cannot be said, and no code of a model ever runs outside a box. This module knows
the form only; reading.py refuses what cannot be trusted, runs.py binds a check to numbers, verdict.py compares.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from vibe.generation.checks import figures, patterns
from vibe.generation.steps import Json

Short = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Text = Annotated[str, StringConstraints(max_length=5000)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,29}$")]
Mark = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,39}$")]
Source = Literal["always", "recipe", "model", "person"]
Seen = str | int | float | bool | None
Given = int | float | list[int | float] | str

PAGE_SEES = ("visible", "hidden", "count", "text", "value", "changed", "kept", "errors")
TOOL_SEES = ("exit", "stdout", "message", "artifact")
COMPARED = ("is", "contains", "matches", "at_least", "number")
MOST_GIVEN, MOST_LIST, LARGEST = 20, 50, 10**12

_ROLES = (
    "alert alertdialog application article banner blockquote button caption cell checkbox code columnheader combobox "
    "complementary contentinfo definition deletion dialog document emphasis feed figure form generic grid gridcell group "
    "heading img insertion link list listbox listitem log main marquee math menu menubar menuitem menuitemcheckbox "
    "menuitemradio meter navigation none note option paragraph presentation progressbar radio radiogroup region row "
    "rowgroup rowheader scrollbar search searchbox separator slider spinbutton status strong subscript superscript "
    "switch tab table tablist tabpanel term textbox time timer toolbar tooltip tree treegrid treeitem"
)
ROLES = frozenset(_ROLES.split())


def _as_text(value: object) -> object:
    """A model may write the number 90 where the text "90" is meant."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return figures.plainly(value) if isinstance(value, int | float) and abs(value) < LARGEST else value


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)


class Target(_Closed):
    """An element: by role and name, by label, by text, by mark (data-vibe="…"), or (our own recipes only) by selector."""

    role: Short | None = None
    name: Short | None = None
    label: Short | None = None
    text: Short | None = None
    mark: Mark | None = None
    css: Short | None = None
    nth: int = Field(default=0, ge=0, le=100)

    @model_validator(mode="after")
    def _one_way(self) -> "Target":
        if sum(way is not None for way in (self.role, self.label, self.text, self.mark, self.css)) != 1:
            raise ValueError("a target is given by role, label, text, mark or css, one of them")
        if self.role is not None and self.role not in ROLES:
            raise ValueError(f"there is no role “{self.role}”")
        if self.name is not None and self.role is None:
            raise ValueError("“name” belongs to a “role”")
        return self

    @property
    def words(self) -> str:
        """What a person would call it."""
        return self.name or self.label or self.text or self.mark or self.role or self.css or ""


class Step(_Closed):
    """One thing done to a page. fill, select: `value`; press: `key`; wait: `seconds`; resize: `width` in points."""

    do: Literal["open", "click", "fill", "press", "select", "check", "uncheck", "reload", "wait", "resize"]
    target: Target | None = None
    value: Annotated[Text | None, BeforeValidator(_as_text)] = None
    key: Short | None = None
    seconds: float | None = Field(default=None, ge=0, le=5)
    width: int | None = Field(default=None, ge=200, le=2000)

    @model_validator(mode="after")
    def _complete(self) -> "Step":
        needs = {
            "click": ("target",), "fill": ("target", "value"), "select": ("target", "value"), "check": ("target",),
            "uncheck": ("target",), "press": ("key",), "resize": ("width",),
        }  # fmt: skip
        for name in needs.get(self.do, ()):
            if getattr(self, name) is None:
                raise ValueError(f"“{self.do}” needs “{name}”")
        return self


class Expect(_Closed):
    """What should be seen. On a page: visible, hidden, count, text, value, changed, kept, errors. Of a tool: exit,
    stdout, message, artifact, artifact:<name>. Compared by one of is, contains, matches, at_least, number."""

    see: Short
    target: Target | None = None
    is_: str | int | float | bool | None = Field(default=None, alias="is")
    contains: Annotated[Text | None, BeforeValidator(_as_text)] = None
    matches: Short | None = None
    at_least: float | None = None
    number: Annotated[Short | None, BeforeValidator(_as_text)] = None

    @model_validator(mode="after")
    def _known(self) -> "Expect":
        if self.see not in PAGE_SEES + TOOL_SEES and not self.see.startswith("artifact:"):
            raise ValueError(f"nothing can see “{self.see}”")
        if len(self.compared) > 1:
            raise ValueError(f"compare by one of {', '.join(COMPARED)}, not by {' and '.join(self.compared)}")
        if self.matches is not None:
            patterns.check(self.matches)
        return self

    @property
    def compared(self) -> tuple[str, ...]:
        """The ways of comparing that are given: none or one."""
        values = (self.is_, self.contains, self.matches, self.at_least, self.number)
        return tuple(name for name, value in zip(COMPARED, values, strict=True) if value is not None)

    @property
    def of_a_tool(self) -> bool:
        return self.see in TOOL_SEES or self.see.startswith("artifact:")

    def holds(self, seen: Seen) -> bool:
        """Whether `seen` is what should be seen. For `number` see runs.Wanted: it needs the values of a run."""
        if self.see in {"visible", "changed", "kept"}:
            return seen is (True if self.is_ is None else self.is_)
        if self.see == "hidden":
            return seen is False
        if self.see in {"errors", "exit"} and not self.compared:
            return _same(seen, 0)
        if self.is_ is not None:
            return _same(seen, self.is_)
        if self.contains is not None:
            return seen is not None and fold(self.contains) in fold(str(seen))
        if self.matches is not None:
            return seen is not None and patterns.found(self.matches, str(seen))
        if self.at_least is not None:
            return self._is_enough(seen, self.at_least)
        return bool(seen)

    def _is_enough(self, seen: Seen, least: float) -> bool:
        """A count of at least `least`; of a text, one of its numbers."""
        if isinstance(seen, str) and self.see != "count":
            return any(value >= least for f in figures.figures(seen) for value, _ in f.readings)
        return isinstance(seen, int | float) and not isinstance(seen, bool) and seen >= least


class Check(_Closed):
    """One promise. `given` are values used as {bill} and {food.0} in texts and by name in expressions; `vary` gives
    ranges for the numbers among them; `again` does it all a second time with other values (docs/checks.md)."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
    sentence: Short
    source: Source = "model"
    confirmed: bool = False
    given: dict[Name, Given] = Field(default={}, max_length=MOST_GIVEN)
    vary: dict[Name, tuple[float, float]] = Field(default={}, max_length=MOST_GIVEN)
    again: dict[Name, int | float | str | list[int | float | str]] = Field(default={}, max_length=MOST_GIVEN)
    steps: list[Step] = Field(default=[], max_length=30)
    expect: list[Expect] = Field(min_length=1, max_length=10)
    input: Json | None = None
    files: dict[Short, Annotated[str, StringConstraints(max_length=20_000)]] = Field(default={}, max_length=10)

    @model_validator(mode="after")
    def _sane(self) -> "Check":
        for name, value in self.given.items():
            numbers = value if isinstance(value, list) else [value] if not isinstance(value, str) else []
            if not all(abs(n) <= LARGEST for n in numbers):  # not a number is refused as well
                raise ValueError(f"“{name}” is too large")
            if len(numbers) > MOST_LIST or (isinstance(value, str) and len(value) > 5000):
                raise ValueError(f"“{name}” is too long")
        return self

    def as_json(self) -> Json:
        """As it is stored, shown and sent; as_checks reads it back."""
        said = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return {**said, "source": self.source, "confirmed": self.confirmed}

    @property
    def of_a_tool(self) -> bool:
        return self.input is not None or bool(self.files) or any(e.of_a_tool for e in self.expect)


def as_checks(checks: Sequence[Check | Json]) -> list[Check]:
    """Stored checks (JSON) and read ones alike. Raises pydantic.ValidationError for what was never read."""
    return [c if isinstance(c, Check) else Check.model_validate(c) for c in checks]


# --- comparing --------------------------------------------------------------------------------------------------


def fold(text: str) -> str:
    """White space of every kind is one blank: a page may break a line where a promise has none."""
    return " ".join(re.sub(r"[\u00a0\u202f]", " ", text).split())


def _same(seen: Seen, wanted: Seen) -> bool:
    if isinstance(wanted, str):
        return seen is not None and fold(str(seen)) == fold(wanted)
    if isinstance(seen, str) and wanted is not None and not isinstance(wanted, bool):
        return fold(seen) == figures.plainly(wanted)
    return isinstance(seen, bool) == isinstance(wanted, bool) and seen == wanted
