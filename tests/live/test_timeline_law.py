"""Snapshot, then events = fresh snapshot: for random histories, at every cut."""

import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest
from django.template.loader import render_to_string
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from vibe import cards, events
from vibe.live.fragments import around, fragment
from vibe.live.timeline import advance, fold
from vibe.models import Job, Maker, Program, Version

PARTS = (
    "_meter",
    "_stop",
    "_note",
    "_plan",
    "_question",
    "_steps",
    "_said",
    "_byhand",
    "_end",
    "_preview",
    "_output",
    "_checks",
    "_count",
    "_files",
    "_versions",
    "_share",
    "_title",
    "_reading",
    "_next",
    "_settings",
)
TEXT = st.sampled_from(["a", "two words", "<b>&amp;", "x\ny", "ü…"])
N = st.sampled_from(["1", "2", "3.1"])
PATH = st.sampled_from(["index.html", "app.js"])
RESULT = st.fixed_dictionaries(
    {
        "id": TEXT,
        "sentence": TEXT,
        "held": st.booleans(),
        "did": TEXT,
        "expected": TEXT,
        "saw": TEXT,
        "source": st.just("always"),
    }
)
EVENT = st.one_of(
    st.builds(events.StateChanged, st.sampled_from(["queued", "running", "waiting", "done", "failed", "stopped"]), TEXT),
    st.builds(events.Restarted, st.integers(1, 3), TEXT),
    st.builds(events.StepStarted, N, st.sampled_from(["plan", "write", "run", "check", "fix"]), TEXT, TEXT),
    st.builds(events.StepNoted, N, TEXT),
    st.builds(events.StepEnded, N, st.sampled_from(["done", "bad", "stopped"]), TEXT, st.floats(0, 99)),
    st.builds(events.Said, TEXT),
    st.builds(events.FileOpened, PATH),
    st.builds(events.FileText, PATH, TEXT),
    st.builds(events.FileClosed, PATH),
    st.builds(events.Output, st.just("stdout"), TEXT),
    st.builds(events.PlanProposed, TEXT, st.lists(TEXT, max_size=3), st.lists(TEXT, max_size=2), st.booleans()),
    st.builds(events.QuestionAsked, st.sampled_from(["recipe", "look"]), TEXT, st.lists(st.fixed_dictionaries({"value": TEXT, "label": TEXT, "line": TEXT}), max_size=2)),
    st.builds(events.Answered, st.just("plan"), TEXT),
    st.builds(events.Checked, st.just("held"), st.lists(RESULT, max_size=3), st.lists(TEXT, max_size=1)),
    st.builds(events.Spent, st.integers(0, 3), st.integers(0, 99), st.integers(0, 99), st.one_of(st.none(), st.floats(0, 2))),
    st.builds(events.RecipeUsed, TEXT, TEXT, st.just([{"name": "a", "label": "A", "value": "1", "origin": "words"}]), st.lists(TEXT, max_size=2)),
    st.builds(events.VersionMade, st.integers(1, 2), st.just("page"), st.sampled_from(["held", "broken", "unchecked"]), TEXT, st.booleans(), st.lists(TEXT, max_size=2)),
    st.builds(events.LooksKept, st.just([{"version": 2, "line": "Softer"}])),
    st.builds(events.CardMade, st.just("abc"), st.integers(1, 2), st.booleans()),
)  # fmt: skip


class Tops(HTMLParser):
    """The top-level elements of a frame: {id: html}, and the texts that it appends."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        inner = html[html.index(">") + 1 : html.rindex("</template>")]
        self.html, self.depth, self.start = inner, 0, 0
        self.swaps: dict[str, str] = {}
        self.appends: list[tuple[str, str]] = []
        self.open: tuple[str, dict[str, str | None]] = ("", {})
        self.lines = [0, *[m.end() for m in re.finditer("\n", inner)]]
        self.feed(inner)
        self.close()

    def at(self) -> int:
        line, column = self.getpos()
        return self.lines[line - 1] + column

    def handle_starttag(self, tag, attrs):
        if tag in {"input", "img", "br", "use"}:
            return
        if self.depth == 0:
            self.start, self.open, self.text = self.at(), (tag, dict(attrs)), ""
        self.depth += 1

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_data(self, data):
        if self.depth:
            self.text += data

    def handle_endtag(self, tag):
        self.depth -= 1
        if self.depth:
            return
        end = self.html.index(">", self.at()) + 1
        _, attrs = self.open
        if "data-append" in attrs:
            self.appends.append((attrs["data-append"] or "", self.text))
        elif "id" in attrs:
            self.swaps[attrs["id"] or ""] = self.html[self.start : end]


def bounds(page: str, id_: str) -> tuple[int, int]:
    """Where the element of this id stands in a page."""
    start = page.index(f'id="{id_}"')
    start = page.rindex("<", 0, start)
    tag = re.match(r"<(\w+)", page[start:])[1]
    depth = 0
    for found in re.finditer(rf"<(/?){tag}\b[^>]*?(/?)>", page[start:]):
        depth += -1 if found[1] else 0 if found[2] else 1
        if depth == 0:
            return start, start + found.end()
    raise AssertionError(id_)


def apply(page: str, frame: str) -> str:
    """What live.js does, on text."""
    tops = Tops(frame)
    for id_, html in tops.swaps.items():
        if f'id="{id_}"' in page:
            start, end = bounds(page, id_)
            page = page[:start] + html + page[end:]
    for id_, text in tops.appends:
        if f'id="{id_}"' in page:
            _, end = bounds(page, id_)
            close = page.rindex("</", 0, end)
            page = (
                page[:close]
                + text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
                + page[close:]
            )
    return page


def snapshot(records, job) -> str:
    timeline = fold(records)
    context = {"timeline": timeline, "job": job, **around(job, timeline)}
    return "\n".join(render_to_string(f"live/{part}.html", context) for part in PARTS)


@pytest.fixture(
    params=["a program without a version", "a program with a version, a card and a request in line"]
)
def job(transactional_db, request):
    maker = Maker.objects.create()
    program = Program.objects.create(maker=maker, title="Tea", description="tea")
    if "with a version" in request.param:
        results = [
            {
                "id": "a",
                "sentence": "It opens",
                "held": True,
                "did": "",
                "expected": "",
                "saw": "",
                "source": "always",
            }
        ]
        program.current = Version.objects.create(
            program=program, number=1, shape="page", origin="recipe", files={"index.html": "<p>hi</p>"},
            verdict="held", results=results, recipe="split-bill",
        )  # fmt: skip
        program.save()
        cards.publish(program.current)
        Job.objects.create(maker=maker, program=program, kind="change", once="2", request="then blue")
    return Job.objects.create(maker=maker, program=program, kind="make", once="1", request="tea")


def at(second):
    return datetime(2026, 5, 1, tzinfo=UTC) + timedelta(seconds=second)


def told(*said):
    """Records of (the second in which it was told, event)."""
    return [
        SimpleNamespace(seq=n, type=e.type, payload=events.encode(e), at=at(second))
        for n, (second, e) in enumerate(said, 1)
    ]


def test_the_clock_stands_still_while_a_person_or_a_place_in_the_line_is_waited_for():
    state = events.StateChanged
    running = [(0, state("queued")), (5, state("running")), (25, state("waiting"))]
    answered = [*running, (90_000, state("queued")), (90_007, state("running"))]
    assert fold(told(*running[:2])).clock == at(5)
    assert fold(told(*answered)).clock == at(90_007 - 20), "twenty seconds were worked"
    lost = [*answered, (90_010, events.Restarted(2, "x")), (90_010, state("running"))]
    assert fold(told(*lost)).clock == at(90_007 - 20)


def test_what_runs_side_by_side_took_as_long_as_the_longest():
    ended = [events.StepEnded(n, "done", "", took) for n, took in (("1", 3.0), ("2.1", 5.0), ("2.2", 8.0))]
    begun = [events.StepStarted(end.n, "write", "x") for end in ended]
    assert fold(told(*((0, e) for e in (*begun, *ended)))).seconds == 11.0


TWICE = [events.StepStarted("1", "plan", "a", "a"), events.StepEnded("1", "done", "a", 1.0)]  # then begun anew


def until_the_end(history: list[events.Event]) -> list[events.Event]:
    """Nothing is said of a Job after its end."""
    for at, event in enumerate(history):
        if isinstance(event, events.StateChanged) and event.state in {"done", "failed", "stopped"}:
            return history[: at + 1]
    return history


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(EVENT, max_size=12), st.integers(0, 12))
@example([*TWICE, events.StepStarted("1", "plan", "a", "a")], 0)
def test_a_snapshot_and_the_events_after_it_are_a_fresh_snapshot(job, history, cut):
    history = until_the_end(history)
    records = [
        SimpleNamespace(seq=n, type=e.type, payload=events.encode(e), at=at(n))
        for n, e in enumerate(history, 1)
    ]
    cut = min(cut, len(records))
    page, timeline = snapshot(records[:cut], job), fold(records[:cut])
    for record in records[cut:]:
        event = advance(timeline, record)
        page = apply(page, fragment(timeline, event, record.seq, job))
    assert page == snapshot(records, job)


def test_an_event_that_was_applied_is_not_applied_again():
    record = SimpleNamespace(seq=1, type="said", payload=json.dumps({"text": "hi"}))
    timeline = fold([record])
    assert advance(timeline, record) is None
    assert timeline.said == "hi"


def test_an_event_of_a_later_version_is_passed_over():
    timeline = fold(
        [
            SimpleNamespace(seq=1, type="from-the-future", payload="{}"),
            SimpleNamespace(seq=2, type="said", payload='{"text":"a","mood":1}'),
        ]
    )
    assert (timeline.seq, timeline.said) == (2, "a")


@given(st.lists(EVENT, max_size=20))
def test_merging_deltas_changes_nothing_that_is_shown(history):
    merged: list[events.Event] = []
    for event in history:
        both = events.merge(merged[-1], event) if merged else None
        if both is None:
            merged.append(event)
        else:
            merged[-1] = both

    def shown(one):
        records = [
            SimpleNamespace(seq=n, type=e.type, payload=events.encode(e), at=at(0))
            for n, e in enumerate(one, 1)
        ]
        timeline = fold(records)
        timeline.seq = 0
        return timeline

    assert shown(merged) == shown(history)


@given(EVENT)
def test_an_event_survives_its_journey(event):
    assert events.decode(event.type, events.encode(event)) == event
