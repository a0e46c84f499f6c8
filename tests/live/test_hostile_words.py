"""Whatever a model, a program or a person says, the live path shows it as words: the browser sets frames as HTML."""

import dataclasses
from datetime import UTC, datetime
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest
from django.template.loader import render_to_string

from tests.live.test_timeline_law import PARTS
from tests.views.conftest import make_card
from vibe import events
from vibe.live.fragments import around, fragment
from vibe.live.timeline import advance, fold
from vibe.models import Job

pytestmark = pytest.mark.django_db
HOSTILE = (
    "</pre></textarea></title></template><img data-pwned src=x onerror=alert(1)><script data-pwned>alert(1)</script>"
    '" data-pwned \' data-pwned=\' <i data-pwned data-append="part-end"><svg data-pwned onload=alert(1)>'
)
RESULT = {
    "id": "a", "sentence": HOSTILE, "held": False, "did": HOSTILE, "expected": HOSTILE, "saw": HOSTILE, "source": "model",
    "confirmed": False, "idle": "", "film": HOSTILE, "seed": 1,
}  # fmt: skip
AT = datetime(2026, 5, 1, tzinfo=UTC)
SAID = [
    events.StateChanged("running", HOSTILE),
    events.StepStarted("1", "write", HOSTILE, HOSTILE),
    events.StepNoted("1", HOSTILE),
    events.Said(HOSTILE),
    events.FileOpened(f"{HOSTILE}.html"),
    events.FileText(f"{HOSTILE}.html", HOSTILE),
    events.FileClosed(f"{HOSTILE}.html"),
    events.Output("stdout", HOSTILE),
    events.StepEnded("1", "bad", HOSTILE, 0.5),
    events.QuestionAsked("plan", HOSTILE, [{"value": HOSTILE, "label": HOSTILE, "line": HOSTILE}]),
    events.Answered("plan", HOSTILE),
    events.PlanProposed(HOSTILE, [HOSTILE], [{"id": HOSTILE, "sentence": HOSTILE, "readable": True, "confirmed": False}], True, HOSTILE),
    events.Answered("plan", HOSTILE),
    events.RecipeUsed(HOSTILE, HOSTILE, [{"name": HOSTILE, "label": HOSTILE, "value": HOSTILE, "origin": "words"}], [HOSTILE]),
    events.Checked("broken", [RESULT, {**RESULT, "id": "b", "idle": "blank"}], [HOSTILE], {"mutants": 3, "noticed": 1}),
    events.Spent(1, 2, 3, 0.5),
    events.VersionMade(1, "page", "broken", HOSTILE, False, [HOSTILE], [HOSTILE]),
    events.LooksKept([{"version": 2, "line": HOSTILE}]),
    events.CardMade("abc", 1, True),
    events.RunEnded({"ended": "exit", "code": 1, "stdout": HOSTILE, "stderr": HOSTILE, "artifacts": [{"name": HOSTILE, "size": 3}]}),
    events.StateChanged("failed", HOSTILE),
    events.Restarted(2, HOSTILE),
]  # fmt: skip


class Frame(HTMLParser):
    """The elements that are not ours, and what stands outside the one template of a frame."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.foreign: list[str] = []
        self.templates = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.templates += tag == "template"
        given = dict(attrs)
        ours = "nonce" in given or (given.get("src") or "").startswith("/static/")
        if (tag == "script" and not ours) or any(n == "data-pwned" or n.startswith("on") for n in given):
            self.foreign.append(self.get_starttag_text() or tag)


@pytest.fixture(params=["page", "tool"])
def job(request, browser):
    card = make_card(browser.maker(), shape=request.param, title=HOSTILE[:119])
    version = card.version
    version.summary, version.changed = HOSTILE[:300], HOSTILE[:300]
    version.results, version.not_checked, version.broke = [RESULT], [HOSTILE], [HOSTILE]
    version.save()
    Job.objects.create(
        maker=card.maker, program=card.program, kind="change", once="2", request=HOSTILE, base=version
    )
    return card.program.jobs.order_by("pk")[0]


def test_every_kind_of_event_is_among_the_hostile_ones():
    assert {type(e) for e in SAID} == set(events.TYPES.values())
    for event in SAID:  # and no text of it is left harmless by mistake
        for field in dataclasses.fields(event):
            value = getattr(event, field.name)
            short = isinstance(value, str) and HOSTILE not in value
            assert not short or field.name in {
                "state",
                "n",
                "kind",
                "how",
                "stream",
                "about",
                "verdict",
                "shape",
                "card",
            }


def test_no_event_brings_an_element_that_is_not_ours(job):
    timeline = fold([])
    for seq, said in enumerate(SAID, 1):
        record = SimpleNamespace(seq=seq, type=said.type, payload=events.encode(said), at=AT)
        event = advance(timeline, record)
        frame = fragment(timeline, event, seq, job)
        seen = Frame(frame)
        assert not seen.foreign, said.type
        assert seen.templates == 1, said.type
        assert frame.startswith("<template")
        assert frame.rstrip().endswith("</template>")


def test_no_page_that_was_loaded_at_any_point_has_one_either(job, browser):
    records = [
        SimpleNamespace(seq=n, type=e.type, payload=events.encode(e), at=AT) for n, e in enumerate(SAID[:-1], 1)
    ]
    for end in range(len(records) + 1):
        timeline = fold(records[:end])
        context = {"timeline": timeline, "job": job, **around(job, timeline)}
        for part in PARTS:
            assert not Frame(render_to_string(f"live/{part}.html", context)).foreign, part
    card = job.program.cards.get()
    for path in (job.program.get_absolute_url(), "/shelf/", "/", f"/c/{card.token}/"):
        reply = browser.get(path)
        assert reply.status_code == 200, path
        assert not Frame(reply.content.decode()).foreign, path
        assert HOSTILE[:60] not in reply.content.decode(), path
