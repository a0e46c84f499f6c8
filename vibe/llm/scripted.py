"""A model that replays a script: for tests of neighbours and for trying everything but the model."""

import threading
from collections.abc import Iterable

from vibe.llm.errors import Cancelled, ModelFault
from vibe.llm.gathered import OnDelta
from vibe.llm.message import Call, Delta, Reply, Usage


class ScriptedClient:
    """Answers with the next of `replies` (text, or a ModelFault to raise) and remembers the `calls`."""

    def __init__(self, replies: Iterable[str | ModelFault], *, chunk: int = 40) -> None:
        self._replies = list(replies)
        self._chunk = chunk
        self.calls: list[Call] = []

    def ask(
        self, call: Call, *, on_delta: OnDelta | None = None, cancelled: threading.Event | None = None
    ) -> Reply:
        self.calls.append(call)
        if not self._replies:
            raise ModelFault("empty", "the script has ended")
        reply = self._replies.pop(0)
        if isinstance(reply, ModelFault):
            raise reply
        for start in range(0, len(reply), self._chunk):
            if cancelled and cancelled.is_set():
                raise Cancelled
            if on_delta:
                on_delta(Delta(reply[start : start + self._chunk]))
        asked = sum(len(m.text) for m in call.messages)
        return Reply(reply, "stop", Usage(asked // 4, len(reply) // 4, estimated=True))
