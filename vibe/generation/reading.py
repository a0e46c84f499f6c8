"""What a model reads, in parts: each has a name, a size and words for the person, who may take it out.

The order is for a provider's prefix cache: what never changes comes first, the request last. Sizes are estimates, four
characters a token; no tokenizer of a model is known here. What a stranger wrote stands in data blocks; the plan call
reads plan_text and nothing else.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from vibe.generation import output
from vibe.generation.attachments import summary_text, without_box
from vibe.generation.context import data_block, file_block, pointed_block
from vibe.generation.plan_facts import facts_for_plan
from vibe.generation.request import Request
from vibe.generation.steps import Json
from vibe.llm.message import IMAGE_TOKENS, Message

ASSUMED = 32_000  # tokens, where a model's context is not known
REPLY = 16_000  # tokens kept free for the answer; half the context where that is less
SHOWN = 10  # attachments that are described
HISTORY = 20  # earlier requests
ENTRIES = ("index.html", "main.py", "main.js", "main.rs", "main.c", "main.cpp", "main.sh", "tool.toml")


def tokens(text: str) -> int:
    """An estimate: four characters a token (less for Chinese or Japanese, which it undercounts)."""
    return -(-len(text) // 4)


@dataclass(frozen=True)
class Part:
    """`text` goes to the model; `short` is the same with less, `gone` what stands there when it was taken out.

    name: history, run, file:<path>, upload:<name> …; label: for the person; loose: a file that nothing refers to.
    """

    name: str
    label: str
    text: str
    removable: bool = False
    short: str = ""
    gone: str = ""
    loose: bool = False
    images: tuple[str, ...] = ()

    @property
    def tokens(self) -> int:
        return tokens(self.text) + IMAGE_TOKENS * len(self.images)


class TooMuch(Exception):
    """Raised when a request cannot be made to fit; `sentence` says so to the person."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True)
class Reading:
    """Ready for an Ask: `parts` are its parts as JSON (name, label, tokens, removable, left_out: "", "you", "room").

    max_tokens: what is free for the answer. note: what had to be left out, for the person; "" when nothing had.
    """

    messages: tuple[Message, ...]
    parts: tuple[Json, ...]
    max_tokens: int
    note: str = ""


def parts(
    request: Request,
    *,
    system: str,
    guidance: str,
    files: Mapping[str, str] | None = None,
    summaries: Mapping[str, Json] | None = None,
    run: str | None = None,
    agreed: str = "",
    problems: str = "",
    vision: bool = False,
) -> list[Part]:
    """All that a call could read, in order: system · guidance · files · attachments · run · history · plan · request.

    system, guidance: filled prompts. files: instead of the base's (a repair). summaries: the answer of Inspect, by
    name. run: evidence instead of the base's last run. agreed: the plan in lines. problems: why the last
    reply could not be used; they come last, so that the call before is this one's prefix. vision: pictures may be shown.
    """
    current = files if files is not None else request.base.files if request.base else {}
    made = [Part("system", "My own rules", system), Part("guidance", "What kind of thing it is", guidance)]
    made += _files(request, current)
    made += _uploads(request, summaries or {}, vision)
    seen = output.last_run(request.last_run, current.keys()) if run is None else run
    if seen:
        text = "What its last run showed:\n" + data_block("last run", seen, request.salt)
        made.append(Part("run", "What its last run showed", text, removable=run is None))
    if request.history:
        lines = "\n".join(f"- {_line(h)}" for h in request.history[-HISTORY:])
        text = data_block("earlier requests", lines, request.salt) if request.foreign else lines
        made.append(
            Part("history", "What you asked before", f"Earlier requests, oldest first:\n{text}", removable=True)
        )
    if agreed:
        made.append(Part("plan", "The plan", agreed))
    asks = "The person now asks:" if request.base else "The person asks:"
    asked = f"{asks}\n\n{request.description}{pointed_block(request)}"
    made.append(Part("request", "What you ask now", asked))
    return [*made, Part("problems", "What was wrong with the last reply", problems)] if problems else made


def _files(request: Request, files: Mapping[str, str]) -> list[Part]:
    loose = unreferenced(files, request.description)
    made = []
    for path in sorted(files):
        text = file_block(path, files[path])
        made.append(
            Part(
                f"file:{path}",
                f"{'Somebody else’s' if request.foreign else 'Your'} file {path}",
                data_block(f"file {path}, written by somebody else", text, request.salt)
                if request.foreign
                else text,
                removable=path not in ENTRIES,
                gone=f"(There is a file {path} that is not shown here. It stays as it is: do not write it.)",
                loose=path in loose,
            )
        )
    return made


def _uploads(request: Request, summaries: Mapping[str, Json], vision: bool) -> list[Part]:
    made = []
    uploads = list(
        {u.name: u for u in request.uploads}.values()
    )  # sent again under its name: the later one counts
    for upload in uploads[:SHOWN]:
        summary = summaries.get(upload.name) or without_box(upload.name, upload.size, upload.head)
        picture = str(summary.get("picture", "")) if vision else ""
        texts = [
            f"The person attached a file:\n{data_block(upload.name, summary_text(summary, samples=s), request.salt)}"
            for s in (True, False)
        ]
        made.append(
            Part(
                f"upload:{upload.name}",
                f"What is in {upload.name}",
                texts[0],
                removable=True,
                short=texts[1],
                gone="(The person attached a file that is not described here.)",
                images=(f"data:image/jpeg;base64,{picture}",) if picture else (),
            )
        )
    if (more := len(uploads) - SHOWN) > 0:
        made.append(Part("uploads", "Other files you attached", f"({more} more files are attached.)"))
    return made


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 300 else line[:299] + "…"


def unreferenced(files: Mapping[str, str], words: str) -> set[str]:
    """Paths that neither the program's entry, nor a file that it leads to, nor `words` names."""
    reached = {p for p in files if p in ENTRIES or PurePosixPath(p).name.lower() in words.lower()}
    todo = list(reached)
    while todo:
        text = files[todo.pop()]
        for path in files.keys() - reached:
            one = PurePosixPath(path)
            named = one.name in text or (one.suffix == ".py" and re.search(rf"\b{re.escape(one.stem)}\b", text))
            if named:
                reached.add(path)
                todo.append(path)
    return set(files) - reached if reached else set()


# --- the budget -------------------------------------------------------------------------------------------------

State = Literal[
    "", "short", "you", "room"
]  # as it is, with less, taken out by the person, left out for want of room
RUNGS: tuple[tuple[str, State], ...] = (
    ("what you asked before", "room"),
    ("what the last run showed", "room"),
    ("the examples from your files", "short"),
    ("files that nothing uses", "room"),
)


def assemble(
    all_parts: Sequence[Part], without: Collection[str] = (), *, context: int | None = None, reply: int = REPLY
) -> Reading:
    """The messages of one call. context: tokens that the model can hold, None when not known.

    What the person took out stays out. If the rest is too much, it loses in this order: history, last run, samples of
    attachments, files that nothing refers to. Raises TooMuch when it still does not fit.
    """
    size = context or ASSUMED
    free = min(reply, size // 2)
    states: dict[str, State] = {p.name: "you" for p in all_parts if p.removable and p.name in without}
    left: list[str] = []
    for words, state in RUNGS:
        if _sum(all_parts, states) <= size - free:
            break
        hit = [p for p in all_parts if p.name not in states and _on_rung(p, words)]
        states |= {p.name: state for p in hit}
        left += [words] if hit else []
    needed = _sum(all_parts, states)
    if needed > size - free:
        raise TooMuch(
            f"That is more than the model can read at once: about {_words(needed)} words, and it takes about "
            f"{_words(size - free)}. Leave out a file, say less at once, or connect a model that reads more."
        )
    texts = [(p, _text(p, states.get(p.name, ""))) for p in all_parts]
    images = tuple(url for p in all_parts if p.name not in states for url in p.images)
    user = "\n\n".join(text.strip("\n") for p, text in texts if p.name != "system" and text) + "\n"
    system = "".join(text for p, text in texts if p.name == "system")
    return Reading(
        (Message("system", system), Message("user", user, images)),
        tuple(_shown(p, states.get(p.name, "")) for p in all_parts),
        free,
        f"To fit, I left out {_and(left)}." if left else "",
    )


def holding(read: int) -> int:
    """The context of which `assemble` lets `read` tokens be read."""
    return read + min(REPLY, read)


def _on_rung(part: Part, words: str) -> bool:
    match [w for w, _ in RUNGS].index(words):
        case 0:
            return part.name == "history"
        case 1:
            return part.name == "run" and part.removable
        case 2:
            return bool(part.short)
        case _:
            return part.loose


def _text(part: Part, state: State) -> str:
    return {"": part.text, "short": part.short}.get(state, part.gone)


def _sum(all_parts: Sequence[Part], states: Mapping[str, State]) -> int:
    total = 0
    for part in all_parts:
        state = states.get(part.name, "")
        total += 1 + tokens(_text(part, state)) + (IMAGE_TOKENS * len(part.images) if not state else 0)
    return total


def _shown(part: Part, state: State) -> Json:
    return {
        "name": part.name,
        "label": part.label,
        "tokens": tokens(part.short) if state == "short" else part.tokens,
        "removable": part.removable,
        "left_out": state,
    }


def _words(count: int) -> str:
    return f"{round(count * 0.75, -2):,.0f}"


def _and(items: list[str]) -> str:
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


# --- the plan call ----------------------------------------------------------------------------------------------


def plan_text(request: Request, summaries: Mapping[str, Json] | None = None) -> str:
    """All that the call for plan and checks reads of this request: the person's words and facts that we computed.

    No code, no output, no text of a file (plan_facts.py), not even the program's title: a model that had
    read a stranger's file may have made it. The history of somebody else's program is left out too.
    """
    made = [request.description.strip()]
    if request.base:
        before = [] if request.foreign else [f"- {_line(h)}" for h in request.history[-HISTORY:]]
        made.insert(0, "The program exists. The person wants the following changed:")
        if before:
            made.insert(0, "\n".join(["What the person asked before, oldest first:", *before]))
    if facts := facts_for_plan(summaries or {}, request.description):
        made.append("\n".join(["What I computed of the attached files:", *facts]))
    return "\n\n".join(made) + "\n"
