"""The two sliders as numbers (DESIGN §5). One screen: change it here and nowhere else."""

from dataclasses import dataclass

from vibe.choices import Autonomy, Effort

_CALLS = {
    Autonomy.ASK: (3, 4, 6),
    Autonomy.PLAN: (3, 5, 8),
    Autonomy.MAKE: (3, 5, 10),
    Autonomy.KEEP: (6, 12, 30),
}
_EFFORTS = (Effort.QUICK, Effort.NORMAL, Effort.THOROUGH)


@dataclass(frozen=True)
class Policy:
    """calls: model calls at most in this Job. repairs: how often a broken version is mended on evidence.

    shows_plan: the plan waits for the person. reasoning: the model's effort knob, "" = leave it alone.
    """

    calls: int
    repairs: int
    shows_plan: bool
    reasoning: str


def policy(autonomy: str, effort: str) -> Policy:
    """The Policy of one setting of the two sliders. Raises ValueError for values that are no stop."""
    dial, knob = Autonomy(autonomy), Effort(effort)
    return Policy(
        calls=_CALLS[dial][_EFFORTS.index(knob)],
        repairs=3 if dial is Autonomy.KEEP else 1,
        shows_plan=dial in {Autonomy.ASK, Autonomy.PLAN},
        reasoning={Effort.QUICK: "low", Effort.NORMAL: "", Effort.THOROUGH: "high"}[knob],
    )
