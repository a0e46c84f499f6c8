"""The world that a making meets, scripted: answers from queues in place of models, boxes and people."""

from typing import Any

from vibe.generation import flow
from vibe.generation.drive import drive
from vibe.generation.request import Request, Result
from vibe.generation.steps import Approve, Ask, Consult, Inspect, Question, Run, Show, Step, Tell

FORCE = {
    "autonomy": "make", "effort": "normal", "model": "test-model", "quick": "test-model", "engine": True, "usd": 0.0,
    "seconds": 1.0, "weak": {},
    "writers": {tier: {"context": 0, "vision": False, "reasoning": True} for tier in ("quick", "strong")},
}  # fmt: skip
PAGE = "FILE index.html\n```html\n<title>Tea</title><p>hello</p>\n```\nDONE\n"
PLAN = "TITLE Tea timer\nSTEP A start button\nSTEP A bell\nCHECK It rings\n"
CHECKED = PLAN + '{"expect": [{"see": "visible", "target": {"text": "rings"}}], "covers": [2]}\n'
SEEN = {
    "loaded": True, "seconds": 0.1, "errors": [], "requests": [], "text": "hello", "title": "Tea", "drawn": False,
    "colours": 9, "sideways": {"390": False}, "controls": {}, "buttons_tried": [], "checks": [],
}  # fmt: skip
HELD = [
    {"id": "a-opens", "sentence": "It opens", "held": True, "idle": ""},
    {"id": "a-errors", "sentence": "It opens without errors", "held": True, "idle": ""},
]
BROKEN = {**SEEN, "errors": [{"kind": "uncaught", "text": "boom", "file": "index.html", "line": 2}]}
OTHERWISE = {**SEEN, "errors": [{"kind": "uncaught", "text": "bang", "file": "index.html", "line": 7}]}


def with_checks(seen: dict[str, Any], step: Run, *, hold: bool) -> dict[str, Any]:
    """`seen`, and every promise observed as it should be, or not."""
    return {
        **seen,
        "checks": [{"id": c["id"], "failed": None, "seen": [hold] * len(c["expect"])} for c in step.checks],
    }


class World:
    """Answers steps from queues and remembers them. A plan is PLAN unless the test says otherwise; programs that must
    fail the checks do fail them."""

    def __init__(
        self, *, asks=(), runs=(), force=None, approve=None, choice="", plan=PLAN, nulls_hold=False
    ) -> None:
        self.asks, self.runs = list(asks), list(runs)
        self.force = {**FORCE, **(force or {})}
        self.approve = approve or {}
        self.choice, self.plan, self.nulls_hold = choice, plan, nulls_hold
        self.seen: list[Step] = []

    def __call__(self, step: Step, number: str) -> dict[str, Any]:
        self.seen.append(step)
        match step:
            case Consult():
                return self.force
            case Ask(purpose="plan"):
                plans = self.plan if isinstance(self.plan, list) else [self.plan]
                return self._said(plans.pop(0) if len(plans) > 1 else plans[0])
            case Ask():
                return self._said(self.asks.pop(0))
            case Run(why="candidate"):
                answer = self.runs.pop(0) if self.runs else SEEN
                return (
                    answer
                    if answer.get("unchecked") or answer.get("checks")
                    else with_checks(answer, step, hold=True)
                )
            case Run():
                return with_checks(SEEN, step, hold=self.nulls_hold)
            case Approve():
                return self.approve.get(step.about, {"yes": True, "proposal": {}})
            case Question():
                return {"choice": self.choice}
            case Inspect():
                return {"files": {}}
            case Tell() | Show():
                return {}
        raise AssertionError(step)

    @staticmethod
    def _said(answer: Any) -> dict[str, Any]:
        return answer if isinstance(answer, dict) else {"text": answer, "finish": "stop", "model": "test-model"}

    def of(self, kind):
        return [s for s in self.seen if isinstance(s, kind)]

    def seen_by(self, purpose):
        """What each call of this purpose read, but for the system text."""
        return [ask.messages[-1].text for ask in self.of(Ask) if ask.purpose == purpose]

    def purposes(self):
        return [a.purpose for a in self.of(Ask)]

    def runs_of(self, why):
        return [r for r in self.of(Run) if r.why == why]


def make(world: World, request: Request | None = None) -> Result:
    return drive(flow.generate(request or Request("tea page", salt="s")), {}, world)
