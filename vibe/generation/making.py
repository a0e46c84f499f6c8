"""The making with a model, in order: look at the files, agree, write, climb, measure, save."""

from collections.abc import Generator

from vibe.generation.agree import agree, settled
from vibe.generation.climb import climb, measure
from vibe.generation.looks import look, words_about
from vibe.generation.request import Request, Result
from vibe.generation.steps import Approve, Inspect, Json, Step
from vibe.generation.trial import finish
from vibe.generation.work import Nothing, Work
from vibe.generation.write import write

Making = Generator[Step, Json, Result]


def with_model(request: Request, force: Json) -> Making:
    """Make or change one program with a model. Raises Nothing when there is none in the end."""
    if request.shape == "tool" and not force["engine"]:
        raise Nothing(
            "Tools need a sealed box to run in, and there is none on this machine now. "
            "I can make it as a page instead: choose Page and send it again."
        )
    work = Work(request, force)
    if request.uploads:
        names = tuple(dict.fromkeys(upload.name for upload in request.uploads))
        work.summaries = (yield Inspect(names, pictures=work.any_sees()))["files"]
    work.plan = yield from agree(work)
    candidates = yield from write(work, settled)
    looked = yield from look(work, (yield from climb(work, candidates)), candidates)
    best = looked.best
    measures = {**(yield from measure(work, best)), **work.open_questions()}
    keep = looked.picked and request.base is None  # who picked one of them wants it kept
    if not keep:
        keep = bool((yield Approve("save", {"sentence": best.state}))["yes"])
    return finish(
        request,
        best,
        title=work.title_of(best),
        why=work.stopped,
        wasted=work.wasted,
        not_checked=work.not_checked(best),
        measures=measures,
        keep=keep,
        looks=[
            finish(
                request,
                other,
                title=work.title_of(other),
                sentence=words_about(other),
                not_checked=work.not_checked(other),
                keep=False,
            )
            for other in looked.others
        ],
    )
