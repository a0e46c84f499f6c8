"""The plan call's reply: TITLE, STEP, QUESTION, CLASH, DROP and CHECK lines, a JSON form behind each CHECK. And what the
person made of it. Lenient about decoration, strict about size; the JSON form is read by checks.language.
"""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from vibe.generation import checks as checking
from vibe.generation.checks.ids import free
from vibe.generation.steps import Json

_LINE = re.compile(
    r"^\W{0,6}(TITLE|STEP|CHECK|QUESTION|CLASH|DROP)\b\W{0,6}(?:\d+\W{1,3}(?=\D))?\s*(.+?)\W{0,2}$",
    re.IGNORECASE,
)
MAX_STEPS, MAX_CHECKS, MAX_QUESTIONS, MAX_LINE = 8, 7, 2, 300
MAX_FORM = 20_000  # characters of one check
DECIDE = "you-decide"


@dataclass(frozen=True)
class Promise:
    """One promise of the plan. `form` is a check (docs/checks.md) as JSON, or None with the reason in `why_not`."""

    id: str
    sentence: str
    form: Json | None = None
    why_not: str = ""
    covers: tuple[int, ...] = ()  # steps of the plan, from 1
    confirmed: bool = False

    def check(self) -> Json | None:
        """The check as it goes into a Version, with what the person made of it."""
        if self.form is None:
            return None
        return {**self.form, "id": self.id, "sentence": self.sentence, "confirmed": self.confirmed}


@dataclass(frozen=True)
class Ask:
    """A question with clickable answers."""

    sentence: str
    choices: tuple[str, ...]

    def as_choices(self, decide: str) -> list[Json]:
        """`decide`: the words for leaving it to us."""
        made = [{"value": str(at), "label": label, "line": ""} for at, label in enumerate(self.choices, 1)]
        return [*made, {"value": DECIDE, "label": decide, "line": ""}]

    def answer(self, value: str) -> str:
        """The label of what was chosen; "" for "you decide"."""
        return self.choices[int(value) - 1] if value.isdigit() and 0 < int(value) <= len(self.choices) else ""


@dataclass(frozen=True)
class Frame:
    """The words around a question of ours about promises of the plan, in the language of the plan where it has them."""

    clash: str = ""  # of two promises that cannot both hold; "": ours, which say what each of them wants
    neither: str = "Neither of them"
    decide: str = "You decide"


ENGLISH = Frame()


@dataclass(frozen=True)
class Plan:
    title: str = ""
    steps: tuple[str, ...] = ()
    promises: tuple[Promise, ...] = ()
    questions: tuple[Ask, ...] = ()
    drops: tuple[int, ...] = ()  # earlier promises, from 1, that the change makes untrue
    decided: tuple[str, ...] = field(default=())  # what the person answered, for the plan and for the writing
    frame: Frame = ENGLISH

    def checks(self) -> list[Json]:
        return [form for promise in self.promises if (form := promise.check()) is not None]

    def proposal(self) -> Json:
        """What the person is shown and may edit."""
        return {
            "title": self.title,
            "steps": list(self.steps),
            "checks": [
                {"id": p.id, "sentence": p.sentence, "readable": p.form is not None, "confirmed": p.confirmed}
                for p in self.promises
            ],
        }


def read(text: str, prefix: str = "") -> Plan | None:
    """The Plan of a reply, or None when it holds no step at all. `prefix` keeps its ids apart from earlier ones."""
    title = ""
    steps: list[str] = []
    questions: list[Ask] = []
    drops: list[int] = []
    promises: list[tuple[str, list[str]]] = []
    body: list[str] | None = None
    frame = ENGLISH
    for line in text.splitlines():
        found = _LINE.match(line.strip())
        if not found or line.lstrip().startswith("{"):
            if body is not None:
                body.append(line)
            continue
        kind, words, body = found[1].upper(), found[2].strip()[:MAX_LINE], None
        if kind == "TITLE":
            title = title or words[:60]
        elif kind == "STEP" and len(steps) < MAX_STEPS:
            steps.append(words)
        elif kind == "QUESTION" and len(questions) < MAX_QUESTIONS:
            questions.append(_question(_after(line, kind)))
        elif kind == "CLASH":
            frame = _frame(_after(line, kind)) or frame
        elif kind == "DROP":
            drops += [int(number) for number in re.findall(r"\d{1,4}", line)[:MAX_CHECKS]]
        elif kind == "CHECK" and len(promises) < MAX_CHECKS:
            _, brace, form = line.partition("{")  # as it is: the pattern takes decoration off the end of words
            body = [brace + form] if brace else []
            promises.append((words.partition("{")[0].strip(" :-–—`"), body))
    if not steps:
        return None
    made = tuple(
        _promise(f"{prefix}p{at}", words, "\n".join(body)) for at, (words, body) in enumerate(promises, 1)
    )
    asked = tuple(q for q in questions if len(q.choices) > 1)
    return Plan(title, tuple(steps), made, asked, tuple(dict.fromkeys(drops)), frame=frame)


def _after(line: str, kind: str) -> str:
    return line[line.upper().index(kind) + len(kind) :].strip(" :*_")


def _frame(words: str) -> Frame | None:
    """None where it has not all three parts."""
    parts = [part.strip()[:120] for part in words.split("|")]
    return Frame(*parts) if len(parts) == 3 and all(parts) else None


def _question(words: str) -> Ask:
    sentence, *choices = [part.strip()[:120] for part in words.split("|")]
    return Ask(sentence, tuple(choice for choice in choices if choice)[:4])


def _promise(id_: str, sentence: str, body: str) -> Promise:
    """A CHECK line with the JSON that follows it."""
    raw = _object(body)
    covers: tuple[int, ...] = ()
    if raw is not None:
        numbers = raw.pop("covers", [])
        covers = tuple(n for n in numbers if isinstance(n, int)) if isinstance(numbers, list) else ()
    form, why = _form(id_, sentence, raw)
    return Promise(id_, sentence, form, why, covers)


def _form(id_: str, sentence: str, raw: Json | None) -> tuple[Json | None, str]:
    if raw is None:
        return None, "it has no form that I can run"
    read_ = checking.read({**raw, "id": id_, "sentence": sentence}, source="model")
    return (None, read_) if isinstance(read_, str) else (read_.as_json(), "")


def _object(text: str) -> Json | None:
    """The first JSON object in `text`, of which no more is read than a form can have."""
    decoder, text = json.JSONDecoder(), text[:MAX_FORM]
    for at in (found.start() for found in re.finditer(r"\{", text)):
        try:
            value, _ = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            continue
        return value if isinstance(value, dict) else None
    return None


# --- what the person made of it ---------------------------------------------------------------------------------


def edited(plan: Plan, answer: Json, prefix: str = "", taken: Collection[str] = ()) -> Plan:
    """`plan` with the person's lines in place of ours; empty lines are dropped, unknown ids are new promises.
    `prefix` keeps the ids of new ones apart from earlier ones, of which those in `taken` still stand.

    answer: {"steps": [words], "checks": [{"id", "sentence", "confirmed"}]}; a key that is missing leaves its part as
    it is. A promise whose words were changed loses its form: it has to be put into one again.
    """
    steps = plan.steps
    if answer.get("steps"):
        lines = [str(s).strip()[:MAX_LINE] for s in answer["steps"]]
        steps = tuple(s for s in lines if s)[:20] or plan.steps
    promises = plan.promises
    if answer.get("checks") is not None:
        ours = {p.id: p for p in plan.promises}
        used = {*ours, *taken}
        made = []
        for given in answer["checks"][:20]:
            if str(given.get("sentence", "")).strip():
                one = ours.pop(str(given.get("id")), None)  # an id that is sent twice is new the second time
                made.append(_kept(one, given, one.id if one else free(f"{prefix}own", used)))
                used.add(made[-1].id)
        promises = tuple(made)
    return replace(plan, steps=steps, promises=promises)


def _kept(ours: Promise | None, given: Json, id_: str) -> Promise:
    sentence, confirmed = str(given["sentence"]).strip()[:MAX_LINE], bool(given.get("confirmed"))
    if ours and ours.sentence == sentence:
        return replace(ours, confirmed=confirmed)
    # Words that the person wrote are the person's promise: nobody has to ask them whether they want it.
    return Promise(id_, sentence, None, "", confirmed=True)


def open_promises(plan: Plan) -> tuple[Promise, ...]:
    """The person's own promises, which have no form yet."""
    return tuple(p for p in plan.promises if p.form is None and p.confirmed)


def with_forms(plan: Plan, text: str) -> Plan:
    """`plan` with forms for its open promises out of a reply that has one CHECK for each, in order."""
    read_ = read("STEP -\n" + text)
    fresh = list(read_.promises) if read_ else []
    promises = []
    for promise in plan.promises:
        if promise.form is None and promise.confirmed and fresh:
            made = fresh.pop(0)
            form = {**made.form, "source": "person"} if made.form else None
            promises.append(replace(promise, form=form, why_not=made.why_not))
        else:
            promises.append(promise)
    return replace(plan, promises=tuple(promises))


def not_checked(plan: Plan, counted: set[str]) -> list[str]:
    """What was said and no check covers: promises without a form, and steps that no counted check stands for."""
    said = [f"“{p.sentence}”: I could not turn this into a check." for p in plan.promises if p.form is None]
    covered = {n for p in plan.promises if p.id in counted for n in p.covers}
    said += [f"“{step}”" for at, step in enumerate(plan.steps, 1) if at not in covered]
    return said
