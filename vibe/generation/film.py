"""The film of a run: what the browser box saw while it used a page, with words for each picture. Of a tool:
tool_film.py.

The pictures come out of a box that ran a stranger's program: one that is no small JPEG is left out. The words are
ours, made from the steps that we asked for; of the page itself only the names of its buttons are quoted. Nothing
here knows verdicts or Django; where films are kept is vibe/films.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from vibe.generation.steps import Json

FRAMES = 14  # of one run
FRAME_BYTES, LOOK_BYTES = 40_000, 4_000_000
PNG = b"\x89PNG\r\n\x1a\n"
SIDE = 1300  # pixels: a small file may still claim to be a huge picture
BUTTONS, BUTTONS_ID = "buttons", "a-buttons"  # the film of the always-on check of the buttons


@dataclass(frozen=True)
class Frame:
    """One moment: a picture, or of a tool its form, what it said, or a table. `width` and `height` in pixels of the
    picture; `bad`: here a step failed or a button raised an error; `look`: the moment of looking at the end; `x`, `y`: the
    tip of the hand, as parts (0 to 1) of the picture. `form`: {"label", "value", "now", "kind"} of each input;
    `table`: {"head", "rows", "numeric", "left_out"}; `whole`: the picture is what came out, so nothing of it is cut off."""

    words: str
    picture: bytes = field(default=b"", repr=False)
    width: int = 0
    height: int = 0
    bad: bool = False
    look: bool = False
    x: float | None = None
    y: float | None = None
    form: Sequence[Json] = ()
    said: str = ""
    table: Json | None = None
    whole: bool = False


def films(raw: Json, files: Mapping[str, bytes], runs: Sequence[Json], seen: Json) -> dict[str, list[Frame]]:
    """{run id: its frames}. `raw` is the box's own account, `files` what it left, `runs` what it was asked to do,
    `seen` the cleaned observations."""
    accounts = raw.get("films")
    if not isinstance(accounts, dict):
        return {}
    failed = {c["id"]: c["failed"] for c in seen["checks"] if c["failed"]}
    buttons: list[Json] = seen["buttons_tried"]
    left, out = LOOK_BYTES, {}
    asked = [(str(at), str(run["id"]), run.get("steps", [])) for at, run in enumerate(runs)]
    for name, id_, steps in [*asked, (BUTTONS, BUTTONS_ID, [])]:
        frames = []
        told = _list(accounts.get(name))[:FRAMES]
        for number, account in enumerate(told):
            data = files.get(f"film-{name}-{number}.jpg", b"")
            size = size_of(data)
            if not isinstance(account, dict) or size is None or len(data) > left:
                continue
            left -= len(data)
            step = account.get("step")
            if name == BUTTONS:
                words, bad = _of_button(step, buttons)
            else:
                last = number == len(told) - 1
                words, bad = _of_step(step, steps, failed.get(id_) if last else None)
            look = step is None and name != BUTTONS
            frames.append(
                Frame(words, data, *size, bad, look, _part(account.get("x")), _part(account.get("y")))
            )
        if (at := failed.get(id_)) and frames and not frames[-1].bad and len(frames[-1].picture) <= left:
            left -= len(frames[-1].picture)  # the page hung there: no picture of it could be taken any more
            frames.append(replace(frames[-1], words=_stuck(at, steps), bad=True, look=False))
        if len(frames) > 1:  # one picture of a page that just opened shows nothing being used
            out[id_] = frames
    return out


def size_of(data: bytes, most: int = FRAME_BYTES, side: int = SIDE) -> tuple[int, int] | None:
    """Width and height of a JPEG; None for what is none, is too large, or would unpack to something huge."""
    if len(data) > most or not data.startswith(b"\xff\xd8\xff") or not data.endswith(b"\xff\xd9"):
        return None
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        kind, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            height, width = int.from_bytes(data[at + 5 : at + 7]), int.from_bytes(data[at + 7 : at + 9])
            return (width, height) if 0 < height <= side and 0 < width <= side else None
        at += 2 + length
    return None


def picture_size(data: bytes, most: int, side: int) -> tuple[int, int] | None:
    """The same of a JPEG or a PNG: the two kinds of picture that a film may hold."""
    if not data.startswith(PNG):
        return size_of(data, most, side)
    width, height = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    fits = len(data) <= most and data[12:16] == b"IHDR" and 0 < width <= side and 0 < height <= side
    return (width, height) if fits else None


# --- words ------------------------------------------------------------------------------------------------------


def _of_step(number: Any, steps: Sequence[Json], failed: Json | None) -> tuple[str, bool]:
    if number is None:
        return "Then I looked", False
    if number == -1 or not isinstance(number, int) or not 0 <= number < len(steps):
        return "I opened it", False
    if failed and failed["step"] == number:
        return _stuck(failed, steps), True
    return _sentence(steps[number]), False


def _stuck(failed: Json, steps: Sequence[Json]) -> str:
    """What could not be done, and why: a step, or what comes before and after all of them."""
    at = failed["step"]
    could_not = "I could not begin" if at < 0 else "I could not look"
    told = _sentence(steps[at], could_not=True) if 0 <= at < len(steps) else could_not
    return f"{told}: {short(failed['why'], 300)}"


def _of_button(number: Any, buttons: Sequence[Json]) -> tuple[str, bool]:
    if not isinstance(number, int) or number < 0:
        return "I opened it", False
    if number >= len(buttons):
        return "I clicked a button", False
    button = buttons[number]
    name = f"“{short(button['name'])}”" if button["name"] else "a button"
    bad = bool(button["errors"])
    return f"I clicked {name}{', and it raised an error' if bad else ''}", bad


def _sentence(step: Json, *, could_not: bool = False) -> str:
    """A step as a person would tell it: I typed 90 into “Bill”."""
    called, value = _called(step.get("target")), short(step.get("value", ""))
    on = f" {called}" if called else " here"
    into = f" into {called}" if called else " here"
    unticks = step["do"] == "uncheck" or str(step.get("value") or "yes").lower() in ("no", "false", "0")
    told = {
        "fill": (f"typed {value}{into}" if value else f"emptied{on}", f"type {value}{into}"),
        "click": (f"clicked{on}", f"click{on}"),
        "check": ((f"unticked{on}", f"untick{on}") if unticks else (f"ticked{on}", f"tick{on}")),
        "uncheck": (f"unticked{on}", f"untick{on}"),
        "select": (f"chose {value}" + (f" in {called}" if called else " here"), f"choose {value}"),
        "press": (f"pressed {short(step.get('key', ''))}", f"press {short(step.get('key', ''))}"),
        "reload": ("loaded the page anew", "load the page anew"),
        "open": ("opened it anew", "open it anew"),
        "wait": (f"waited {float(step.get('seconds') or 1):g} s", "wait"),
        "resize": (f"made the window {step.get('width')} points wide", "change the window"),
    }
    did, would = told.get(step["do"], (f"did “{step['do']}”", f"do “{step['do']}”"))
    return f"I could not {would}" if could_not else f"I {did}"


def _called(target: Json | None) -> str:
    """The name of an element for a person; "" when only a selector says which: the hand shows it."""
    if not target:
        return ""
    name = target.get("name") or target.get("label") or target.get("text") or target.get("mark")
    return f"“{short(name)}”" if name else f"the {target['role']}" if target.get("role") else ""


def short(value: object, most: int = 60) -> str:
    """One line of characters that can be seen: no control codes, no hidden direction."""
    text = "".join(c for c in " ".join(str(value).split()) if c.isprintable())
    return text if len(text) <= most else text[: most - 1] + "…"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _part(value: Any) -> float | None:
    given = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if given and 0 <= value <= 1 else None
