"""notebook: what a look is to do, and all that it saw so far.

A complaint, or a request to the outside, is written down the moment it comes, with the stage of the look in which it
came: nothing is lost with a page that hangs, and nothing is judged here.
"""

import json
import os
import re

COMPLAINTS, REQUESTS = 50, 40

JOB: dict = {}  # what is to be done, and where; read when the box has it
SEEN = {
    "loaded": False, "seconds": 0.0, "errors": [], "requests": [], "text": "", "title": "", "html_nodes": 0,
    "colours": 0, "drawn": False, "sideways": {}, "controls": {"buttons": 0, "inputs": 0},
    "missed": None, "cut": {}, "slides": None, "absent": [], "buttons_tried": [], "untried": [], "checks": [], "films": {},
}  # fmt: skip


class Now:
    """What is being done: open, phone, later (it was left alone for a while), slides, click (`name` is the button's) or check
    (`name` is the run's id; `step` its step, from 0; -1: it is being opened; as many as there are: it is looked at).
    `killed`: the browser was ended because the page did not come back. `leaving`: the page in which `before` was done is
    still there."""

    stage, name, step = "open", "", -1
    before = stage, name
    killed = leaving = False


def doing(stage: str, name: str = "") -> None:
    Now.before = Now.stage, Now.name
    Now.stage, Now.name, Now.step = stage, name, -1


def when() -> dict[str, str]:
    """In which stage that comes which comes now."""
    stage, name = Now.before if Now.leaving else (Now.stage, Now.name)
    return {"stage": stage, "name": name}


def complain(kind: str, text: str, line=None, column=None) -> None:
    """Write a complaint down, once: a page says the same each time it is opened."""
    known = {
        (e["kind"], e["text"], e["line"], e["stage"] if kind in ("stuck", "crash") else "")
        for e in SEEN["errors"]
    }
    quiet, now = kind.startswith("console"), when()
    if (kind, text, line, now["stage"] if kind in ("stuck", "crash") else "") in known:
        return
    if sum(1 for e in SEEN["errors"] if e["kind"].startswith("console") == quiet) < COMPLAINTS:
        SEEN["errors"].append({"kind": kind, "text": text, "line": line, "column": column, **now})


def read_job() -> None:
    with open("job.json", encoding="utf-8") as source:
        JOB.update(json.load(source))


def address() -> str:
    """The page's own."""
    return f"http://{JOB['content_host']}:{JOB['port']}/"


def asked_for(url: str) -> None:
    """Write down an address that the page asked for: one outside, or a file of its own that is not there (its path)."""
    if url.startswith(address()):
        path = re.split("[?#]", url.removeprefix(address()))[0]
        if path and len(SEEN["absent"]) < REQUESTS and all(f["path"] != path for f in SEEN["absent"]):
            SEEN["absent"].append({"path": path, **when()})
    elif len(SEEN["requests"]) < REQUESTS and all(r["url"] != url for r in SEEN["requests"]):
        SEEN["requests"].append({"url": url, **when()})


def note() -> None:
    with open("out/observations.tmp", "w", encoding="utf-8") as out:
        json.dump(SEEN, out)
    os.replace("out/observations.tmp", "out/observations.json")
