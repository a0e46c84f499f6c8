"""The two sliders as numbers (DESIGN §5). One screen: change it here and nowhere else."""

from dataclasses import dataclass

from vibe.choices import Autonomy, Effort
from vibe.generation.steps import Tier

#              effort:   quick  normal  thorough
_CALLS = {  #            model calls in one Job, at most
    Autonomy.ASK: (3, 4, 6),
    Autonomy.PLAN: (3, 5, 8),
    Autonomy.MAKE: (3, 5, 10),
    Autonomy.KEEP: (6, 12, 30),
}
_CANDIDATES = {  #       programs written side by side from the same plan
    Autonomy.ASK: (1, 1, 2),
    Autonomy.PLAN: (1, 1, 2),
    Autonomy.MAKE: (1, 1, 3),
    Autonomy.KEEP: (1, 2, 3),
}
_ASKS = {  #             what waits for the person
    Autonomy.ASK: frozenset({"question", "contradiction", "plan", "look", "repair", "save"}),
    Autonomy.PLAN: frozenset({"contradiction", "plan"}),
    Autonomy.MAKE: frozenset[str](),
    Autonomy.KEEP: frozenset[str](),
}
_EFFORTS = (Effort.QUICK, Effort.NORMAL, Effort.THOROUGH)
_REASONING = {Effort.QUICK: "low", Effort.NORMAL: "", Effort.THOROUGH: "high"}
KEEP_USD, KEEP_S = 0.50, 600.0  # where the person is asked nothing, these always end it


@dataclass(frozen=True)
class Policy:
    """calls: model calls at most in this Job. candidates: written side by side. asks: what the person answers.

    repairs: how often one program is mended on evidence before it is written afresh. persistent: goes on after the
    last rung until two rounds bring no newly passed check. reasoning: the model's effort knob, "" = leave it alone.
    usd and seconds end the Job; None: only the maker's allowance does. mutants: broken copies that the checks are
    tried on. tier: which model writes.
    """

    calls: int
    candidates: int
    asks: frozenset[str]
    repairs: int
    persistent: bool
    reasoning: str
    usd: float | None
    seconds: float | None
    mutants: int
    tier: Tier


def policy(autonomy: str, effort: str) -> Policy:
    """The Policy of one setting of the two sliders. Raises ValueError for values that are no stop."""
    dial, knob = Autonomy(autonomy), Effort(effort)
    column = _EFFORTS.index(knob)
    keep = dial is Autonomy.KEEP
    return Policy(
        calls=_CALLS[dial][column],
        candidates=_CANDIDATES[dial][column],
        asks=_ASKS[dial],
        repairs=1 if knob is Effort.QUICK else 2,
        persistent=keep,
        reasoning=_REASONING[knob],
        usd=KEEP_USD if keep else None,
        seconds=KEEP_S if keep else None,
        mutants=8 if knob is Effort.THOROUGH else 0,
        tier="quick" if knob is Effort.QUICK else "strong",
    )
