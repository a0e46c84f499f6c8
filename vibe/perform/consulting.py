"""What is in force at this moment: where the dials stand, which models may be asked, what the Job has spent."""

from vibe import models_in_use, weak_spots
from vibe.generation import steps
from vibe.llm.message import Model
from vibe.models import Job, StepRecord
from vibe.perform.boxes import engine


def in_force(job: Job, step: steps.Consult, *, usd: float | None) -> steps.Json:
    """The answer of a Consult. `usd`: what the Job has cost; None where a price is not known."""
    job.refresh_from_db(fields=["autonomy", "effort"])
    model, quick = models_in_use.model_for("strong"), models_in_use.model_for("quick")
    writers = {"quick": _known(quick), "strong": _known(model)}
    if seeing := models_in_use.seeing():
        writers["vision"] = _known(seeing)
    return {
        "autonomy": job.autonomy,
        "effort": job.effort,
        "model": model.name if model else "",
        "quick": quick.name if quick else "",
        "writers": writers,
        "engine": engine().available() == "",
        "usd": usd,
        "calls": StepRecord.calls_of(job.steps.filter(void=True)),
        "seconds": StepRecord.took([job.pk]).get(job.pk, 0.0),
        "weak": weak_spots.sentences(job.kind) if step.at in {"start", "model"} else {},
    }


def _known(model: Model | None) -> steps.Json:
    """What the flow must know of a model that may write. Only what it was seen to do counts."""
    can = model.can if model else frozenset()
    return {
        "context": (model.context or 0) if model else 0,
        "vision": "vision" in can,
        "reasoning": "reasoning_effort" in can,
    }
