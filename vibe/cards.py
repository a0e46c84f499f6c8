"""Cards: published, kept, thrown away, brought back, revoked, copied. Opening one never changes how long it lasts."""

import io
import re
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from sandbox import catalog
from vibe import films
from vibe.choices import Origin
from vibe.generation.bundle import bundle
from vibe.generation.difference import difference, in_words
from vibe.generation.tool import BadTool, ToolSpec
from vibe.models import Card, Maker, Program, Version
from vibe.models.card import BIN, LIFE, token_digest
from vibe.models.maker import random_id, seal


def publish(version: Version) -> tuple[Card, bool] | None:
    """The card of the version's program, made when it has none that opens. (card, whether it still shows an older
    version). None when a card of it was taken down: a change of the program is no way around that."""
    program = version.program
    if program.cards.exclude(revoked=None).exists():
        return None
    lives = Q(expires=None) | Q(expires__gt=timezone.now())
    card = program.cards.filter(lives, thrown=None, revoked=None).first()
    if card is None:
        card = Card.objects.create(
            program=program,
            version=version,
            maker=program.maker,
            title=program.title,
            asked=program.description,
            expires=timezone.now() + LIFE,
        )
    return card, card.version_id != version.pk


def shelf(maker: Maker) -> QuerySet[Card]:
    """The maker's cards that are neither gone for good nor past the bin, newest first."""
    now = timezone.now()
    return (
        Card.objects.filter(maker=maker)
        .filter(Q(thrown=None) | Q(thrown__gt=now - BIN))
        .filter(Q(expires=None) | Q(expires__gt=now))
        .select_related("program", "version")
        .defer("version__files", "version__shot")
        .annotate(pictured=Exists(Version.objects.filter(pk=OuterRef("version"), shot__isnull=False)))
    )


def faded(maker: Maker) -> QuerySet[Card]:
    """The maker's cards whose days are over, the last of each program that has no newer one; the last faded first."""
    newer = Card.objects.filter(program=OuterRef("program"), created__gt=OuterRef("created"))
    rows = Card.objects.filter(maker=maker, thrown=None, revoked=None, expires__lte=timezone.now())
    return rows.exclude(Exists(newer)).order_by("-expires").only("title", "asked", "expires")


def of_link(token: str) -> Card | None:
    """The card of this link, open or not."""
    rows = Card.objects.select_related("version", "program", "maker")
    return rows.filter(digest=token_digest(token)).first() if len(token) <= 64 else None


def find(token: str) -> Card | None:
    """The open card of this link, or None: unknown, faded, thrown away and revoked look alike from here."""
    card = of_link(token)
    return card if card and card.is_open else None


def by_seal(value: str) -> Version | None:
    """What the sealed frame of this name shows: an open card's version, or a version's own preview."""
    card = Card.objects.select_related("version__program").filter(seal=value).first()
    if card:
        return card.version if card.is_open else None
    return Version.objects.filter(seal=value).first()


def keep(card: Card, pinned: bool) -> None:
    """Pin it (it stays until thrown away), or let it fade seven days from now."""
    card.expires = None if pinned else timezone.now() + LIFE
    card.save(update_fields=["expires"])


def throw(card: Card) -> None:
    """Into the bin for 24 hours; the link stops at once."""
    card.thrown = timezone.now()
    card.save(update_fields=["thrown"])


def can_come_back(card: Card) -> bool:
    """Whether it is in the bin, or has only faded."""
    if card.is_open or card.revoked:
        return False
    return card.thrown is None or card.thrown > timezone.now() - BIN


def bring_back(card: Card) -> bool:
    """The same link opens again: for seven days when the card had faded, for at least one when it was in the bin.
    False when it cannot come back."""
    if not can_come_back(card):
        return False
    lives = timedelta(days=1) if card.thrown else LIFE
    card.thrown = None
    if card.expires is not None:
        card.expires = max(card.expires, timezone.now() + lives)
    card.save(update_fields=["thrown", "expires"])
    return True


def revoke(card: Card) -> None:
    """The old link is dead for ever; the card gets a new one that nobody has yet."""
    card.salt, card.seal = random_id(), seal()
    card.save(update_fields=["salt", "digest", "seal"])


def retire(card: Card) -> None:
    """Take it down for good (admin)."""
    card.revoked = timezone.now()
    card.save(update_fields=["revoked"])


def rename(card: Card, title: str) -> None:
    card.title = " ".join(title.split())[:120] or card.title
    card.save(update_fields=["title"])


def show_version(card: Card, version: Version) -> None:
    """Let the link show another version of the same program; a frame that is open keeps nothing of the old one."""
    if version.program_id != card.program_id:
        raise ValueError("a card shows versions of its own program only")
    card.version, card.seal = version, seal()
    card.save(update_fields=["version", "seal"])


def restore_version(program: Program, number: int) -> Version:
    """Go back to version `number`: it is copied to the end, so that no version is ever lost."""
    with transaction.atomic():
        # No two of us take the same next number: a Job of this program may end now.
        program = Program.objects.select_for_update().get(pk=program.pk)
        old = program.versions.get(number=number)
        if program.current_id == old.pk:
            return old
        latest = program.versions.order_by("-number").first()
        assert latest
        return copy_version(
            old, program, latest.number + 1, origin=Origin.RESTORED, summary=f"Back to version {old.number}",
            changed=_back_from(program, old),
        )  # fmt: skip


def copy_version(
    old: Version, program: Program, number: int, *, origin: str, summary: str, **more: Any
) -> Version:
    """`old` once more, as the current version of `program`: it was seen and checked as `old` was."""
    kept = (
        "shape",
        "files",
        "verdict",
        "results",
        "measures",
        "not_checked",
        "checks",
        "recipe",
        "slots",
        "model_name",
        "shot",
    )
    fields = {name: getattr(old, name) for name in kept} | more
    fresh = Version.objects.create(program=program, number=number, origin=origin, summary=summary, **fields)
    films.copy(old, fresh)
    program.current = fresh
    program.save(update_fields=["current"])
    return fresh


def _back_from(program: Program, old: Version) -> str:
    return in_words(difference(program.current.files, old.files))[:400] if program.current else ""


def use_version(version: Version) -> None:
    """Make a version current that was held back: the person's yes. It keeps its number, the link what it shows."""
    program = version.program
    program.current = version
    program.save(update_fields=["current"])


def copy_of(version: Version, title: str) -> tuple[str, str, bytes]:
    """(file name, content type, bytes): a copy that runs without us. A page is one .html, a tool a .zip."""
    name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:60] or "card"
    if not version.is_tool:
        made = bundle(version.files, title=title, sealed=False)
        return f"{name}.html", "text/html; charset=utf-8", made.document.encode("utf-8", "replace")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as box:
        for path, text in sorted(version.files.items()):
            box.writestr(f"{name}/{path}", text)
        language, command = _start_of(version)
        if "run.py" not in version.files:
            box.writestr(f"{name}/run.py", _runner(command))
        if command[:2] == ["bash", "compiled"]:
            box.writestr(f"{name}/compiled", catalog.file("native", "compiled"))
        if "README.txt" not in version.files:
            box.writestr(f"{name}/README.txt", _README.format(title=title, needs=_NEEDS.get(language, "")))
    return f"{name}.zip", "application/zip", out.getvalue()


def _start_of(version: Version) -> tuple[str, list[str]]:
    """(language, what starts it on a person's own machine)."""
    try:
        spec = ToolSpec.parse(version.files.get("tool.toml", ""))
    except BadTool:
        return "Python", ["python3", "main.py"]
    return spec.language.name, ["bash"] * spec.language.compiled + list(spec.command)


_NEEDS = {
    "Python": "If it says that a module is missing: python3 -m pip install numpy pandas matplotlib pillow openpyxl\n",
    "JavaScript": "It needs Node.js 18 or newer.\n",
    "C": "It needs gcc.\n",
    "C++": "It needs g++.\n",
    "Rust": "It needs rustc.\n",
}
_README = """{title}

Made with Vibe. It runs without us, with Python 3.11 or newer:

    python3 run.py

It asks for each value, then leaves its files in the folder "out".
{needs}"""

# Lays the values and files as the sealed box does, so that main.py runs unchanged on a person's own machine.
_RUN_PY = Path(__file__).with_name("saved_tool.py")
_STARTS = 'COMMAND = ["python3", "main.py"]'


def _runner(command: list[str]) -> str:
    text = _RUN_PY.read_text(encoding="utf-8")
    assert _STARTS in text
    return text.replace(_STARTS, f"COMMAND = {command!r}")
