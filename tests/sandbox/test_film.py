"""The browser box films what it does: the hand is where the step is, and the page never knows."""

import pytest

from tests.sandbox.test_look import broken, opened
from vibe.generation import look
from vibe.generation.bundle import bundle

pytestmark = pytest.mark.docker

PLACED = """<!doctype html><title>x</title><style>* { position: absolute; margin: 0 } label, b, p { position: static }
#bill { left: 200px; top: 100px; width: 200px; height: 40px } #go { left: 900px; top: 500px; width: 120px; height: 60px }
#sum { left: 300px; top: 1500px }</style>
<label for="bill">Bill</label><input id="bill"><button id="go">Double</button><output id="sum">0</output><p id="log">calm</p>
<script>
const log = document.getElementById("log"), seen = [];
const tell = what => { seen.push(what); log.textContent = seen.join(" "); };
addEventListener("resize", () => { if (innerWidth !== 1280 || innerHeight !== 800 || devicePixelRatio !== 1) tell("resized"); });
matchMedia("(resolution: 1dppx)").addEventListener("change", () => tell("scaled"));
new MutationObserver(all => { for (const one of all) if (one.target !== log && one.target.id !== "sum") tell("changed"); }).observe(document, { childList: true, attributes: true, subtree: true });
document.getElementById("go").onclick = () => { document.getElementById("sum").textContent = document.getElementById("bill").value * 2; };
</script>"""
DOUBLE = {
    "id": "double", "sentence": "It doubles", "source": "model",
    "steps": [
        {"do": "fill", "target": {"label": "Bill"}, "value": "21"},
        {"do": "click", "target": {"role": "button", "name": "Double"}},
        {"do": "wait", "seconds": 0.1},
    ],
    "expect": [{"see": "text", "target": {"css": "#sum"}, "is": "42"}, {"see": "text", "target": {"text": "calm"}, "is": "calm"}],
}  # fmt: skip
MISSING = {
    "id": "missing", "sentence": "It halves", "source": "model",
    "steps": [{"do": "fill", "target": {"label": "Bill"}, "value": "2"}, {"do": "click", "target": {"role": "button", "name": "Halve"}}],
    "expect": [{"see": "text", "target": {"css": "#sum"}, "is": "1"}],
}  # fmt: skip


def inside(frame, left, top, width, height):
    x, y = frame.x * 1280, frame.y * 800
    return left <= x <= left + width and top <= y <= top + height


def test_each_step_is_filmed_with_the_hand_at_its_element_and_the_page_never_knows(engine):
    seen, judged = opened(engine, PLACED, [DOUBLE, MISSING])
    assert set(broken(judged)) == {"missing", "a-phone"}  # “calm”: nothing was resized, scaled or changed
    film = seen.films["double"]
    assert [f.words for f in film] == [
        "I opened it", "I typed 21 into “Bill”", "I clicked “Double”", "I waited 0.1 s", "Then I looked",
    ]  # fmt: skip
    assert film[0].x is None
    assert inside(film[1], 200, 100, 200, 40)
    assert inside(film[2], 900, 500, 120, 60)
    assert film[4].look
    assert film[4].y < 1  # what lay below the fold was brought into view
    assert all((f.width, f.height) == (640, 400) and len(f.picture) <= 40_000 for f in film)
    assert film[1].picture != film[2].picture

    failed = seen.films["missing"]
    assert [f.bad for f in failed] == [False, False, True]
    assert failed[-1].words.startswith("I could not click “Halve”")
    assert [f.words for f in seen.films["a-buttons"]] == ["I opened it", "I clicked “Double”"]


def test_a_phone_is_filmed_as_a_phone_and_a_long_check_keeps_its_ends(engine):
    steps = [{"do": "resize", "width": 390}, *[{"do": "press", "key": "Tab"}] * 20]
    check = {
        "id": "long",
        "sentence": "Long",
        "steps": steps,
        "expect": [{"see": "visible", "target": {"label": "Bill"}}],
    }
    seen, _ = opened(engine, PLACED, [check])
    film = seen.films["long"]
    assert len(film) == 14
    assert film[1].words == "I made the window 390 points wide"
    assert film[1].height == 640 > film[1].width
    assert film[-1].look


def test_a_page_that_hangs_leaves_the_frames_before(engine):
    steps = [
        {"do": "fill", "target": {"label": "Bill"}, "value": "9"},
        {"do": "click", "target": {"role": "button", "name": "Go"}},
    ]
    runs = [
        {"id": "visible", "steps": steps, "expect": [{"see": "visible", "target": {"text": "never"}}]},
        {
            "id": "errors",
            "steps": [*steps, {"do": "wait", "seconds": 0.1}],
            "expect": [{"see": "errors", "is": 0}],
        },
    ]
    # Whether it hangs in a step, while it is filmed or while it is looked at is a matter of the machine's speed.
    page = "<label>Bill <input></label><button onclick='setTimeout(() => { for (;;); }, 250)'>Go</button>"
    seen, _ = opened(
        engine, f"<!doctype html><title>x</title>{page}", [{**run, "sentence": "Goes on"} for run in runs]
    )
    for run in runs:
        words = [f.words for f in seen.films[run["id"]]]
        assert words[0] == "I opened it"
        assert not any(one.startswith("I could not type") for one in words), "it hung later"
        assert words[-1].startswith("I could not"), words
        assert seen.films[run["id"]][-1].bad
    assert [one["seen"] for one in seen.data["checks"]] == [[], []], "what is seen of it is not so"


def test_another_run_of_a_check_is_filmed_at_its_end_only(engine):
    page, asked = bundle({"index.html": PLACED}), [DOUBLE, {**DOUBLE, "id": "double~again"}]
    seen = look.observations(engine.run(look.source(page, asked), limits=look.limits()), page, asked)
    assert [f.words for f in seen.films["double~again"]] == ["I opened it", "I waited 0.1 s", "Then I looked"]
    assert (
        seen.films["double~again"][0].picture == seen.films["double"][0].picture
    )  # the page is as it was: not taken anew
