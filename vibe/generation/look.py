"""Looks at a program: prepares what goes into the browser box or the tool's boxes, and reads what comes back.

What comes back was written in a box that ran a stranger's program: every value is checked for type and size.
"""

import json
import re
import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from sandbox.engine import Engine
from sandbox.limits import MIB, Limits
from sandbox.outcome import OnWait, Outcome
from sandbox.source import Source
from vibe import sealed
from vibe.generation import film, samples, tool, tool_film
from vibe.generation.bundle import Bundle
from vibe.generation.steps import Json

FRAME_JS = Path(__file__).resolve().parents[2] / "static" / "js" / "frame.js"
PORT = 8000
APP = "localhost"
# Each look has a name of its own; in what it saw it is this one, so that the same page is told of in the same words:
# repairs go by whether a failure is the same again.
NAMED, CALLED = re.compile(rb"\b[0-9a-f]{32}\.localhost\b"), b"page.localhost"
WIDE, PHONE = (1280, 800), (390, 844)


def source(page: Bundle, checks: Sequence[Json], *, brief: bool = False, slides: bool = False) -> Source:
    """The box that opens `page` under the same frame and headers as the card, and does the steps of `checks`.

    `brief`: nothing else is looked at and nothing is filmed (a program that must fail its checks). `slides`: it should
    be slides, so they are looked for even where nothing in the page looks like some.
    """
    nonce = secrets.token_urlsafe(16)
    app = f"http://{APP}:{PORT}"
    content = f"{secrets.token_hex(16)}.localhost"  # named as a card is
    job = {
        "app_host": APP,
        "content_host": content,
        "port": PORT,
        "document_headers": sealed.document_headers(app),
        "host_headers": sealed.host_headers(nonce, f"http://{content}:{PORT}"),
        "viewports": [WIDE, PHONE],
        "settle_ms": 400,
        "brief": brief,
        "slides": slides,
        "seconds": min(60 + 2 * len(checks), 95),  # a run takes a second; on a busy machine two or three
        "checks": [{k: c[k] for k in ("id", "steps", "expect") if k in c} for c in checks],
    }
    return Source(
        "browser",
        ("look",),
        {
            "page.html": page.document.encode(),
            "host.html": host_page(nonce, f"http://{content}:{PORT}/").encode(),
            "job.json": json.dumps(job).encode(),
        },
    )


def host_page(nonce: str, address: str) -> str:
    """The page around the frame, with the script that the product's own pages use."""
    return (
        f'<!doctype html><html lang="en" data-frame-allow="{escape(sealed.ALLOW)}"><meta charset="utf-8">'
        f'<title>check</title><style nonce="{nonce}">html,body,div,iframe{{margin:0;border:0;width:100%;height:100%;'
        f'display:block;overflow:hidden}}</style><body><div data-frame data-store="check" data-src="{escape(address)}"></div>'
        f'<script type="module" nonce="{nonce}">{FRAME_JS.read_text(encoding="utf-8")}</script>'
    )


def limits() -> Limits:
    """Of one look: a gigabyte, two minutes (the box itself stops well before), two pictures and the frames of films."""
    return Limits(time_s=120.0, memory_bytes=1024 * MIB, processes=256, artifacts=340, artifact_bytes=16 * MIB)


@dataclass(frozen=True)
class Observations:
    """What a run showed, as the journal keeps it. `shots` are PNG pictures by width (of a tool the first that it
    made), `films` the frames of each check by its id, `sample` all that a tool gave for its sample; none of them is journaled."""

    data: Json
    shots: dict[int, bytes] = field(default_factory=dict, repr=False)
    films: dict[str, list[film.Frame]] = field(default_factory=dict, repr=False)
    sample: Outcome | None = field(default=None, repr=False)

    def as_json(self) -> Json:
        return self.data


def observations(outcome: Outcome, page: Bundle, checks: Sequence[Json] = ()) -> Observations:
    """Reads a look's answer. A box that was lost or hung is a page that did not open, with the reason.

    `checks` are those that `source` was given: the words of their films are made from their steps."""
    files = {a.name: a.data for a in outcome.artifacts}
    if outcome.ended == "exit" and outcome.code:  # the checker itself broke: that says nothing about the page
        said = (outcome.stderr or outcome.stdout).strip().splitlines()
        return Observations({"unchecked": f"my checker broke ({said[-1][:200] if said else outcome.code})"})
    films: dict[str, list[film.Frame]] = {}
    try:
        raw = json.loads(NAMED.sub(CALLED, files.get("observations.json", b"")))
        data = _clean(raw, page)
        films = film.films(raw, files, checks, data)
        for check in data["checks"]:
            check["film"] = check["id"] in films  # the verdict names the run that it tells of
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        data = _clean({}, page)
        said = (outcome.stderr or outcome.stdout).strip().splitlines()
        data["reason"] = f"the sealed box ended early ({outcome.ended}{': ' + said[-1][:200] if said else ''})"
    shots = {w: files[f"shot-{w}.png"] for w in (WIDE[0], PHONE[0]) if _is_png(files.get(f"shot-{w}.png"))}
    return Observations(data, shots, films)


def _is_png(data: bytes | None) -> bool:
    return bool(data) and data is not None and data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) < 4 * MIB


def _clean(raw: Json, page: Bundle) -> Json:
    return {
        "loaded": raw.get("loaded") is True,
        "seconds": _number(raw.get("seconds")),
        "errors": [_error(e, page) for e in _list(raw.get("errors"), 100)],
        "requests": [{"url": str(r["url"])[:300], **_when(r)} for r in _list(raw.get("requests"), 40)],
        "absent": [{"path": str(f.get("path", ""))[:120], **_when(f)} for f in _list(raw.get("absent"), 40)],
        "missed": [_missed(m) for m in _list(raw["missed"], 20)]
        if isinstance(raw.get("missed"), list)
        else None,
        "cut": {
            str(width): [_cut(c) for c in _list(found, 20)] if isinstance(found, list) else None
            for width, found in list(dict(raw.get("cut") or {}).items())[:4]
        },
        "slides": _slides(raw["slides"]) if isinstance(raw.get("slides"), dict) else None,
        "text": str(raw.get("text", ""))[:5000],
        "title": str(raw.get("title", ""))[:200],
        "drawn": raw.get("drawn") is True,
        "colours": int(_number(raw.get("colours"))),
        # A stage that did not end leaves nothing here: what was not seen is not said.
        "sideways": {str(k): v is True for k, v in dict(raw.get("sideways") or {}).items()},
        "controls": {k: int(_number(v)) for k, v in dict(raw.get("controls") or {}).items()},
        "buttons_tried": [_button(b, page) for b in _list(raw.get("buttons_tried"), 40)],
        "untried": [str(name)[:60] for name in _list(raw.get("untried"), 200)],
        "checks": [_check(c) for c in _list(raw.get("checks"), 120)],
    }


def _list(value: Any, most: int) -> list[Any]:
    return value[:most] if isinstance(value, list) else []


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and abs(value) < 1e9 else 0.0


def _located(raw: Json, page: Bundle) -> Json:
    line = raw.get("line")
    if not isinstance(line, int) or not 0 < line < 1_000_000:
        return {"file": None, "line": None}
    file, at = page.where(line)
    return {"file": file, "line": at}


def _error(raw: Json, page: Bundle) -> Json:
    return {
        "kind": str(raw.get("kind", ""))[:20],
        "text": str(raw.get("text", ""))[:600],
        **_located(raw, page),
        **_when(raw),
    }


def _when(raw: Json) -> Json:
    """The stage of the look in which something came: open, phone, later, click (name: of the button), check (its id)."""
    return {"stage": str(raw.get("stage", ""))[:20], "name": str(raw.get("name", ""))[:60]}


def _button(raw: Json, page: Bundle) -> Json:
    return {
        "name": str(raw.get("name", ""))[:60],
        "errors": int(_number(raw.get("errors"))),
        "idle": str(raw.get("idle", ""))[:10],
        "left": raw.get("left") is True,
        "text": str(raw.get("text", ""))[:300],
        **_located(raw, page),
    }


def _missed(raw: Json) -> Json:
    """What one rule of axe-core found; of contrast `ratio` is what is there and `least` what is asked."""
    examples = [
        {k: str(e.get(k, ""))[:120] for k in ("html", "text")}
        | {k: _number(e.get(k)) for k in ("ratio", "least")}
        for e in _list(raw.get("examples"), 3)
    ]
    count = max(int(_number(raw.get("count"))), len(examples))
    return {"rule": str(raw.get("rule", ""))[:40], "count": count, "examples": examples}


def _cut(raw: Json) -> Json:
    """Words that something cuts off; of a slide with its number, from 1."""
    kept = {name: str(raw.get(name, ""))[:120] for name in ("how", "side", "text", "html", "by")}
    return {**kept, "slide": int(_number(raw.get("slide")))}


def _slides(raw: Json) -> Json:
    """How many slides were seen, how they were turned ("": not at all), and what does not fit on them."""
    below = [
        {"slide": int(_number(b.get("slide"))), "points": int(_number(b.get("points")))}
        for b in _list(raw.get("below"), 40)
    ]
    return {
        "asked": raw.get("asked") is True,
        "count": int(_number(raw.get("count"))),
        "seen": int(_number(raw.get("seen"))),
        "way": str(raw.get("way", ""))[:20],
        "late": raw.get("late") is True,
        "cut": [_cut(c) for c in _list(raw.get("cut"), 80)],
        "below": below,
    }


def _check(raw: Json) -> Json:
    failed = raw.get("failed")
    seen = [
        v if isinstance(v, bool | int | float) or v is None else str(v)[:3000]
        for v in _list(raw.get("seen"), 10)
    ]
    return {
        "id": str(raw["id"])[:60],  # a check's own id and, for its other runs, ~varied~again
        "failed": {
            "step": int(_number(failed.get("step"))),
            "why": str(failed.get("why", ""))[:300],
            "missing": failed.get("missing") is True,
        }
        if failed
        else None,
        "seen": seen,
        "raised": str(raw.get("raised") or "")[:300],
        "seconds": _number(raw.get("seconds")),
        "late": raw.get("late") is True,
    }


def line(answer: Json) -> str:
    """What a run came to, for the step's line."""
    if "runs" in answer:
        count = len(answer["runs"])
        return f"I ran it on {count} inputs" if count != 1 else "I ran it on one input"
    if not answer.get("loaded"):
        return "It did not open"
    clicked, used = len(answer.get("buttons_tried", [])), len(answer.get("checks", []))
    did = ["opened it"]
    if clicked:
        did.append(f"clicked {clicked} buttons" if clicked > 1 else "clicked its one button")
    if used:
        did.append(f"used it {used} times" if used > 1 else "used it once")
    return f"I {', '.join(did[:-1])} and {did[-1]}" if len(did) > 1 else "I opened it"


# --- tools ------------------------------------------------------------------------------------------------------


def run_tool_checks(
    engine: Engine,
    files: Mapping[str, str],
    spec: tool.ToolSpec,
    checks: Sequence[Json],
    *,
    given: Mapping[str, bytes] | None = None,
    cancelled: threading.Event | None = None,
    brief: bool = False,
    who: str = "",
    on_wait: OnWait | None = None,
) -> Observations:
    """Runs a tool on a sample (the person's own file where one fits), on noise, and once for each check. What it did
    with a person's file is in no film and no picture: those travel with the card.

    `brief`: for its checks alone (a program that must fail them)."""
    sample = samples.sample(spec, given, checks)
    own = sample if any(data in (given or {}).values() for data in sample.files.values()) else None
    tries: list[tuple[str, tool.Cleaned]] = [] if brief else [("sample", sample)]
    if not brief and (noise := samples.broken(spec, checks)):
        tries.append(("broken", noise))
    # What the form would refuse never reaches a tool; the check then sees the tool's defaults.
    tries += [(str(c["id"]), samples.promised(spec, c) or samples.sample(spec)) for c in checks]
    runs: list[Json] = []
    first: Outcome | None = None
    filmed: dict[str, list[film.Frame]] = {}
    for name, cleaned in tries:
        if cancelled and cancelled.is_set():
            break
        outcome = engine.run(
            tool.source(files, spec, cleaned),
            limits=tool.limits(),
            cancelled=cancelled,
            who=who,
            on_wait=on_wait,
        )
        runs.append({"check": name, "outcome": _journal(outcome)})
        first = first or outcome
        if not brief and cleaned is not own:
            filmed[name] = tool_film.frames(spec, cleaned, outcome)
            runs[-1]["film"] = True
    runs = [{**run, "of": sample.of} if run["check"] == "sample" else run for run in runs]
    made = tool_film.pictures(first) if first and not own else []
    shots = {WIDE[0]: made[0][0].data} if made and _is_png(made[0][0].data) else {}
    return Observations({"runs": runs}, shots, filmed, first)


def _journal(outcome: Outcome) -> Json:
    """An outcome small enough to keep: texts are cut, tables keep their beginning, pictures their size."""
    kept = outcome.as_json()
    kept["stdout"], kept["stderr"] = outcome.stdout[:8000], outcome.stderr[-4000:]
    kept["artifacts"] = [
        {
            "name": a.name,
            "size": len(a.data),
            **(
                {"text": a.data[:8000].decode("utf-8", "replace")}
                if a.name.endswith((".csv", ".txt", ".md", ".json"))
                else {}
            ),
        }
        for a in outcome.artifacts
    ]
    return kept


def sample_output(answer: Json) -> str:
    """What the tool printed on the sample, for the Output tab."""
    first = next((r for r in answer.get("runs", []) if r["check"] == "sample"), None)
    return str(first["outcome"]["stdout"] or first["outcome"]["stderr"]) if first else ""
