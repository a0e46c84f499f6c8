"""The making with a model, step by step: agree on a plan and its checks, write, try, climb the ladder, measure, finish.

Checks are written before any code, in a call that sees neither code nor text of strangers. The cap on calls of the two
sliders is kept here: no call is yielded that would pass it.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

from vibe.choices import Verdict
from vibe.generation import context, fixers, gate, plan, reading, reply
from vibe.generation.checks import contradictions, hidden, mutants, nulls, writer
from vibe.generation.edits import EditFailed, apply_edits
from vibe.generation.ladder import Attempt, Spent, next_move
from vibe.generation.plan import Plan
from vibe.generation.policy import Policy, policy
from vibe.generation.prompt import fill, fingerprint
from vibe.generation.request import Request, Result
from vibe.generation.steps import All, Approve, Ask, Consult, Inspect, Json, Question, Step, Tell
from vibe.generation.trial import Tried, finish, judged, refused, run_of, seed_of, told
from vibe.llm.message import Message

Making = Generator[Step, Json, Result]
WRITING = (
    "system",
    "write",
    "change",
    "repair",
    "again",
    "otherwise",
)  # the prompt files that a writing call is made of
MOST_REPLANS = 5


@dataclass(frozen=True)
class Nothing(Exception):
    """The flow cannot go on; `sentence` says why and what to do."""

    sentence: str


@dataclass(frozen=True)
class Draft:
    """Files that a model wrote, with what it said about them."""

    files: dict[str, str]
    said: str
    model: str


def with_model(request: Request, force: Json) -> Making:
    """Make or change one program with a model. Raises Nothing when there is none in the end."""
    if request.shape == "tool" and not force["engine"]:
        raise Nothing(
            "Tools need a sealed box to run in, and there is none on this machine now. "
            "I can make it as a page instead: choose Page and send it again."
        )
    return (yield from _Work(request, force).run())


class _Work:
    """One making: what was agreed, what was tried, and the calls that it took."""

    def __init__(self, request: Request, force: Json) -> None:
        self.request = request
        self.force = force
        self.calls = 0
        self.plan: Plan | None = None
        self.summaries: dict[str, Json] = {}  # of the attached files, made in a sealed box
        self.unsaid: list[str] = []  # sentences for "not checked" that stand before any check ran
        self.idle: dict[str, str] = {}
        self.stopped = ""  # why the ladder was left with something that does not hold

    @property
    def allowed(self) -> Policy:
        return policy(self.force["autonomy"], self.force["effort"])

    @property
    def calls_left(self) -> int:
        return self.allowed.calls - self.calls

    def run(self) -> Making:
        if self.request.uploads:
            names = tuple(dict.fromkeys(upload.name for upload in self.request.uploads))
            looked = yield Inspect(names, pictures=bool(self.force.get("vision")))
            self.summaries = looked["files"]
        self.plan = yield from self._agree()
        candidates = yield from self._write()
        best = yield from self._climb(candidates)
        measures = yield from self._measure(best)
        keep = True
        if best.verdict is not Verdict.UNCHECKED or best.files:
            decision = yield Approve("save", {"sentence": self._state(best)})
            keep = bool(decision["yes"])
        return finish(
            self.request,
            best,
            title=self._title(best),
            why=self.stopped,
            not_checked=self._not_checked(best),
            measures=measures,
            keep=keep,
        )

    # --- agree --------------------------------------------------------------------------------------------------

    def _agree(self) -> Generator[Step, Json, Plan | None]:
        """The plan that is written from, or None when the model's plan could not be read and nobody waits for one."""
        asks = self.allowed.asks
        agreed = yield from self._plan((), questions="question" in asks)
        if agreed and agreed.questions and "question" in asks:
            agreed = yield from self._ask_person(agreed)
        if agreed is None:
            # A model that cannot keep the form still deserves a person's look at what it understood.
            agreed = Plan(steps=(self.request.description[: plan.MAX_LINE],))
            if "plan" not in asks:
                return None
        agreed = self._without_contradictions(agreed)
        decision = yield Approve("plan", {**agreed.proposal(), "warning": self.force.get("weak", "")})
        if not decision["yes"]:
            raise Nothing(
                "You left the plan, so nothing was made. Your words are kept: change them and send them again."
            )
        return (yield from self._settled(agreed, decision.get("proposal") or {}))

    def _settled(self, agreed: Plan, edited: Json) -> Generator[Step, Json, Plan]:
        """The plan with the person's edits, and forms for the promises that they wrote themselves."""
        agreed = plan.edited(agreed, edited)
        wanting = plan.open_promises(agreed)
        if not wanting or self.calls_left < 2:  # the last call is for the writing
            return agreed
        words = "\n".join(f"- {p.sentence}" for p in wanting)
        answer = yield self._call(
            "checks",
            fill("checks", language=writer.schema_for_prompt()),
            f"{reading.plan_text(self.request, self.summaries)}\nThe promises:\n{words}",
            fingerprint("checks"),
        )
        return plan.with_forms(agreed, answer.get("text", "")) if "fault" not in answer else agreed

    def _plan(self, decided: Sequence[str], *, questions: bool) -> Generator[Step, Json, Plan | None]:
        wish = (
            "If two or fewer decisions are really open, add at most two lines of the form "
            "QUESTION the question | first answer | second answer"
            if questions and not decided
            else ""
        )
        text = reading.plan_text(self.request, self.summaries) + self._promised_already()
        if decided:
            text += "\n\nThe person decided:\n" + "\n".join(f"- {line}" for line in decided)
        answer = yield self._call(
            "plan",
            fill("plan", questions=wish, language=writer.schema_for_prompt()),
            text,
            fingerprint("plan"),
        )
        if fault := answer.get("fault"):
            raise Nothing(fault["sentence"])
        nth = len(self.request.history) + 1 if self.request.base else 0
        return plan.read(answer["text"], prefix=f"c{nth}-" if nth else "")

    def _promised_already(self) -> str:
        """Of a change: the promises of the version before, which the change may make untrue."""
        base = self.request.base
        if base is None or not base.checks or self.request.foreign:
            return ""
        lines = [f"{number}. {check['sentence']}" for number, check in enumerate(base.checks, 1)]
        asked = "If the change makes one of these untrue, add a line: DROP its number"
        return "\n".join(["\nIt is promised already that:", *lines, asked]) + "\n"

    def _ask_person(self, agreed: Plan) -> Generator[Step, Json, Plan]:
        """At most two questions; what was decided goes into a second plan where a call is left for it."""
        yield Tell("plan-proposed", {**agreed.proposal(), "waits": False})
        decided = []
        for number, question in enumerate(agreed.questions, 1):
            answer = yield Question(f"plan-{number}", question.sentence, question.as_choices())
            if label := question.answer(str(answer["choice"])):
                decided.append(f"{question.sentence} {label}")
        if decided and self.calls_left > 2:
            again = yield from self._plan(decided, questions=False)
            agreed = again or agreed
        return replace(agreed, decided=tuple(decided), questions=())

    def _without_contradictions(self, agreed: Plan) -> Plan:
        """Promises that cannot both hold do not count: I made them up, so the person need not choose between them."""
        found = contradictions.find(agreed.checks())
        gone = {id_ for first, second, _ in found for id_ in (first, second)}
        self.unsaid += [sentence for _, _, sentence in found]
        return replace(agreed, promises=tuple(p for p in agreed.promises if p.id not in gone))

    # --- write --------------------------------------------------------------------------------------------------

    def _write(self) -> Generator[Step, Json, list[Tried]]:
        """The candidates on trial. While they are written, the checks are tried on programs that must fail them."""
        for _ in range(MOST_REPLANS):
            count = max(1, min(self.allowed.candidates, self.calls_left))
            purpose = "change" if self.request.base else "write"
            asks = [self._writing(purpose, number=number, shown=number == 0) for number in range(count)]
            must_fail = self._nulls()
            answers = (yield All((*asks, *must_fail.values())))["answers"]
            self.idle = self._idle(dict(zip(must_fail, answers[count:], strict=True)))
            changed = next((a["changed"] for a in answers[:count] if a.get("changed")), None)
            if changed is None or self.plan is None:
                break
            self.plan = yield from self._settled(self.plan, changed)
        drafts = [self._draft(answer) for answer in answers[:count]]
        good = [draft for draft in drafts if isinstance(draft, Draft)]
        if not good:
            good = [(yield from self._again(drafts[0]))]
        return (yield from self._try(good, purpose))

    def _again(self, problems: "Draft | list[str] | str") -> Generator[Step, Json, Draft]:
        """One more call after a reply in a form that cannot be used. Raises Nothing when that is no better."""
        if isinstance(problems, str):
            raise Nothing(problems)
        assert isinstance(problems, list)
        if self.calls_left < 1:
            raise Nothing(f"The model answered in a form I can’t use. {problems[0]} Try again.")
        answer = yield self._writing(
            "again", problems=fill("again", problems="\n".join(f"- {p}" for p in problems))
        )
        draft = self._draft(answer)
        if isinstance(draft, Draft):
            return draft
        last = draft if isinstance(draft, str) else draft[0]
        raise Nothing(
            "The model answered twice in a form I can’t use, so there is no program. "
            f"The last trouble was: {last} Try again, say it in smaller steps, or connect a stronger model."
        )

    def _agreed(self) -> str:
        """The plan as the writing call reads it: its steps, its promises, and the names that checks look for."""
        promised = self._promised()
        if not self.plan and not promised:
            return ""
        lines = ["The agreed plan:", *[f"- {s}" for s in self.plan.steps]] if self.plan else []
        lines += [f"- {line}" for line in (self.plan.decided if self.plan else ())]
        told_in_words = [p.sentence for p in (self.plan.promises if self.plan else ()) if p.form is None]
        lines += ["It should also hold that:", *[f"- {s}" for s in told_in_words]] if told_in_words else []
        return "\n".join([*lines, writer.for_writer(promised)]) + "\n"

    def _promised(self) -> list[Json]:
        """The checks that the program is held to: those of the version before, and those of this plan."""
        dropped = set(self.plan.drops) if self.plan else set()
        before = self.request.base.checks if self.request.base else []
        kept = [check for at, check in enumerate(before, 1) if at not in dropped]
        return [*kept, *(self.plan.checks() if self.plan else [])]

    def _nulls(self) -> dict[str, Step]:
        """Programs that do nothing of what was asked: a check that holds on one of them cannot fail."""
        promised = self._promised()
        if not promised or not self.force["engine"]:
            return {}
        base = self.request.base
        made = nulls.programs(
            self.request.description, promised, self._shape(), dict(base.files) if base else None
        )
        return {
            name: run_of(self.request, files, promised, seed=self._null_seed(), why="null")
            for name, files in made.items()
            if not gate.gate(files, gate.shape_of(files) or "page")
        }

    def _idle(self, answers: dict[str, Json]) -> dict[str, str]:
        carried = {str(check["id"]) for check in (self.request.base.checks if self.request.base else [])}
        return nulls.idle(
            self._promised(), answers, shape=self._shape(), seed=self._null_seed(), carried=carried
        )

    def _shape(self) -> str:
        """What the checks are written for: a tool's check gives input, a page's check has steps."""
        wanted = any(check.get("input") or check.get("files") for check in self._promised())
        return "tool" if self.request.shape == "tool" or wanted else "page"

    def _null_seed(self) -> int:
        return seed_of(self.request, {})

    def _try(self, drafts: Sequence[Draft], how: str) -> Generator[Step, Json, list[Tried]]:
        """Every draft on trial, side by side; the best comes first and is the one that the person is told of."""
        tried: list[Tried] = []
        waiting = []
        for draft in drafts:
            files, did = _certain(draft.files)
            said = " ".join(filter(None, (draft.said, did)))
            more = {"model": draft.model, "how": how, "said": said}
            if (end := refused(files, self._promised(), **more)) is not None:
                tried.append(end)
            else:
                waiting.append((files, more))
        if waiting:
            runs = tuple(run_of(self.request, files, self._promised()) for files, _ in waiting)
            answers = [(yield runs[0])] if len(runs) == 1 else (yield All(runs))["answers"]
            tried += [
                judged(self.request, files, self._promised(), answer, self.idle, **more)
                for (files, more), answer in zip(waiting, answers, strict=True)
            ]
        tried.sort(key=lambda one: one.rank)
        yield told(tried[0], self._not_checked(tried[0]))
        return tried

    # --- climb --------------------------------------------------------------------------------------------------

    def _climb(self, candidates: Sequence[Tried]) -> Generator[Step, Json, Tried]:
        """From the first candidates to one that holds, or to the best there is and the reason why no better one."""
        best = current = candidates[0]
        history = [current.attempt()]
        while current.verdict is Verdict.BROKEN:
            fixed = fixers.after(current.files, current.judged.evidence)
            if fixed and fixed.files != current.files:
                mended = Draft(fixed.files, fixed.did, current.model)
            else:
                force = yield Consult(f"round {len(history)}")
                self.force = {**self.force, **force}
                move = next_move(history, self.allowed, self._spent(), can_escalate=self._can_escalate())
                if not move.kind:
                    self.stopped = move.why
                    break
                if move.kind == "repair":
                    decision = yield Approve("repair", {"sentence": self._state(current)})
                    if not decision["yes"]:
                        self.stopped = "You left it as it is."
                        break
                answer = yield self._moving(move.kind, current)
                if fault := answer.get("fault"):
                    self.stopped = fault["sentence"]
                    break
                draft = self._draft(answer, current.files if move.kind == "repair" else None)
                if not isinstance(
                    draft, Draft
                ):  # what there is stays; the reply counts as a try that held nothing
                    history.append(Attempt(move.kind, f"unusable {len(history)}", frozenset()))
                    continue
                mended = draft
            how = "fix" if fixed else move.kind
            (current,) = yield from self._try([mended], how)
            history.append(current.attempt())
            best = min(best, current, key=lambda one: one.rank)
        if best is not current:
            yield told(best, self._not_checked(best))
        return best

    def _moving(self, kind: str, current: Tried) -> Ask:
        if kind == "repair":
            back = hidden.kept_back(self._promised(), self.request.salt)
            evidence = current.judged.evidence_without(back)
            return self._writing("repair", guidance=fill("repair"), files=current.files, run=evidence)
        if kind == "escalate":
            return self._writing("escalate", tier="strong", effort="high")
        return self._writing("resample", number=1)

    def _spent(self) -> Spent:
        return Spent(self.calls, self.force.get("usd"), float(self.force.get("seconds") or 0.0))

    def _can_escalate(self) -> bool:
        other = self.allowed.tier == "quick" and self.force.get("quick") not in {"", None, self.force["model"]}
        return other or self.allowed.reasoning != "high"

    # --- calls --------------------------------------------------------------------------------------------------

    def _call(self, purpose: str, system: str, text: str, prompt: str) -> Ask:
        """A small call: a plan, or forms of checks."""
        self.calls += 1
        messages = (Message("system", system), Message("user", text))
        return Ask(purpose, messages, prompt=prompt, max_tokens=4_000, tier="quick")

    def _writing(
        self,
        purpose: str,
        *,
        number: int = 0,
        guidance: str = "",
        files: dict[str, str] | None = None,
        run: str | None = None,
        problems: str = "",
        shown: bool = True,
        tier: str = "",
        effort: str | None = None,
    ) -> Ask:
        """A call whose reply should be files; every one after the first (`number`) is told to go its own way.

        Raises Nothing when there is more to read than the model can hold.
        """
        self.calls += 1
        kind = (
            fill("change")
            if self.request.base
            else fill("write", kind=context.kind_line(self.request.shape, self.force["engine"]))
        )
        parts = reading.parts(
            self.request, system=fill("system"), guidance=guidance or kind, files=files, summaries=self.summaries,
            run=run, agreed=self._agreed(), vision=bool(self.force.get("vision")),
            problems=problems or (fill("otherwise") if number else ""),
        )  # fmt: skip
        try:
            read = reading.assemble(parts, self.request.without, context=self.force.get("context") or None)
        except reading.TooMuch as problem:
            raise Nothing(problem.sentence) from problem
        return Ask(
            purpose,
            read.messages,
            prompt=fingerprint(*WRITING),
            max_tokens=read.max_tokens,
            effort=self.allowed.reasoning if effort is None else effort,
            tier=tier or self.allowed.tier,
            shown=shown,
            parts=read.parts,
        )

    def _draft(self, answer: Json, old: dict[str, str] | None = None) -> Draft | list[str] | str:
        """The files of a reply; the problems in words; or the sentence of a fault."""
        if fault := answer.get("fault"):
            return str(fault["sentence"])
        parsed = reply.parse(answer["text"], answer["finish"])
        problems = [p.sentence for p in parsed.problems]
        if parsed.truncated or answer["finish"] == "length":
            problems.append("The reply ended before it was complete. Write shorter files.")
        if old is None:
            old = dict(self.request.base.files) if self.request.base else {}
        files = {**old, **parsed.files}
        if parsed.edits and not problems:
            try:
                files = apply_edits(files, parsed.edits)
            except EditFailed as failed:
                problems.append(str(failed))
        if not parsed.files and not parsed.edits and not problems:
            problems.append("There was no file in the reply.")
        return problems or Draft(files, parsed.prose.strip(), answer.get("model", ""))

    # --- measure and finish -------------------------------------------------------------------------------------

    def _measure(self, best: Tried) -> Generator[Step, Json, Json]:
        """How many broken copies of the winner its checks notice: what the checks themselves are worth."""
        if best.verdict is not Verdict.HELD or not self.allowed.mutants or not self._promised():
            return {}
        copies = mutants.mutants(best.files, best.shape, best.seed, self.allowed.mutants)
        copies = [m for m in copies if not gate.gate(m.files, best.shape)]
        if not copies:
            return {}
        runs = tuple(run_of(self.request, m.files, self._promised(), why="mutant") for m in copies)
        answers = (yield All(runs))["answers"]
        noticed = sum(
            judged(self.request, m.files, self._promised(), answer, self.idle).verdict is Verdict.BROKEN
            for m, answer in zip(copies, answers, strict=True)
        )
        measures = {"mutants": len(copies), "noticed": noticed}
        yield told(best, self._not_checked(best), measures)
        return measures

    def _not_checked(self, tried: Tried) -> list[str]:
        if tried.verdict is Verdict.UNCHECKED or not self.plan:
            return list(self.unsaid)
        counted = {r["id"] for r in tried.judged.results if not r.get("idle")}
        return [*self.unsaid, *self._dropped(), *plan.not_checked(self.plan, counted)]

    def _dropped(self) -> list[str]:
        """Promises of the version before that this change makes untrue: said, so that none goes silently."""
        before = self.request.base.checks if self.request.base else []
        gone = [c for at, c in enumerate(before, 1) if self.plan and at in self.plan.drops]
        return [f"“{check['sentence']}” is no longer promised: the change makes it untrue." for check in gone]

    def _state(self, tried: Tried) -> str:
        counted = [r for r in tried.judged.results if not r.get("idle")]
        broken = [r for r in counted if not r["held"]]
        if not counted:
            return "It is made, and nothing could be checked."
        if not broken:
            return f"It is made, and all {len(counted)} checks hold."
        more = f", and {len(broken) - 1} more" if len(broken) > 1 else ""
        return f"“{broken[0]['sentence']}” does not hold: {broken[0]['saw']}{more}."

    def _title(self, best: Tried) -> str:
        if self.request.base:
            return self.request.base.title
        if self.plan and self.plan.title:
            return self.plan.title
        return gate.title_of(best.files) or context.title_from(self.request.description)


def _certain(files: dict[str, str]) -> tuple[dict[str, str], str]:
    """What can be mended without asking anybody, and what that was."""
    fixed = fixers.before(files)
    return (fixed.files, f"({fixed.did}.)") if fixed else (files, "")
