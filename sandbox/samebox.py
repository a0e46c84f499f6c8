"""The rules of the gate: a box may be made when it comes out the same, composed anew by ourselves from its size; boxes are
listed all, or those of one life; of what happened to one it is told whether its memory was full.
"""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from sandbox import catalog
from sandbox.limits import MIB
from sandbox.sealing import LABEL, Fit, config

LARGEST = Fit(image="", memory_bytes=4096 * MIB, disk_bytes=1024 * MIB, processes=1024, cpus=4.0)
LONGEST_S = 3600  # a deadline further away is none
LIFE = re.compile(r"[0-9a-f:-]{0,120}")  # sandbox.life
_OWNER = re.compile(r"[\w.-]{1,120}")
_IDENTITY = re.compile(r"[0-9a-f]{64}")
_SIZE = re.compile(r"\bsize=(\d{1,15}),")


class Refused(Exception):
    """Raised for what is not let through, with a sentence."""


def same_box(asked: Mapping[str, Any], runtime: str, now: float) -> dict[str, Any]:
    """The sealed box that `asked` (the body of a "create") is, composed by ourselves. Raises Refused for any other.

    `now` in seconds since the epoch; `runtime` is that of the gate (SANDBOX_RUNTIME).
    """
    try:
        host, labels = asked["HostConfig"], asked["Labels"]
        names = {catalog.tag(name): name for name in catalog.names()}
        size = _SIZE.search(host["Tmpfs"]["/box"])
        fit = Fit(
            image=names[asked["Image"]],
            memory_bytes=_number(host["Memory"], LARGEST.memory_bytes),
            disk_bytes=_number(int(size[1]) if size else 0, LARGEST.disk_bytes),
            processes=_number(host["PidsLimit"], LARGEST.processes),
            cpus=_number(host["NanoCpus"], int(LARGEST.cpus * 1e9)) / 1e9,
            warm=f"{LABEL}.warm" in labels,
        )
        owner, life = labels[f"{LABEL}.owner"], labels[f"{LABEL}.life"]
        deadline = int(labels[f"{LABEL}.deadline"])
        if not _OWNER.fullmatch(owner) or not LIFE.fullmatch(life) or deadline > now + LONGEST_S:
            raise Refused("this box names no owner, or would stay for too long")
        own_cgroups = "CgroupnsMode" in host  # with or without: it takes from a box and gives it nothing
        ours: dict[str, Any] = json.loads(
            json.dumps(
                config(fit, owner=owner, deadline=deadline, life=life, runtime=runtime, own_cgroups=own_cgroups)
            )
        )
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise Refused(f"this is no box of ours ({type(problem).__name__})") from problem
    if ours != asked:
        raise Refused("this is no sealed box: " + ", ".join(_different(ours, asked))[:300])
    return ours


def _number(given: Any, most: int) -> int:
    if type(given) is not int or not 0 < given <= most:
        raise Refused(f"no box may be so large ({str(given)[:20]})")
    return given


def _different(ours: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    host, theirs = ours["HostConfig"], asked.get("HostConfig") or {}
    names = [name for name in {*ours, *asked} - {"HostConfig"} if ours.get(name) != asked.get(name)]
    names += [name for name in {*host, *theirs} if host.get(name) != theirs.get(name)]
    return sorted(names) or ["a value of another type"]


def list_of_boxes(life: str | None = None) -> str:
    """The address of the list of all boxes, or of those of one life."""
    labels = [f"{LABEL}=1"] + ([] if life is None else [f"{LABEL}.life={life}"])
    return "/containers/json?all=1&filters=" + quote(json.dumps({"label": labels}))


def asked_life(query: dict[str, list[str]]) -> str | None:
    """Whose boxes are asked for; None: everybody's. Raises Refused for any other filter: it must not be passed over,
    for whoever asks may be about to remove all that are listed."""
    filters = json.loads(query.get("filters", ["{}"])[0])
    labels = filters.pop("label", []) if isinstance(filters, dict) else None
    if filters or not isinstance(labels, list):
        raise Refused("boxes are listed by their label alone")
    lives = [text for text in map(str, labels) if text not in {LABEL, f"{LABEL}=1"}]
    if not lives:
        return None
    _, equals, life = lives[0].partition(f"{LABEL}.life=")
    if len(lives) > 1 or not equals or not LIFE.fullmatch(life):
        raise Refused("boxes are listed all, or those of one life")
    return life


def asked_memory(query: dict[str, list[str]], now: float) -> str:
    """The address at which the engine says whether memory was full in one box, of what was up to `now` (seconds since
    the epoch): asked for what comes, it would hold the line. Raises Refused for anything else that happens there."""
    filters = json.loads(query.get("filters", ["{}"])[0])
    boxes = filters.pop("container", None) if isinstance(filters, dict) else None
    if filters != {"event": ["oom"]} or not isinstance(boxes, list) or len(boxes) != 1:
        raise Refused("of what happens only full memory in one box is told")
    if not _IDENTITY.fullmatch(str(boxes[0])):
        raise Refused("a box has another id")
    ours = {"container": boxes, "event": ["oom"], "label": [f"{LABEL}=1"]}
    return f"/events?since=0&until={now:.9f}&filters=" + quote(json.dumps(ours))
