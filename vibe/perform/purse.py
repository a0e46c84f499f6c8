"""The money at which a making that goes on by itself ends (policy.Policy.usd): no call is made that could take it past
that. Where less is left than the longest answer costs, the answer may be so much shorter.
"""

import threading
from dataclasses import replace

from django.db.models import Sum

from vibe.allowance import Spent
from vibe.generation.policy import policy
from vibe.llm.message import Call, Model, Usage
from vibe.models import Job, StepRecord

LEAST = 4_000  # tokens of an answer: with room for less no program is written


class Purse:
    """Of one Job and attempt; for the threads that ask side by side."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._taken: dict[int, float] = {}  # USD by step: what it may come to, later what it came to
        self._lock = threading.Lock()

    def take(self, step: int, call: Call) -> Call:
        """`call` with no longer answer than there is money for. Raises Spent where that is no use."""
        limit, model = policy(self._job.autonomy, self._job.effort).usd, call.model
        question = Usage(call.asked()).cost_usd(model)
        if limit is None or not question or not model.price_out:  # no price, or none that is known
            return call
        with self._lock:
            room = int((limit - self._spent(step) - question) / model.price_out * 1e6)
            if room < min(LEAST, call.room()):
                raise Spent(_over(limit))
            call = replace(call, max_tokens=min(call.max_tokens, room))
            self._taken[step] = call.most().cost_usd(model) or 0.0
        return call

    def hold_more(self, step: int, model: Model, lost: Usage) -> None:
        """A try broke off and was paid for, and the same may be paid once more. Raises Spent where it may not."""
        limit, more = policy(self._job.autonomy, self._job.effort).usd, lost.cost_usd(model)
        if limit is None or not more or step not in self._taken:
            return
        with self._lock:
            if self._spent(step) + self._taken[step] + more > limit:
                raise Spent(_over(limit))
            self._taken[step] += more

    def came_to(self, step: int, model: Model, usage: Usage | None) -> None:
        """The call has ended, with all its tries."""
        with self._lock:
            self._taken[step] = (usage.cost_usd(model) or 0.0) if usage else 0.0

    def _spent(self, but: int) -> float:
        """Of this Job, as far as prices are known; without the step `but`."""
        rows = StepRecord.objects.filter(job=self._job, kind="ask").exclude(pk__in=self._taken)
        before = rows.exclude(pk=but).aggregate(usd=Sum("cost_usd"))["usd"] or 0
        return float(before) + sum(usd for step, usd in self._taken.items() if step != but)


def _over(limit: float) -> str:
    return f"It ends here: the next step could take it past the limit of ${limit:.2f}."
