"""Words and marks of the templates: icons, clock times, sizes, money."""

from datetime import datetime
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from vibe import models_in_use, recipes, sealed
from vibe.generation.checks import results
from vibe.models import ModelRow, Version

register = template.Library()

Part = dict[str, Any]  # generation.reading.Reading.parts

STOCKS = {"page": "app", "tool": "tool", "slides": "slides", "infographic": "picture", "picture": "picture"}


@register.simple_tag
def icon(name: str, label: str = "", extra: str = "") -> SafeString:
    """An icon of static/icons.svg: decoration, or a picture with a name when `label` is given."""
    href = f"{static('icons.svg')}#{name}"
    if label:
        return format_html(
            '<svg class="icon {}" role="img" aria-label="{}"><use href="{}"/></svg>', extra, label, href
        )
    return format_html('<svg class="icon {}" aria-hidden="true"><use href="{}"/></svg>', extra, href)


@register.simple_tag
def art(name: str) -> SafeString:
    return format_html('<svg class="art" aria-hidden="true"><use href="{}#{}"/></svg>', static("art.svg"), name)


@register.simple_tag
def thumb(name: str) -> SafeString:
    return format_html('<svg aria-hidden="true"><use href="{}#{}"/></svg>', static("thumbs.svg"), name)


@register.filter
def drawing(version: Version) -> str:
    """The drawing (static/thumbs.svg) for a tool of which there is no picture: its recipe's, else a table."""
    return next((r.glyph for r in recipes.catalog() if r.slug == version.recipe), "table")


@register.simple_tag
def frame_allow() -> str:
    """The permissions policy of a sealed frame, for static/js/frame.js."""
    return sealed.ALLOW


@register.filter
def stock(shape: str) -> str:
    """The coloured paper of a shape."""
    return STOCKS.get(shape, shape)


@register.filter
def clock(seconds: float | None) -> str:
    """12.4 → 0:12."""
    whole = int(seconds or 0)
    return f"{whole // 60}:{whole % 60:02d}"


@register.filter
def moment(at: datetime) -> SafeString:
    """24 Nov, 21:05 UTC; static/js/clock.js says it in the time of the place where it is read."""
    return format_html(
        '<time datetime="{}" data-moment>{}</time>', at.isoformat(timespec="seconds"), f"{at:%-d %b, %H:%M} UTC"
    )


@register.filter
def about_seconds(seconds: float | None) -> str:
    """43.0 → ~40 s; 95 → ~2 min. Empty when not known."""
    if seconds is None:
        return ""
    if seconds < 90:
        return f"~{max(1, round(seconds / 10) * 10 if seconds >= 10 else round(seconds))} s"
    return f"~{round(seconds / 60)} min"


@register.filter
def cents(usd: float | None) -> str:
    """0.021 (USD) → 2.1 ¢; 1.5 → $1.50; 0 → free; next to nothing → <0.1 ¢. Empty when the price is not known."""
    if usd is None:
        return ""
    if not usd:
        return "free"
    if usd < 0.0005:
        return "<0.1 ¢"
    return f"${usd:.2f}" if usd >= 1 else f"{usd * 100:.1f} ¢"


@register.filter
def size(count: int | None) -> str:
    """Bytes for a person: 940 B, 38 kB, 1.2 MB."""
    count = count or 0
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


@register.filter
def words_of(part: Part) -> int:
    """About how many words the model read of this part; 0.75 a token, as in English."""
    return 0 if part["left_out"] in {"you", "room"} else round(part["tokens"] * 0.75)


@register.filter
def words_in(parts: list[Part]) -> int:
    return sum(words_of(part) for part in parts)


@register.filter
def tokens_in(parts: list[Part]) -> int:
    """Tokens of what the model read of these parts, estimated (generation.reading.tokens)."""
    return sum(part["tokens"] for part in parts if part["left_out"] not in {"you", "room"})


@register.filter
def about_tokens(count: int) -> str:
    """3 → about 3 tokens; 1 → about 1 token; 2,412 → about 2,410 tokens."""
    rounded = round(count, -1) if count >= 100 else count
    return f"about {rounded:,} token{'' if rounded == 1 else 's'}"


@register.filter
def word_count(count: int) -> str:
    """3 → a few words; 2,412 → 2.4 thousand words; 340 → 340 words."""
    if count < 10:
        return "a few words"
    return f"{count / 1000:.1f} thousand words" if count >= 1000 else f"{round(count, -1)} words"


@register.filter
def days_words(days: int | None) -> str:
    """How long a card stays, in words."""
    if days is None:
        return "Pinned"
    return "Gone today" if days == 0 else "Gone tomorrow" if days == 1 else f"{days} days left"


@register.filter
def get(mapping: object, key: str) -> object:
    """The value of a key; "" when there is none, or no mapping."""
    return mapping.get(key, "") if isinstance(mapping, dict) else ""


@register.filter
def film_of(films: object, result: dict[str, Any]) -> object:
    """The film that shows a result: of the run that it names, else of the check itself. None when there is none."""
    return films.get(result.get("film") or result["id"]) if isinstance(films, dict) else None


@register.filter
def for_others(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Results of checks for whoever has the card's link (generation.checks.results)."""
    return results.for_others(rows)


@register.filter
def index(items: list[bool], at: int) -> bool:
    return at < len(items) and items[at]


@register.simple_tag
def ending_models() -> list[tuple[ModelRow, str]]:
    """Models that end soon or have ended, each with a sentence; for the first page of the admin."""
    return models_in_use.ending(timezone.now().date())
