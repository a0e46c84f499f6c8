"""Neighbours in unit tests: a box that answers at once, a model that follows a script. Journeys use the real ones."""

import json
import threading
from typing import Any

from sandbox.limits import Limits
from sandbox.outcome import Artifact, OnOutput, OnWait, Outcome
from sandbox.source import Source
from vibe.llm.client import OnDelta
from vibe.llm.message import Call, Reply, Usage
from vibe.llm.scripted import ScriptedClient

CALM: dict[str, Any] = {
    "loaded": True, "seconds": 0.1, "errors": [], "requests": [], "text": "hello", "title": "x", "drawn": False,
    "colours": 9, "sideways": {"390": False}, "controls": {}, "buttons_tried": [], "checks": [],
    "missed": [],
}  # fmt: skip
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f645"
    "400000000049454e44ae426082"
)


def jpeg(width: int = 640, height: int = 400, *, filled: int = 0) -> bytes:
    """What is enough of a JPEG to be told apart from what is none."""
    frame = (
        b"\xff\xc0" + (11).to_bytes(2) + b"\x08" + height.to_bytes(2) + width.to_bytes(2) + b"\x01\x01\x11\x00"
    )
    return b"\xff\xd8\xff\xe0\x00\x04\x00\x00" + frame + bytes(filled) + b"\xff\xd9"


class FakeEngine:
    """Class attributes are set by tests and put back by the fixture `boxes`."""

    trouble = ""
    observations: dict[str, Any] = CALM
    tool = Outcome("exit", 0, stdout="done\n", artifacts=(Artifact("out.csv", b"a,b\n1,2\n"),), seconds=0.1)
    left: tuple[Artifact, ...] = ()  # what a look leaves besides its observations and its picture
    ran: list[Source] = []
    holds: threading.Event | None = None
    late = False  # there is no time left to look at any promise

    def available(self) -> str:
        return FakeEngine.trouble

    def has_image(self, name: str) -> bool:
        return True

    def run(
        self, source: Source, *, limits: Limits | None = None, stdin: bytes = b"", on_output: OnOutput | None = None,
        cancelled: threading.Event | None = None, who: str = "", on_wait: OnWait | None = None,
    ) -> Outcome:  # fmt: skip
        FakeEngine.ran.append(source)
        if FakeEngine.holds:
            while not FakeEngine.holds.wait(0.01):
                if cancelled and cancelled.is_set():
                    return Outcome("cancelled")
        if source.image == "browser":
            seen = json.dumps({**FakeEngine.observations, "checks": self._checks(source)}).encode()
            return Outcome(
                "exit",
                0,
                artifacts=(
                    Artifact("observations.json", seen),
                    Artifact("shot-1280.png", PIXEL),
                    *FakeEngine.left,
                ),
            )
        if on_output and FakeEngine.tool.stdout:
            on_output("stdout", FakeEngine.tool.stdout)
        return FakeEngine.tool

    @staticmethod
    def _checks(source: Source) -> list[dict[str, Any]]:
        """Every promise is seen to be as promised, so that recipes hold."""
        wanted = json.loads(source.files["job.json"])["checks"]
        if FakeEngine.late:
            return [{"id": c["id"], "failed": None, "seen": [], "late": True} for c in wanted]
        return [{"id": c["id"], "failed": None, "seen": [_as_promised(e) for e in c["expect"]]} for c in wanted]

    def expect(self, image: str, limits: Limits | None = None) -> None:
        pass

    def reap(self) -> int:
        return 0

    def close(self) -> None:
        pass


def _as_promised(expect: dict[str, Any]) -> Any:
    if expect["see"] in {"visible", "changed", "kept"}:
        return True
    if expect["see"] == "hidden":
        return False
    if "number" in expect:
        return f"{expect['number']:.2f}"
    return expect.get("is") or expect.get("contains") or expect.get("at_least") or "12"


SCRIPT: list[Any] = []
CALLS: list[Any] = []


PLAN = "STEP It does what was asked\n"  # what every plan call is answered unless the script begins with a plan


class _Shared(ScriptedClient):
    def __init__(self) -> None:
        super().__init__([])
        self._replies = SCRIPT
        self.calls = CALLS

    def ask(
        self, call: Call, *, on_delta: OnDelta | None = None, cancelled: threading.Event | None = None
    ) -> Reply:
        if is_plan(call.messages[0].text) and not _begins_with_a_plan():
            return Reply(PLAN, "stop", Usage(10, 10))
        return super().ask(call, on_delta=on_delta, cancelled=cancelled)


def is_plan(system: str) -> bool:
    return system.startswith("You plan one small program")


def _begins_with_a_plan() -> bool:
    return bool(SCRIPT) and (not isinstance(SCRIPT[0], str) or SCRIPT[0].startswith(("TITLE", "STEP")))


def scripted() -> ScriptedClient:
    """The model client of tests: all of them answer from one SCRIPT."""
    return _Shared()
