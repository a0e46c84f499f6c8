"""A recipe on disk: recipe.toml with its words, settings and checks, and its files. Loaded once, read strictly."""

import html
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from vibe.recipes.phrases import expanded
from vibe.recipes.slots import Kind, Slot, SlotSpec

FOLDER = Path(__file__).resolve().parent
SHARED = FOLDER / "shared"


class _SlotToml(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    label: str
    kind: Kind
    default: Any
    patterns: list[str] = []
    units: list[str] = []
    choices: list[str] = []
    synonyms: dict[str, str] = {}
    min: float | None = None
    max: float | None = None
    at_least: int = 1
    max_words: int = 30
    holds: str = ""
    avoids: str = ""
    counted: list[str] = []
    each: str = ""
    times: dict[str, float] = {}
    of: str = ""
    required: bool = False
    hint: str = ""

    def spec(self) -> SlotSpec:
        return SlotSpec(
            self.name, self.label, self.kind, self.default, tuple(self.patterns), tuple(self.units),
            tuple(self.choices), tuple(self.synonyms.items()), self.min, self.max, self.at_least, self.max_words, self.holds, self.avoids,
            tuple(self.counted), self.each, tuple(self.times.items()), self.of, self.required, self.hint,
        )  # fmt: skip


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid")
    say: str
    slots: dict[str, Any] = {}


class _Toml(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    about: str
    asks: str
    shape: Literal["page", "tool"]
    stock: str
    glyph: str
    title: str
    summary: str
    needs: list[list[str]]
    words: list[str] = []
    phrases: list[str] = []
    vetoes: list[str] = []
    accepts: list[str] = [".csv"]
    slots: list[_SlotToml] = []
    checks: list[dict[str, Any]] = Field(min_length=1)
    paraphrases: list[_Said] = Field(min_length=5)
    near_misses: list[str] = Field(min_length=5)


@dataclass(frozen=True)
class Built:
    """A made program: its files, its title and one-sentence summary, its checks, and the settings it holds."""

    title: str
    summary: str
    files: dict[str, str]
    checks: list[dict[str, Any]]
    slots: tuple[Slot, ...]


@dataclass(frozen=True)
class Recipe:
    """`needs`: one of each group must be said. `words` and `phrases` (patterns): what else it does as it is asked to."""

    slug: str
    name: str
    about: str
    asks: str
    shape: str
    stock: str
    glyph: str
    title: str
    summary: str
    needs: tuple[tuple[str, ...], ...]
    words: tuple[str, ...]
    phrases: tuple[str, ...]
    vetoes: tuple[str, ...]
    accepts: tuple[str, ...]
    slots: tuple[SlotSpec, ...]
    checks: tuple[dict[str, Any], ...] = field(repr=False)
    paraphrases: tuple[tuple[str, dict[str, Any]], ...] = field(repr=False)
    near_misses: tuple[str, ...] = field(repr=False)
    files: Mapping[str, str] = field(repr=False)

    @classmethod
    def load(cls, folder: Path) -> "Recipe":
        raw = _Toml.model_validate(tomllib.loads((folder / "recipe.toml").read_text(encoding="utf-8")))
        root = folder / "files"
        files = {
            p.relative_to(root).as_posix(): p.read_text(encoding="utf-8")
            for p in sorted(root.rglob("*"))
            if p.is_file()
        }
        if raw.shape == "page":
            files["look.css"] = (SHARED / "look.css").read_text(encoding="utf-8")
        elif "from table import" in files["main.py"]:
            files["table.py"] = (SHARED / "table.py").read_text(encoding="utf-8")
        return cls(
            slug=folder.name, name=raw.name, about=raw.about, asks=raw.asks, shape=raw.shape, stock=raw.stock,
            glyph=raw.glyph, title=raw.title, summary=raw.summary, needs=tuple(tuple(g) for g in raw.needs),
            words=tuple(raw.words), phrases=tuple(map(expanded, raw.phrases)), vetoes=tuple(raw.vetoes), accepts=tuple(raw.accepts),
            slots=tuple(s.spec() for s in raw.slots), checks=tuple(raw.checks),
            paraphrases=tuple((p.say, p.slots) for p in raw.paraphrases), near_misses=tuple(raw.near_misses), files=files,
        )  # fmt: skip

    def build(self, slots: tuple[Slot, ...]) -> Built:
        """The program with these settings. They go in as data, never as code or markup."""
        values = {slot.name: slot for slot in slots}
        title = " ".join(str(_placed(self.title, values)).split())[:80]
        title = title[:1].upper() + title[1:]
        settings = json.dumps({name: slot.value for name, slot in values.items()}, ensure_ascii=False, indent=1)
        files = {path: _filled(path, text, settings, title, values) for path, text in self.files.items()}
        if self.shape == "tool":
            files["settings.json"] = settings + "\n"
        checks = [_placed(check, values) for check in self.checks]
        for check in checks:
            check["source"] = "recipe"
        return Built(title, str(_placed(self.summary, values)), files, checks, slots)


def _filled(path: str, text: str, settings: str, title: str, values: Mapping[str, Slot]) -> str:
    if path.endswith(".html"):
        safe = settings.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
        return text.replace("__TITLE__", html.escape(title)).replace("__SETTINGS__", safe)
    if path == "tool.toml":
        text = text.replace("__TITLE__", _toml(title))
        for name, slot in values.items():
            text = text.replace(
                f"__{name.upper()}__", _toml(slot.value if not isinstance(slot.value, list) else slot.shown)
            )
    return text


def _toml(value: Any) -> str:
    """A TOML value; JSON strings are TOML basic strings."""
    return json.dumps(value, ensure_ascii=True)


_PLACE = re.compile(r"\$\{([a-z_]+)((?:\.[a-z0-9_]+)*)\}")


def _placed(node: Any, values: Mapping[str, Slot]) -> Any:
    """`node` with ${slot}, ${slot.count}, ${slot.0} and ${slot.0.1} filled in."""
    if isinstance(node, dict):
        number = node.get("see") in {"count", "exit"}
        return {
            key: _typed(_placed(value, values), number and key == "is")
            if isinstance(value, str)
            else _placed(value, values)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_placed(value, values) for value in node]
    if not isinstance(node, str):
        return node
    if (whole := _PLACE.fullmatch(node)) is not None:
        return _value(whole, values)
    return _PLACE.sub(lambda m: _text(_value(m, values)), node)


def _typed(value: Any, number: bool) -> Any:
    """What a page shows is text; only counts and exits are compared as numbers."""
    return value if number or isinstance(value, list | dict | bool) else _text(value)


def _value(place: re.Match[str], values: Mapping[str, Slot]) -> Any:
    found: Any = values[place[1]].value
    for part in place[2].split(".")[1:]:
        found = len(found) if part == "count" else found[int(part)]
    return found


def _text(value: Any) -> str:
    return (
        f"{value:g}"
        if isinstance(value, float)
        else ", ".join(map(str, value))
        if isinstance(value, list)
        else str(value)
    )


@lru_cache(maxsize=1)
def load_all() -> tuple[Recipe, ...]:
    folders = [p.parent for p in sorted(FOLDER.glob("*/recipe.toml"))]
    return tuple(Recipe.load(folder) for folder in folders)
