"""What a tool gave for its maker's own file while it was made, until its Version shows it."""

import json
from collections.abc import Mapping

from sandbox.outcome import Artifact, Outcome
from vibe import keepsakes
from vibe.models import Job


def keep(job: Job, files: Mapping[str, str], outcome: Outcome) -> None:
    """One line of JSON, then the bytes of what the tool made, one file after the other."""
    told = json.dumps(outcome.as_json()).encode()
    keepsakes.results.keep(job, files, b"".join([told, b"\n", *(made.data for made in outcome.artifacts)]))


def of(job: Job, files: Mapping[str, str]) -> Outcome | None:
    """What these files gave as this Job tried them; None when that was not kept."""
    kept = keepsakes.results.of(job, files)
    if kept is None:
        return None
    line, _, rest = kept.partition(b"\n")
    told = json.loads(line)
    made = []
    for one in told.pop("artifacts"):
        made.append(Artifact(one["name"], rest[: one["size"]], one["type"]))
        rest = rest[one["size"] :]
    return Outcome(**{**told, "notes": tuple(told["notes"])}, artifacts=tuple(made))
