"""A case: its request, its replies, and what must come of it. See the head of cases/good/adds-up.txt."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from tests import modelserver as play
from vibe.llm import cassette

HERE = Path(__file__).parent
EXPECTED = (
    "state", "verdict", "current", "says", "broken", "unbroken", "idle", "not-checked", "files", "never-in-plan", "fenced",
    "told", "untold", "has", "lacks",
)  # fmt: skip
GIVEN = ("asked", "shape", "autonomy", "effort", "base", "ticked", "own", "why")
_SWAP = re.compile(r"^<<<<\n(.*?)^====\n(.*?)^>>>>\n?", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Case:
    """kind: the folder. calls: the purposes of its replies, in order: exactly these calls must be made."""

    kind: str
    name: str
    head: dict[str, list[str]]
    replies: list[cassette.Take]
    files: dict[str, bytes] = field(default_factory=dict)

    @property
    def calls(self) -> list[str]:
        broken_off = ("cut", "unended", "empty")  # the same call is made once more, in the same step
        given = [reply.purpose for reply in self.replies if reply.notes.get("how") not in broken_off]
        return given if "plan" in given else ["plan", *given]  # without one the server has a plan of its own

    def one(self, key: str, otherwise: str = "") -> str:
        return self.head.get(key, [otherwise])[0]

    def all(self, key: str) -> list[str]:
        return self.head.get(key, [])


def load(path: Path) -> Case:
    read = cassette.read(path.read_text(encoding="utf-8"))
    unknown = set(read.head) - {*EXPECTED, *GIVEN}
    assert not unknown, f"{path.name}: {unknown}"
    takes = [_whole(take) for take in read.takes]
    files = {t.notes["name"]: t.text.encode() for t in takes if t.purpose == "file"}
    return Case(path.parent.name, path.stem, dict(read.head), [t for t in takes if t.purpose != "file"], files)


def every() -> list[Case]:
    return [load(path) for path in sorted((HERE / "cases").glob("*/*.txt"))]


def _whole(take: cassette.Take) -> cassette.Take:
    """The take with what it has from a program of programs/, but for the lines that it has otherwise."""
    name = take.notes.get("from")
    if name is None:
        return take
    text = (HERE / "programs" / f"{name}.txt").read_text(encoding="utf-8")
    for old, new in _SWAP.findall(take.text):
        assert text.count(old) == 1, f"{name}: {old!r} stands there {text.count(old)} times"
        text = text.replace(old, new)
    if take.notes.get("lines") == "crlf":
        text = text.replace("\n", "\r\n")
    return cassette.Take(take.purpose, text, take.notes)


def behaviour(take: cassette.Take) -> play.Behaviour:
    """How the scripted server plays a reply: whole, thinking first, refusing, or with its line cut off."""
    match take.notes.get("how"):
        case "cut":
            return play.cut(take.text)
        case "thinking":
            return play.think(
                "Let me see. FILE index.html is what they want.\n```html\n<p>no</p>\n```\n", take.text
            )
        case "refusal":
            return play.refusal(take.text)
        case "unended":
            return play.no_finish(take.text)
        case "whole":
            return play.whole(take.text)
    return play.say(take.text, piece=700, finish=take.notes.get("finish", "stop"))
