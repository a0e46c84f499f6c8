"""Cassettes: what a model answered, call by call, in a text file that a person can read and write by hand.

    model: some-model
    recorded: 2026-11-24

    %%%%% plan in=812 out=300
    TITLE …
    %%%%% write finish=length
    …

The head is `key: value`, a line each; then a take for each call, under its purpose. A line of a take that begins with
five percent signs has one more of them in the file. Texts are kept byte for byte, but for the newline before a take.
"""

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from vibe.llm.client import Client
from vibe.llm.errors import TABLE, Cancelled, ModelFault
from vibe.llm.gathered import OnDelta
from vibe.llm.message import Call, Delta, Finish, Reply, Usage

MARK = "%%%%%"
_TAKE = re.compile(rf"{MARK} (\S+)((?: [a-z_]+=\S+)*)[ \t]*")
_HEAD = re.compile(r"([a-z][a-z-]*):(?: (.*))?")
_PIECE = 400  # characters that are played at once
_TALK = frozenset({"plan", "checks"})


class BadCassette(Exception):
    """Raised when a cassette cannot be read; `line` counts from 1."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(f"line {line}: {sentence}")
        self.line, self.sentence = line, sentence


@dataclass(frozen=True)
class Take:
    """One answer. notes: finish (stop, length, filter), in, out, cached (tokens), seconds; fault: the kind of a
    ModelFault that came instead."""

    purpose: str
    text: str
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def usage(self) -> Usage | None:
        """As the server counted it; None where nobody counted."""
        if "out" not in self.notes:
            return None
        tokens_in, tokens_out, cached = (int(self.notes.get(name, 0)) for name in ("in", "out", "cached"))
        return Usage(tokens_in, tokens_out, cached)


@dataclass(frozen=True)
class Cassette:
    """head: every value of a key, in order, as written."""

    head: Mapping[str, Sequence[str]] = field(default_factory=dict)
    takes: Sequence[Take] = ()

    def one(self, key: str, otherwise: str = "") -> str:
        return self.head.get(key, [otherwise])[0]


def read(text: str) -> Cassette:
    """The Cassette of a file's text. Raises BadCassette."""
    head: dict[str, list[str]] = {}
    takes: list[tuple[str, dict[str, str], list[str]]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith(MARK) and not line.startswith(MARK + "%"):
            found = _TAKE.fullmatch(line)
            if not found:
                raise BadCassette(number, f"“{line[:40]}” is no take: write {MARK} purpose name=value.")
            notes = dict(note.split("=", 1) for note in found[2].split())
            _sane(number, notes)
            takes.append((found[1], notes, []))
        elif takes:
            takes[-1][2].append(line.removeprefix("%") if line.startswith(MARK) else line)
        elif line.strip() and not line.startswith("#"):
            said = _HEAD.fullmatch(line)
            if not said:
                raise BadCassette(number, f"“{line[:40]}” is neither `key: value` nor a take.")
            head.setdefault(said[1], []).append((said[2] or "").strip())
    return Cassette(head, [Take(purpose, "\n".join(lines), notes) for purpose, notes, lines in takes])


def _sane(number: int, notes: Mapping[str, str]) -> None:
    for name in ("in", "out", "cached"):
        if not notes.get(name, "0").isdecimal():
            raise BadCassette(number, f"{name} is a number of tokens, not “{notes[name]}”.")
    if notes.get("finish", "stop") not in {"stop", "length", "filter"}:
        raise BadCassette(number, f"finish is stop, length or filter, not “{notes['finish']}”.")
    if (fault := notes.get("fault")) and fault not in TABLE:
        raise BadCassette(number, f"there is no fault “{fault}”; there are {', '.join(TABLE)}.")


def write(cassette: Cassette) -> str:
    """The text of its file; `read` gives the same Cassette again."""
    lines = [f"{key}: {' '.join(value.split())}" for key, values in cassette.head.items() for value in values]
    for take in cassette.takes:
        notes = "".join(f" {name}={value}" for name, value in take.notes.items())
        lines += (
            ["", f"{MARK} {take.purpose}{notes}"]
            if take is cassette.takes[0]
            else [f"{MARK} {take.purpose}{notes}"]
        )
        lines += ["%" + line if line.startswith(MARK) else line for line in take.text.split("\n")]
    return "\n".join(lines)


class Player:
    """A model client that answers from a cassette. A call gets the next take of its purpose, else the next one of its
    family (talk about a plan, or writing); where there is none the call ends in a fault that no patience mends."""

    def __init__(self, cassette: Cassette) -> None:
        self._left = list(cassette.takes)
        self._lock = threading.Lock()
        self.seconds = 0.0  # what the played takes took when they were recorded

    def ask(
        self, call: Call, *, on_delta: OnDelta | None = None, cancelled: threading.Event | None = None
    ) -> Reply:
        take = self._next(call.purpose)
        if take is None:
            fault = ModelFault("bad_request", f"the cassette has no take left for {call.purpose}")
            fault.sentence = f"The cassette has no reply left for “{call.purpose}”."
            raise fault
        took = float(take.notes.get("seconds", 0))
        self.seconds += took
        if kind := take.notes.get("fault"):
            fault = ModelFault(kind, "as recorded", partial=take.text)  # type: ignore[arg-type]  # read() knows it
            fault.retry, fault.usage = False, take.usage  # the patience was recorded with it
            raise fault
        for start in range(0, len(take.text), _PIECE):
            if cancelled and cancelled.is_set():
                raise Cancelled
            if on_delta:
                on_delta(Delta(take.text[start : start + _PIECE]))
        usage = take.usage or Usage(call.asked(), -(-len(take.text) // 4), estimated=True)
        finish: Finish = take.notes.get("finish", "stop")  # type: ignore[assignment]
        return Reply(take.text, finish, usage, took)

    def _next(self, purpose: str) -> Take | None:
        with self._lock:
            same = next((take for take in self._left if take.purpose == purpose), None)
            kin = next((t for t in self._left if (t.purpose in _TALK) == (purpose in _TALK)), None)
            if (take := same or kin) is not None:
                self._left.remove(take)
            return take


class Recorder:
    """Asks a real client and keeps what came in `takes`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.takes: list[Take] = []

    def ask(
        self, call: Call, *, on_delta: OnDelta | None = None, cancelled: threading.Event | None = None
    ) -> Reply:
        try:
            got = self._client.ask(call, on_delta=on_delta, cancelled=cancelled)
        except ModelFault as fault:
            self.takes.append(Take(call.purpose, fault.partial, {"fault": fault.kind, **_counted(fault.usage)}))
            raise
        notes = {"finish": got.finish, **_counted(got.usage), "seconds": f"{got.seconds:.1f}"}
        self.takes.append(Take(call.purpose, got.text, notes))
        return got


def _counted(usage: Usage | None) -> dict[str, str]:
    if usage is None:
        return {}
    return {"in": str(usage.tokens_in), "out": str(usage.tokens_out), "cached": str(usage.cached)}


__all__ = ["BadCassette", "Cassette", "Player", "Recorder", "Take", "read", "write"]
