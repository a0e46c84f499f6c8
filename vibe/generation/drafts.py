"""A model's reply as files: a Draft, or why it cannot be used."""

from dataclasses import dataclass

from vibe.generation import reply
from vibe.generation.edits import EditFailed, apply_edits
from vibe.generation.refusals import refusals
from vibe.generation.request import Request
from vibe.generation.steps import Json


@dataclass(frozen=True)
class Draft:
    """Files that a model wrote, with what it said about them."""

    files: dict[str, str]
    said: str
    model: str


@dataclass(frozen=True)
class Unusable:
    """A reply in a form that cannot be used: why, for the model; and the edit that did not fit, if that was it."""

    problems: tuple[str, ...]
    edit: EditFailed | None = None


def read(request: Request, answer: Json, old: dict[str, str] | None = None) -> Draft | Unusable | str:
    """The files of a reply; why they cannot be used; or the sentence of a fault."""
    if fault := answer.get("fault"):
        return str(fault["sentence"])
    if old is None:
        old = dict(request.base.files) if request.base else {}
    parsed = reply.parse(answer["text"], answer["finish"], old=old)
    problems = [p.sentence for p in parsed.problems]
    if parsed.truncated is not None:
        problems.append("The reply ended before it was complete. Write shorter files.")
    files, misfit = {**old, **parsed.files}, None
    if parsed.edits and not problems:  # offered for long files only; where it fits, a short one takes it too
        try:
            files = apply_edits(files, parsed.edits)
        except EditFailed as failed:
            misfit = failed
            problems.append(str(failed))
    if not parsed.files and not parsed.edits and not problems:
        problems.append("There was no file in the reply.")
    if not problems and old:
        # Of a new program the words say what it is to be like, and not what should go: “a simple timer”.
        problems += refusals(old, files, request.description if request.base else "")
    if problems:
        return Unusable(tuple(problems), misfit)
    return Draft(files, parsed.prose.strip(), answer.get("model", ""))
