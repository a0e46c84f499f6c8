"""Caps: how much of everything one person, one network address and the whole site may cause. Pure values.

Each has two defaults: for a server that is open to others, and for a person's own machine, where the one who would be
refused is the one who owns it. The environment sets each of them (`VIBE_` and the name in capitals); the admin may
say otherwise for the site and for one maker (models/allowance.py). None is no limit.
"""

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields

MB = 1_000_000


def _cap(open_: int | None, own: int | None, about: str) -> int | None:
    return field(default=open_, metadata={"open": open_, "own": own, "about": about})


@dataclass(frozen=True)
class Caps:
    """A day and an hour are those of UTC; MB are millions of bytes."""

    maker_at_once: int | None = _cap(
        5, 5, "programs one person has being made at once, and as many runs of tools"
    )
    maker_jobs_per_day: int | None = _cap(60, 1000, "programs, changes and copies of one person in a day")
    maker_runs_per_hour: int | None = _cap(60, 1000, "runs of tools of one person in an hour")
    maker_upload_mb_per_day: int | None = _cap(500, 20_000, "MB of files that one person gives in a day")
    maker_stored_mb: int | None = _cap(
        1000, 50_000, "MB that are kept of one person: files, results, pictures and films"
    )
    maker_sockets: int | None = _cap(24, 200, "pages of one person that follow by themselves at once")
    card_runs_per_hour: int | None = _cap(300, 3000, "runs of one card by all its visitors in an hour")
    address_makers_per_day: int | None = _cap(30, None, "new makers from one network address in a day")
    address_jobs_per_day: int | None = _cap(
        150, None, "programs, changes and copies from one network address in a day"
    )
    address_runs_per_hour: int | None = _cap(200, None, "runs of tools from one network address in an hour")
    address_upload_mb_per_day: int | None = _cap(
        1500, None, "MB of files that come from one network address in a day"
    )
    address_passwords_per_hour: int | None = _cap(
        20, None, "wrong passwords of the admin from one network address in an hour"
    )
    address_sockets: int | None = _cap(120, None, "pages that one network address follows at once")
    site_queue: int | None = _cap(200, 500, "programs and runs that wait for their turn")
    site_makers_per_day: int | None = _cap(5000, None, "new makers in a day")
    site_jobs_per_day: int | None = _cap(5000, None, "programs, changes and copies of all people in a day")
    site_runs_per_hour: int | None = _cap(5000, None, "runs of tools of all people in an hour")
    site_upload_mb_per_day: int | None = _cap(20_000, None, "MB of files that all people give in a day")
    site_stored_mb: int | None = _cap(50_000, None, "MB that are kept of all people")
    site_sockets: int | None = _cap(5000, 5000, "pages that follow at once, in one process of pages")


def env_name(one: "Field[int | None]") -> str:
    """site_queue → VIBE_SITE_QUEUE."""
    return f"VIBE_{one.name.upper()}"


def read_caps(env: Mapping[str, str], *, own: bool, wrong: list[str]) -> Caps:
    """The Caps of `env`; what is wrong in it is added to `wrong`. `own`: this is a person's own machine."""
    found: dict[str, int | None] = {}
    for one in fields(Caps):
        text = env.get(env_name(one), "").strip()
        if not text:
            found[one.name] = one.metadata["own" if own else "open"]
        elif text == "none":
            found[one.name] = None
        elif text.isascii() and text.isdecimal() and len(text) < 10:
            found[one.name] = int(text)
        else:
            wrong.append(f"{env_name(one)} must be a whole number or none, got {text[:20]!r}")
    return Caps(**found)
