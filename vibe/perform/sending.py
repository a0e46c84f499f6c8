"""How often a model is asked for one question: never more than its flow allows, kept in the row of its step.

A call counts from before it is made, so that one whose worker died counts, too. It counts no more when it is known that
it never reached the server, or was refused by it (llm.errors.LlmError.is_call).
"""

import threading
from collections.abc import Callable

from vibe.llm.client import Client
from vibe.llm.errors import LlmError, ModelFault
from vibe.llm.gathered import OnDelta
from vibe.llm.message import Call, Reply
from vibe.models import StepRecord
from vibe.models.away import patiently


class Sending:
    """A Client around another, for one step. `again`: the step is taken up after a worker that let go of it."""

    def __init__(self, client: Client, record: StepRecord, most: int, *, again: bool = False) -> None:
        self._client, self._record, self._most = client, record, most
        self._counts = not again  # the row counts the call that comes next

    @property
    def spent(self) -> bool:
        """Whether no further call may be made."""
        return not self._counts and self._sent >= self._most

    @property
    def _sent(self) -> int:
        return int(self._record.request.get("sent", 1))

    def ask(
        self, call: Call, *, on_delta: OnDelta | None = None, cancelled: threading.Event | None = None
    ) -> Reply:
        """See Client.ask. After a fault of the last call that is allowed, nobody need try again."""
        if not self._counts:
            self._count(1, cancelled.is_set if cancelled else lambda: False)
        try:
            return self._client.ask(call, on_delta=on_delta, cancelled=cancelled)
        except LlmError as end:
            self._counts = not end.is_call
            if isinstance(end, ModelFault) and self.spent:
                end.retry = False
            raise

    def let_go(self) -> None:
        """Nothing more is sent: a call that was counted and not made is free for whatever comes after it."""
        if self._counts:
            self._count(-1, lambda: True)
            self._counts = False

    def _count(self, more: int, given_up: Callable[[], bool]) -> None:
        """Only where the row still says what we know: who lost the lease takes nothing from who has it."""
        known = StepRecord.objects.filter(pk=self._record.pk, request__sent=self._sent)
        self._record.request = {**self._record.request, "sent": self._sent + more}
        patiently(lambda: known.update(request=self._record.request), given_up)
