"""1. Describe: the one form of the product, validated with a sentence for each field; nothing typed is lost."""

import re
import unicodedata
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict

from vibe import recipes
from vibe.choices import Autonomy, Effort, Shape

MAX_WORDS = 20_000  # characters
MAX_FILES = 300
MAX_FILE = 25 * 1024 * 1024
MAX_ALL = 100 * 1024 * 1024
MAX_BODY = MAX_ALL + 2 * 1024 * 1024  # with room for the words and the form around the files
DIAL = tuple(Autonomy)


def clean_name(name: str) -> str:
    """A harmless name for an attached file: its last part, no control characters, no leading dots."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    plain = "".join(c if c.isprintable() and c not in '<>:"|?*' else "_" for c in last).strip(" .")
    return plain[-150:] or "file"


@dataclass
class Files:
    """The files of a request: what is kept, and what the person should know about their names."""

    kept: list[tuple[str, UploadedFile]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return sum(upload.size or 0 for _, upload in self.kept)

    def chunks(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        for name, upload in self.kept:
            yield name, iter(upload.chunks())


class DescribeForm(forms.Form):
    """Fields of POST /programs/ and of a change. `once` makes the same form, sent twice, one Job."""

    description = forms.CharField(required=False, strip=True, max_length=MAX_WORDS * 4)
    shape = forms.ChoiceField(choices=[(s.value, s.value) for s in Shape], required=False)
    autonomy = forms.ChoiceField(choices=[(a.value, a.value) for a in DIAL], required=False)
    effort = forms.ChoiceField(choices=[(e.value, e.value) for e in Effort], required=False)
    recipe = forms.SlugField(required=False, max_length=60)
    once = forms.CharField(required=False, max_length=64)

    def __init__(self, *args: Any, names_sent: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.files_given = Files()
        self._names_sent = list(names_sent)

    def sentences(self) -> list[str]:
        """Everything that is to be entered otherwise, for the person."""
        return [str(line) for lines in self.errors.values() for line in lines]

    @staticmethod
    def trouble_with(text: str) -> str:
        """What to enter instead of this description; empty when it can be used."""
        if not text.strip():
            return "Say in a few words what it should do."
        if len(text) > MAX_WORDS:
            return f"Use at most {MAX_WORDS:,} characters. These are {len(text):,}: attach the long part as a file."
        if "\0" in text:
            return "Your text holds a character that cannot be shown (NUL). Type it again or paste it as plain text."
        return ""

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        raw = str(self.data.get("description", ""))
        text = data.get("description") or ""
        if "description" in self.errors:
            del self.errors["description"]
            text = raw
        if trouble := self.trouble_with(raw if "\0" in raw else text):
            self.add_error("description", trouble)
        for name, sentence in (
            ("shape", "Choose one of the kinds in the list."),
            ("autonomy", "Choose one of the stops of the dial."),
            ("effort", "Choose Quick, Normal or Thorough."),
        ):
            if name in self.errors:
                del self.errors[name]
                self.add_error(name, sentence)
        data["shape"] = data.get("shape") or Shape.AUTO.value
        data["autonomy"] = data.get("autonomy") or Autonomy.MAKE.value
        data["effort"] = data.get("effort") or Effort.NORMAL.value
        data["once"] = data.get("once") or uuid.uuid4().hex
        if data.get("recipe") and data["recipe"] not in {r.slug for r in recipes.catalog()}:
            data["recipe"] = ""
        self._take_files()
        return data

    def _take_files(self) -> None:
        uploads = self.files.getlist("files") if hasattr(self.files, "getlist") else []
        uploads = [u for u in uploads if u is not None]
        if len(uploads) > MAX_FILES:
            self._refuse(
                f"Add at most {MAX_FILES} files. These were {len(uploads)} or more: put them into one file first."
            )
            return
        too_large = [u for u in uploads if u.size > MAX_FILE]
        if too_large:
            self._refuse(f"“{clean_name(too_large[0].name)}” is larger than 25 MB. Add a smaller file.")
            return
        if sum(u.size for u in uploads) > MAX_ALL:
            self._refuse("All files together are larger than 100 MB. Add fewer or smaller ones.")
            return
        taken: set[str] = set()
        sent = iter(self._names_sent)
        for upload in uploads:
            name = unique_name(clean_name(upload.name), taken)
            given = next((raw for raw, kept in sent if kept == upload.name), upload.name)
            if name != given:
                self.files_given.notes.append(f"I call “{_shown(given)}” “{name}”.")
            taken.add(name)
            self.files_given.kept.append((name, upload))

    def _refuse(self, sentence: str) -> None:
        self.add_error(None, sentence)


def unique_name(name: str, taken: set[str]) -> str:
    """`name`, or with a number in it when it is one of `taken`."""
    stem, dot, ending = name.rpartition(".")
    number, fresh = 2, name
    while fresh in taken:
        fresh = f"{stem or ending} ({number}){dot if stem else ''}{ending if stem else ''}"
        number += 1
    return fresh


def _shown(name: str) -> str:
    return re.sub(r"[^\x20-\x7e\u00a1-\uffff]", "�", name)[:80]


def slots_of(data: Mapping[str, Any]) -> dict[str, str]:
    """Recipe settings that a person typed: fields `slot.<name>`."""
    return {key[5:]: str(data[key])[:5000] for key in data if key.startswith("slot.")}


def without_of(data: QueryDict) -> list[str]:
    """Parts of what the model reads that a person took out: boxes named `without`. A name that is none does nothing."""
    return [name for name in data.getlist("without")[:MAX_FILES] if len(name) <= 250]


def pointed_of(data: Mapping[str, Any]) -> str:
    """What the person pointed at in the preview: at most 300 printable characters on one line, a stranger's words."""
    plain = "".join(c if c.isprintable() else " " for c in str(data.get("pointed", ""))[:2000])
    return " ".join(plain.split())[:300]
