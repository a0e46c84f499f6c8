"""One making with a model: what was agreed, what it may cost, and the calls that it took. The stages are agree, write,
climb; making.py puts them in order. The cap on calls of the two sliders is kept here.
"""

from collections.abc import Generator
from dataclasses import dataclass

from vibe.choices import Verdict
from vibe.generation import claims, context, gate, plan, reading
from vibe.generation.checks import writer
from vibe.generation.checks.ids import apart
from vibe.generation.drafts import Draft, Unusable, read
from vibe.generation.edits import may_edit, offer
from vibe.generation.ladder import Spent
from vibe.generation.plan import ENGLISH, MAX_QUESTIONS, Plan
from vibe.generation.policy import Policy, policy
from vibe.generation.prompt import fill, fingerprint
from vibe.generation.request import Request
from vibe.generation.steps import Ask, Json, Step, Tier
from vibe.generation.trial import Tried, seed_of
from vibe.llm.message import Message

# What a writing call is made of.
WRITING = ("system", "write", "change", "repair", "again", "edit", "otherwise")


@dataclass(frozen=True)
class Nothing(Exception):
    """The flow cannot go on; `sentence` says why and what to do."""

    sentence: str


class Work:
    """The state of one making. No stage yields a call that would pass the cap."""

    def __init__(self, request: Request, force: Json) -> None:
        self.request = request
        self.force = force
        self.asked = 0  # questions to a model
        # Calls besides: of tries begun anew, and of answers that broke off; less those that no server took
        self.more = int(force.get("calls") or 0)
        self.wasted: list[
            int
        ] = []  # which questions, from 1, mended nothing: the maker is not charged for them
        self.plan: Plan | None = None
        self.shown: Json = {}  # the plan as the person was shown it last
        self.summaries: dict[str, Json] = {}  # of the attached files, made in a sealed box
        self.unsaid: list[str] = []  # sentences for "not checked" that stand before any check ran
        self.holds = 0  # tokens that the model can read, where its server refused more than that; 0: not known
        self.frame = ENGLISH  # words around our questions about promises
        self.questions = 0  # that the person was asked, but for the plan itself and what comes of it
        self.answers: dict[tuple[str, str], str] = {}  # of two promises that clash: what the person chose
        self.let_go: set[str] = set()  # ids of earlier promises that such a pair ended
        self.chosen: set[str] = set()  # ids of promises that the person chose out of such a pair
        self.unsettled: list[Json] = []  # such pairs that nobody was asked about
        self.impossible: set[str] = set()  # ids of ticked promises that clash with themselves
        self.said_of: dict[str, str] = {}  # by the sentence of such a pair: what was said for it
        self.idle: dict[str, str] = {}
        self.stopped = ""  # why the ladder was left with something that does not hold

    @property
    def allowed(self) -> Policy:
        return policy(self.force["autonomy"], self.force["effort"])

    @property
    def calls(self) -> int:
        """Calls to a model of the whole Job, so far."""
        return self.asked + self.more

    @property
    def calls_left(self) -> int:
        return max(0, self.allowed.calls - self.calls)

    @property
    def questions_left(self) -> int:
        return max(0, MAX_QUESTIONS - self.questions)

    def ask(self, question: Ask) -> Generator[Step, Json, Json]:
        """The answer, with all its calls counted."""
        answer = yield question
        self.count(answer)
        return answer

    def count(self, answer: Json) -> None:
        self.more += int(answer.get("calls", 1)) - 1

    def promised(self) -> list[Json]:
        """The checks that the program is held to: those of the version before, and those of this plan."""
        return apart([*self.kept(), *(self.plan.checks() if self.plan else [])])

    def before(self) -> list[Json]:
        """The promises of the version before, with what the person settled since."""
        settled = self.request.settled
        keep: list[Json] = settled.get("keep", [])
        over = {*settled.get("drop", []), *(str(check["id"]) for check in keep)}
        base = self.request.base.checks if self.request.base else []
        return [*(check for check in base if str(check["id"]) not in over), *keep]

    def kept(self) -> list[Json]:
        """Those of before() that still stand."""
        gone = {str(check["id"]) for check in self._gone()} | self.let_go
        kept = [check for check in self.before() if str(check["id"]) not in gone]
        return [{**check, "confirmed": True} if str(check["id"]) in self.chosen else check for check in kept]

    def open_questions(self) -> Json:
        """What the person may still settle, for a version's measures."""
        return {"unsettled": self.unsettled} if self.unsettled else {}

    def leave_open(self, sentence: str, one: Json, other: Json, said: str) -> None:
        """Two promises that cannot both hold and that nobody was asked about, and what is `said` instead."""
        self.say(said)
        self.said_of[sentence] = said
        if all(pair["sentence"] != sentence for pair in self.unsettled):
            self.unsettled.append({"sentence": sentence, "checks": [one, other]})

    def close(self, pair: Json) -> None:
        """One of `unsettled` was settled by the person's own words."""
        self.unsettled.remove(pair)
        said = self.said_of[pair["sentence"]]
        self.unsaid = [sentence for sentence in self.unsaid if sentence != said]

    def say(self, sentence: str) -> None:
        """Something for "not checked", once."""
        if sentence not in self.unsaid:
            self.unsaid.append(sentence)

    def agreed_text(self) -> str:
        """The plan as the writing call reads it: its steps, its promises, and the names that checks look for."""
        promised = self.promised()
        if not self.plan and not promised:
            return ""
        lines = ["The agreed plan:", *[f"- {s}" for s in self.plan.steps]] if self.plan else []
        lines += [f"- {line}" for line in (self.plan.decided if self.plan else ())]
        told_in_words = [p.sentence for p in (self.plan.promises if self.plan else ()) if p.form is None]
        lines += ["It should also hold that:", *[f"- {s}" for s in told_in_words]] if told_in_words else []
        if not self.request.foreign:
            return "\n".join([*lines, writer.for_writer(promised)]) + "\n"
        ours = writer.for_writer(self.plan.checks() if self.plan else [])
        theirs = writer.for_writer(self.kept())  # sentences that a stranger's card brought
        fenced = (
            context.data_block("promises, written by somebody else", theirs, self.request.salt)
            if theirs
            else ""
        )
        return "\n".join([*lines, ours, fenced]) + "\n"

    def shape(self) -> str:
        """What the checks are written for: a tool's check gives input, a page's check has steps."""
        wanted = any(check.get("input") or check.get("files") for check in self.promised())
        return "tool" if self.request.shape == "tool" or wanted else "page"

    def weak(self) -> str:
        """The sentence on how often such a program is wrong here; "" where it goes well, or where no promise shows yet
        what it will be."""
        known = self.request.shape != "auto" or self.promised()
        said: dict[str, str] = self.force["weak"]
        return (
            said.get(self.request.shape if self.request.shape != "auto" else self.shape(), "") if known else ""
        )

    def null_seed(self) -> int:
        return seed_of(self.request, {})

    def spent(self) -> Spent:
        return Spent(self.calls, self.force.get("usd"), float(self.force.get("seconds") or 0.0))

    def writer(self, tier: Tier) -> Json:
        """What is known of the model that a call of this tier asks (steps.Consult, "writers")."""
        known: Json = self.force["writers"][tier]
        return known

    def any_sees(self) -> bool:
        """Whether a model that may come to write looks at pictures."""
        return any(known["vision"] for known in self.force["writers"].values())

    def first(self) -> Tier:
        """Who writes first: where this request brings a picture and the usual writer was not seen to see, the model that
        is there to look. What is written after that, the usual one writes."""
        tier, without = self.allowed.tier, self.request.without
        shown = (u.name for u in self.request.uploads if not u.earlier and f"upload:{u.name}" not in without)
        picture = any(self.summaries.get(name, {}).get("picture") for name in shown)
        return (
            "vision"
            if picture and not self.writer(tier)["vision"] and "vision" in self.force["writers"]
            else tier
        )

    def can_escalate(self) -> bool:
        """Whether there is more than what wrote so far: another model, or more effort of this one."""
        other = self.allowed.tier == "quick" and self.force.get("quick") not in {"", None, self.force["model"]}
        return other or (self.allowed.reasoning != "high" and bool(self.writer("strong")["reasoning"]))

    def call(self, purpose: str, system: str, text: str, prompt: str) -> Ask:
        """A small call: a plan, or forms of checks. However often it breaks off, one call is left for the writing."""
        self.asked += 1
        messages, most = (Message("system", system), Message("user", text)), max(1, self.calls_left)
        return Ask(purpose, messages, prompt=prompt, max_tokens=4_000, tier="quick", most=most)

    def writing(
        self,
        purpose: str,
        *,
        number: int = 0,
        guidance: str = "",
        files: dict[str, str] | None = None,
        run: str | None = None,
        problems: str = "",
        shown: bool = True,
        tier: Tier | None = None,
        effort: str | None = None,
        edits: bool = True,
    ) -> Ask:
        """A call whose reply should be files; every one after the first (`number`) is told to go its own way.
        `edits` false: it must write them whole.

        Raises Nothing when there is more to read than the model can hold.
        """
        kind = (
            fill("change")
            if self.request.base
            else fill("write", kind=context.kind_line(self.request.shape, self.force["engine"]))
        )
        now = files if files is not None else self.request.base.files if self.request.base else {}
        tier = tier or self.allowed.tier
        form = offer(may_edit(now, tier == "strong")) if edits else ""
        known = self.writer(tier)
        parts = reading.parts(
            self.request, system=fill("system"), guidance="\n".join(filter(None, (guidance or kind, form))), files=files, summaries=self.summaries,
            run=run, agreed=self.agreed_text(), vision=known["vision"],
            problems=problems or (fill("otherwise") if number else ""),
        )  # fmt: skip
        try:
            read = reading.assemble(parts, self.request.without, context=self.holds or known["context"] or None)
        except reading.TooMuch as problem:
            raise Nothing(problem.sentence) from problem
        self.asked += 1
        return Ask(
            purpose,
            read.messages,
            prompt=fingerprint(*WRITING),
            max_tokens=read.max_tokens,
            effort=self.allowed.reasoning if effort is None else effort,
            tier=tier,
            shown=shown,
            most=1 + self.calls_left,
            parts=read.parts,
            note=read.note,
        )

    def narrower(self, asked: Ask, answer: Json) -> bool:
        """Whether the model's server refused this call as too much to read, and a smaller one may be tried: once.

        How much it can hold is not said, so the next calls of this making read six tenths of what was refused.
        """
        if (answer.get("fault") or {}).get("kind") != "overflow" or self.holds or self.calls_left < 1:
            return False
        self.holds = reading.holding(int(0.6 * sum(reading.tokens(m.text) for m in asked.messages)))
        return True

    def draft(self, answer: Json, old: dict[str, str] | None = None) -> Draft | Unusable | str:
        """The files of a reply; why they cannot be used; or the sentence of a fault."""
        return read(self.request, answer, old)

    def not_checked(self, tried: Tried) -> list[str]:
        """Lines of what is claimed and nothing looked at."""
        if tried.verdict is Verdict.UNCHECKED:
            return list(self.unsaid)
        looked_at = [r for r in tried.judged.results if not r.get("idle")]
        said = self.plan or Plan(steps=(self.request.description[: plan.MAX_LINE],))
        known = [str(r["sentence"]) for r in looked_at]
        known += [*said.steps, *(promise.sentence for promise in said.promises)]
        return [
            *self.unsaid,
            *self._dropped(),
            *plan.not_checked(said, {str(r["id"]) for r in looked_at}),
            *claims.not_checked(tried.said, known),
        ]

    def _dropped(self) -> list[str]:
        """What is said about promises that go, so that none goes silently."""
        return [
            f"“{check['sentence']}” is no longer promised: the change makes it untrue."
            for check in self._gone()
        ]

    def _gone(self) -> list[Json]:
        """Promises of the version before that this change makes untrue. One that the person ticked is not the
        model's to drop: where it breaks, the version waits for their yes."""
        numbered = enumerate(self.before(), 1) if self.plan else ()
        return [c for at, c in numbered if self.plan and at in self.plan.drops and not c.get("confirmed")]

    def title_of(self, best: Tried) -> str:
        if self.request.base:
            return self.request.base.title
        if self.plan and self.plan.title:
            return self.plan.title
        return gate.title_of(best.files) or context.title_from(self.request.description)
