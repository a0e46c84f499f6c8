"""Every stage of a look, in a real box: what comes late, on a phone, at a click or in a promise is seen and told."""

import pytest

from tests.sandbox.test_look import broken, opened
from vibe.choices import Verdict
from vibe.generation import look
from vibe.generation.bundle import bundle
from vibe.generation.checks import judge, runs

pytestmark = pytest.mark.docker
HEAD = "<!doctype html><meta name=viewport content='width=device-width'><title>x</title><h1>Hi</h1>"

NARROW = "setTimeout(()=>{if(innerWidth<500) "  # later: while a frame is being laid out it has no width yet


def page(body, script=""):
    return f"{HEAD}{body}<script>{script}</script>"


def tried(seen):
    return [b["name"] for b in seen.as_json()["buttons_tried"]]


def test_what_a_button_fetches_is_told_with_the_button(engine):
    seen, judged = opened(
        engine,
        page(
            "<button id=a>Load</button><button id=b>Calm</button>",
            "a.onclick=()=>{fetch(['https://','late.example/x'].join('')).catch(()=>{})}",
        ),
    )
    assert "late.example/x when I clicked “Load”" in broken(judged)["a-outside"]
    assert tried(seen) == ["Load", "Calm"]


def test_what_a_promise_makes_the_page_fetch_or_throw_breaks_it(engine):
    check = {
        "id": "c1", "sentence": "The total is shown", "again": {"n": "n + 1"}, "given": {"n": 1},
        "steps": [{"do": "fill", "target": {"label": "N"}, "value": "{n}"}],
        "expect": [{"see": "text", "target": {"mark": "sum"}, "number": "n"}],
    }  # fmt: skip
    made = bundle(
        {
            "index.html": page(
                "<label>N <input id=n></label><p data-vibe=sum></p>",
                "n.oninput=()=>{document.querySelector('p').textContent=n.value;fetch(['https://','typed.example'].join('')).catch(()=>{});boom()}",
            )
        }
    )
    asked = runs([check])
    seen = look.observations(engine.run(look.source(made, asked), limits=look.limits()), made, asked)
    found = broken(judge("page", [check], seen.as_json()))
    assert "typed.example/ when I checked “The total is shown”" in found["a-outside"]
    assert found["c1"].startswith("it held, but the page raised an error: ReferenceError: boom")
    assert "a-errors" not in found
    assert seen.films["c1"]
    assert seen.as_json()["checks"][0]["seconds"] > 0


def test_a_page_that_hangs_on_a_phone_is_not_said_to_fit_one(engine):
    _, judged = opened(engine, page("", NARROW + "for(;;);},150)"))
    found = broken(judged)
    assert found["a-phone"] == "I could not look"
    assert "on a phone" in found["a-errors"]


def test_an_error_that_comes_on_a_phone_only_is_told(engine):
    _, judged = opened(engine, page("", NARROW + "boom()},150)"))
    assert "on a phone: " in broken(judged)["a-errors"]
    assert "boom" in broken(judged)["a-errors"]


def test_a_page_that_freezes_or_throws_a_while_after_it_opened_is_told(engine):
    _, judged = opened(engine, page("", "setTimeout(()=>{for(;;);},1500)"))
    assert judged.verdict == Verdict.BROKEN
    assert "the page stopped answering" in broken(judged)["a-errors"]
    _, judged = opened(engine, page("", "setTimeout(()=>boom(),1500)"))
    assert "boom" in broken(judged)["a-errors"]


@pytest.mark.parametrize(
    "buttons", ["<button id=a>Go</button>", "<button>First</button><button id=a>Go</button>"]
)
def test_what_a_click_puts_off_is_told_of_the_button_even_when_it_is_the_last(engine, buttons):
    _, judged = opened(engine, page(buttons, "a.onclick=()=>{setTimeout(()=>boom(),1500)}"))
    assert "“Go”: index.html, line 1: ReferenceError: boom" in broken(judged)["a-buttons"]


def test_what_a_page_says_while_it_is_put_away_is_not_said_of_the_next(engine):
    """What a button began goes on until the page is opened anew: it is the button's, and not the phone's or a promise's."""
    click = {"do": "click", "target": {"role": "button", "name": "Go"}}
    checks = [
        {"id": name, "sentence": name, "steps": steps, "expect": [{"see": "errors", "is": 0}]}
        for name, steps in (("used", [click]), ("opened", []))
    ]
    ticks = "let n=0;a.onclick=()=>setInterval(()=>{throw new Error('tick '+n++)},60)"
    seen, judged = opened(engine, page("<button id=a>Go</button>", ticks), checks)
    assert {e["stage"] for e in seen.as_json()["errors"] if "tick" in e["text"]} <= {"click", "check"}
    assert {e["name"] for e in seen.as_json()["errors"] if "tick" in e["text"]} <= {"Go", "used"}
    assert set(broken(judged)) == {"a-buttons", "used"}


def test_a_page_that_loads_itself_anew_when_it_opens_is_looked_at_all_the_same(engine):
    """Its frame is built anew each time: what is asked of the one before is asked of the next."""
    anew = "if(!localStorage.lang){localStorage.lang='en';setTimeout(()=>location.reload(),200)}"
    seen, judged = opened(engine, page("<p>words</p><button onclick='boom()'>Go</button>", anew))
    assert set(broken(judged)) == {"a-buttons"}
    assert "words" in seen.as_json()["text"]
    assert tried(seen) == ["Go"]


def test_a_button_that_leaves_the_page_is_told_and_the_others_are_tried(engine):
    seen, judged = opened(
        engine,
        page(
            "<button id=a>Away</button><button id=b>Anew</button><button id=c>Boom</button><button id=d>Calm</button>",
            "a.onclick=()=>{location.href='/other'};b.onclick=()=>location.reload();c.onclick=()=>boom()",
        ),
    )
    assert tried(seen) == ["Away", "Anew", "Boom", "Calm"]
    assert "“Away”: it left the page" in broken(judged)["a-buttons"]
    assert "“Anew”" not in broken(judged)["a-buttons"]
    assert "“Boom”: " in broken(judged)["a-buttons"]
    assert not any("not tried" in line for line in judged.not_checked)


def test_a_page_that_goes_away_by_itself_is_told(engine):
    _, judged = opened(engine, page("", "setTimeout(()=>{location.href='/other'},300)"))
    assert "it left the page" in broken(judged)["a-errors"]


def test_a_promise_whose_button_loads_the_page_anew_is_still_looked_at(engine):
    keeps = {
        "id": "keeps", "sentence": "It is kept", "expect": [{"see": "text", "target": {"mark": "n"}, "is": "1"}],
        "steps": [{"do": "click", "target": {"role": "button", "name": "Save"}}, {"do": "wait", "seconds": 1}],
    }  # fmt: skip
    _, judged = opened(
        engine,
        page(
            "<button id=a>Save</button><p data-vibe=n></p>",
            "document.querySelector('p').textContent=localStorage.n||'';a.onclick=()=>{localStorage.n='1';location.reload()}",
        ),
        [keeps],
    )
    assert broken(judged) == {}


OVERLAY = "<div id=o hidden style='position:fixed;inset:0;background:#fff;z-index:9'>Help</div>"


def test_what_an_overlay_covers_is_tried_all_the_same(engine):
    seen, judged = opened(
        engine,
        page(
            f"<button id=a>Help</button><button id=b>Boom</button><button id=c>Calm</button>{OVERLAY}",
            "a.onclick=()=>{o.hidden=false};b.onclick=()=>boom()",
        ),
    )
    assert tried(seen) == ["Help", "Boom", "Calm"]
    assert "“Boom”" in broken(judged)["a-buttons"]


def test_a_button_that_cannot_be_reached_is_said_to_be_untried(engine):
    seen, judged = opened(
        engine, page(f"<button>Under</button><button disabled>Off</button>{OVERLAY.replace('hidden ', '')}")
    )
    assert tried(seen) == []
    assert "2 buttons were not tried: “Under” and “Off”." in judged.not_checked


def test_the_thirteenth_button_is_tried_too(engine):
    keys = "".join(f"<button>{n}</button>" for n in range(12))
    seen, judged = opened(engine, page(f"{keys}<button onclick='boom()'>Last</button>"))
    names = tried(seen) + [name for line in judged.not_checked for name in ("Last",) if f"“{name}”" in line]
    assert "Last" in names  # a very busy machine may have no time for it, but then it says so
    if "Last" in tried(seen):
        assert "“Last”" in broken(judged)["a-buttons"]


def test_a_button_that_hangs_the_page_is_named(engine):
    _, judged = opened(
        engine, page("<button id=a>Spin</button><button>Calm</button>", "a.onclick=()=>{for(;;);}")
    )
    assert "“Spin”: the page stopped answering" in broken(judged)["a-buttons"]
    assert "1 button was not tried: “Calm”." in judged.not_checked


DARK = "<style>html{background:#000;color:#eee}</style>"
SEEN_OR_NOT = {
    "text in a canvas": ("<!doctype html><title>x</title><canvas id=c width=400 height=90></canvas><script>const p=c.getContext('2d');p.font='20px serif';p.fillText('Hello',9,40)</script>", ""),
    "a dark page with a word": (f"<!doctype html><title>x</title>{DARK}<p>Hello", ""),
    "an empty dark page": (f"<!doctype html><title>x</title>{DARK}<div></div>", "an empty page"),
    "drawn after two seconds": ("<!doctype html><title>x</title><div id=d></div><script>setTimeout(()=>{d.textContent='Hello'},1800)</script>", ""),
    "an empty canvas": ("<!doctype html><title>x</title><canvas width=400 height=90></canvas>", "an empty page"),
    "white on white": ("<!doctype html><title>x</title><p style='color:#fff'>Hello", "words that cannot be seen: all has one colour"),
    "one short word": ("<!doctype html><title>x</title><p>Hi", ""),
}  # fmt: skip


@pytest.mark.parametrize(("html", "says"), SEEN_OR_NOT.values(), ids=SEEN_OR_NOT)
def test_there_is_something_to_see_or_there_is_not(engine, html, says):
    _, judged = opened(engine, html)
    assert broken(judged).get("a-blank", "") == says


ADDS = """<!doctype html><meta name=viewport content='width=device-width'><title>Sum</title>
<label>A <input id=a></label> <label>B <input id=b></label> <button id=s>Add</button> <p data-vibe=sum></p>
<script>s.onclick=()=>{document.querySelector('p').textContent=Number(a.value)+Number(b.value)}</script>"""


def test_five_promises_with_all_their_runs_fit_into_one_look(engine):
    given = {"a": 3, "b": 4}
    steps = [
        {"do": "fill", "target": {"label": "A"}, "value": "{a}"},
        {"do": "fill", "target": {"label": "B"}, "value": "{b}"},
        {"do": "click", "target": {"role": "button", "name": "Add"}},
    ]
    sums = [{"see": "text", "target": {"mark": "sum"}, "number": "a + b"}]
    checks = [
        {"id": f"c{n}", "sentence": "It adds", "given": given, "vary": {"a": [5, 50]}, "again": {"b": f"b + {n}"}, "steps": steps, "expect": sums}
        for n in range(1, 6)
    ]  # fmt: skip
    made, asked = bundle({"index.html": ADDS}), runs(checks, 7)
    answer = look.observations(
        engine.run(look.source(made, asked), limits=look.limits()), made, asked
    ).as_json()
    assert [c["id"] for c in answer["checks"] if c["late"] or c["failed"]] == []
    judged = judge("page", checks, answer, seed=7)
    assert judged.verdict == Verdict.HELD
    assert {c["id"] for c in checks} <= judged.held_ids
