"""The model's way, with a real HTTP server in its place: written live, checked, repaired, stopped, resumed."""

import re
import signal
import threading
import time

import pytest
from playwright.sync_api import expect

from tests import modelserver as play
from tests.journeys.served import boxes
from tests.waiting import wait

pytestmark = [pytest.mark.docker, pytest.mark.browser]

INDEX = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Tea diary</title><link rel="stylesheet" href="style.css"></head>
<body><h1>Tea diary</h1>
<form id="form"><label>Tea <input id="tea"></label> <label>Cups <input id="cups" type="number" value="1"></label> <button>Add</button></form>
<ul id="list"></ul>
<canvas id="chart" width="300" height="120"></canvas>
<script src="app.js"></script>
</body></html>
"""
STYLE = "body { font: 18px system-ui; margin: 2rem; color-scheme: light dark }\nh1 { color: teal }\n"
APP = """let teas = JSON.parse(localStorage.getItem("teas") || "[]");
function draw() {
  document.getElementById("list").replaceChildren(...teas.map(t => Object.assign(document.createElement("li"), { textContent: t.tea + ": " + t.cups })));
  const pen = document.getElementById("chart").getContext("2d");
  pen.clearRect(0, 0, 300, 120);
  pen.fillStyle = "teal";
  teas.forEach((t, i) => pen.fillRect(i * 30, 120 - t.cups * 20, 24, t.cups * 20));
}
document.getElementById("form").addEventListener("submit", event => {
  event.preventDefault();
  teas.push({ tea: document.getElementById("tea").value, cups: Number(document.getElementById("cups").value) });
  localStorage.setItem("teas", JSON.stringify(teas));
  draw();
});
draw();
"""


def blocks(**files):
    named = {
        "index": "index.html",
        "style": "style.css",
        "app": "app.js",
        "toml": "tool.toml",
        "main": "main.py",
    }
    return "".join(f"FILE {named[n]}\n```\n{text}```\n\n" for n, text in files.items()) + "DONE\n"


PAGE = "A diary for your teas, with a small chart.\n\n" + blocks(index=INDEX, style=STYLE, app=APP)
BROKEN = "A diary for your teas.\n\n" + blocks(
    index=INDEX, style=STYLE, app=APP.replace("draw();\n", "drawAll();\n", 9)
)
TOML = 'title = "Line counter"\nabout = "Counts lines."\nlanguage = "python"\nrun = ["python3", "main.py"]\n\n[[inputs]]\nname = "file"\nlabel = "Text file"\ntype = "file"\naccept = [".txt", ".csv"]\nrequired = true\n'
MAIN = 'import json, sys\nname = json.load(open("input.json"))["file"]\ntry:\n    lines = open(name, encoding="utf-8").read().splitlines()\nexcept UnicodeDecodeError:\n    sys.exit("This is not a text file.")\nprint(len(lines), "lines")\nopen("out/lines.csv", "w").write("Line,Length\\n" + "".join(f"{n},{len(l)}\\n" for n, l in enumerate(lines, 1)))\n'


def works_the_same(frame):
    """A form, localStorage and a chart on a canvas."""
    frame.locator("#tea").fill("Earl Grey")
    frame.locator("#cups").fill("3")
    frame.locator("button").click()
    assert frame.locator("#list").inner_text() == "Earl Grey: 3"
    assert frame.locator("#chart").evaluate("c => c.getContext('2d').getImageData(5, 100, 1, 1).data[3]") == 255


def test_a_page_of_three_files_is_the_same_in_check_preview_card_and_copy(played, visitor, tmp_path):
    served, model = played
    go = threading.Event()
    model.script.append(play.say(PAGE, piece=30, pause_s=0.02, go=go))
    maker, friend = visitor(), visitor()
    maker.page.goto(served.url + "/")
    maker.shoot("home")
    maker.describe(served.url, "A diary for my teas with a small chart")
    draft = maker.page.frame_locator("#part-preview iframe")
    draft.locator("h1").wait_for()
    assert maker.page.get_attribute("#part-preview", "aria-busy") == "true"
    maker.page.screenshot(path="var/shots/workbench-writing-1440-light.png")
    go.set()
    assert maker.finished() == "Ready. Try it."
    assert "A diary for your teas" in maker.page.inner_text("#part-said")
    assert "Whether it does what you asked" in maker.page.inner_text("#part-end")
    works_the_same(maker.page.frame_locator("#part-preview iframe"))
    maker.shoot("workbench-model-done")
    maker.page.click(".bar button[data-opens=share]")
    friend.page.goto(maker.page.input_value("#share-link"))
    card = friend.page.frame_locator("[data-frame] iframe")
    works_the_same(card)
    friend.page.reload()
    assert friend.page.frame_locator("[data-frame] iframe").locator("#list").inner_text() == "Earl Grey: 3"

    friend.page.click("button[data-opens=share]")
    with friend.page.expect_download() as download:
        friend.page.click("#share a:has-text('Save a copy')")
    copy = tmp_path / "copy.html"
    download.value.save_as(copy)
    served.stop()  # it runs without us
    alone = visitor()
    alone.page.goto(f"file://{copy}")
    works_the_same(alone.page)
    alone.page.reload()
    assert alone.page.locator("#list").inner_text() == "Earl Grey: 3"


def test_what_its_check_finds_broken_is_repaired_once_and_shown(played, visitor):
    served, model = played
    model.script.extend([play.say(BROKEN, piece=400), play.say(PAGE, piece=400)])
    maker = visitor()
    maker.describe(served.url, "A diary for my teas")
    assert maker.finished() == "Ready. Try it."
    steps = maker.page.inner_text("#part-steps")
    assert "Fix" in steps
    repair = model.requests[1]["body"]["messages"][-1]["content"]
    assert "drawAll is not defined" in repair
    assert "app.js, line" in repair
    works_the_same(maker.page.frame_locator("#part-preview iframe"))
    assert len(model.requests) == 2


def test_what_cannot_be_repaired_is_said_and_kept(played, visitor):
    served, model = played
    model.always(play.say(BROKEN, piece=400))
    maker = visitor()
    maker.describe(served.url, "A diary for my teas")
    assert maker.finished() == "I couldn’t get all of it to work"
    assert "drawAll is not defined" in maker.page.inner_text("#part-end")
    expect(maker.page.locator("#part-end h2")).to_be_in_viewport()  # however long what follows it is
    maker.shoot("workbench-broken")
    maker.page.click("#tab-checks")
    maker.shoot("workbench-broken-checks")
    maker.wrong.clear()  # the page's own error, in its preview


def test_a_tool_is_written_tried_and_run_on_a_file(played, visitor, tmp_path):
    served, model = played
    model.script.append(play.say("Counts the lines.\n\n" + blocks(toml=TOML, main=MAIN)))
    maker = visitor()
    maker.describe(served.url, "Count the lines of my file", shape="tool")
    assert maker.finished() == "Ready. Try it."
    text = tmp_path / "three.txt"
    text.write_text("a\nbb\nccc\n")
    maker.page.set_input_files("#in-file", text)
    maker.page.click("#part-preview button.big")
    maker.page.wait_for_url("**/runs/*/#result")
    maker.page.wait_for_selector("#part-run table")
    assert "3 lines" in maker.page.inner_text("#printed")


def test_a_plan_is_changed_before_a_line_is_written(played, visitor):
    served, model = played
    model.plan("TITLE Tea diary\nSTEP A form for teas\nSTEP A chart\nCHECK The chart grows\n")
    model.script.append(play.say(PAGE, piece=400))
    maker = visitor()
    maker.describe(served.url, "A diary for my teas", autonomy="plan")
    maker.page.wait_for_selector("form[data-plan]")
    maker.shoot("workbench-plan")
    maker.page.fill(".plan li:nth-child(2) textarea", "A teal chart")
    maker.page.click("[data-add]")
    maker.page.fill(".plan li:nth-child(3) textarea", "No sound")
    maker.page.click("text=Go, make it")
    assert maker.finished() == "Ready. Try it."
    asked = model.requests[0]["body"]["messages"][-1]["content"]
    assert "A teal chart" in asked
    assert "No sound" in asked
    assert "- A chart\n" not in asked


def test_a_plan_is_changed_twice_while_it_is_written(played, visitor):
    served, model = played
    model.plan("TITLE Tea diary\nSTEP A form for teas\nSTEP A chart\nCHECK The chart grows\n")
    slow = play.say(PAGE, piece=4, pause_s=0.05)
    model.script.extend([slow, slow, play.say(PAGE, piece=20, pause_s=0.05)])
    maker = visitor()
    maker.describe(served.url, "A diary for my teas")
    for words in ("A teal chart", "A red chart"):
        maker.page.locator("#code-0", has_text="Tea diary").wait_for(state="attached")
        if not maker.page.is_visible("#part-plan [aria-label='Step 2']"):
            maker.page.click("#part-plan summary")
        maker.page.fill("#part-plan [aria-label='Step 2']", words)
        maker.page.click("text=Write it anew from this")
        maker.page.locator("#part-plan .fact", has_text="You changed it").wait_for(state="attached")
        # The page's own plan is the changed one: a second change is made to that.
        expect(maker.page.locator("#part-plan [aria-label='Step 2']")).to_have_value(words)
    maker.shoot("workbench-plan-changed")
    assert maker.finished() == "Ready. Try it."
    assert "A red chart" in maker.page.text_content("#part-plan")
    assert "A red chart" in model.requests[-1]["body"]["messages"][-1]["content"]


MINE = "#part-plan [aria-label='Step 2']"
DIARY = "TITLE Tea diary\nSTEP A form for teas\nSTEP A chart\nCHECK The chart grows\n"


def typed_into_the_plan(page):
    """A line is changed and not sent, and the person looks elsewhere."""
    page.locator("#code-0", has_text="Tea diary").wait_for(state="attached")
    page.click("#part-plan summary")
    page.fill(MINE, "A teal chart")
    page.evaluate("window.same = true; document.activeElement.blur()")


def test_what_is_typed_into_a_plan_and_came_too_late_stays_on_the_page(played, visitor):
    served, model = played
    model.plan(DIARY)
    go = threading.Event()
    model.script.extend([play.say(PAGE, piece=40, go=go), *[play.say(PAGE, piece=400)] * 2])
    maker = visitor()
    page = maker.page
    maker.describe(served.url, "A diary for my teas")
    typed_into_the_plan(page)
    go.set()
    other = maker.tab()
    other.goto(page.url)
    other.fill("#say", "Make it larger")
    other.press("#say", "Enter")
    maker.finished()
    page.locator("#part-next", has_text="Go on to what comes next").wait_for()
    expect(page.locator(MINE)).to_have_value("A teal chart")
    expect(page.locator("[data-late-note]")).to_be_visible()
    expect(page.locator("#part-plan >> text=Write it anew from this")).to_be_hidden()
    assert page.evaluate("window.same"), "the page went on with the next request by itself"
    maker.shoot("workbench-plan-late")
    page.click("text=Throw it away")
    assert page.locator(MINE).count() == 0


def test_what_is_typed_into_a_plan_stays_while_several_are_written(played, visitor):
    served, model = played
    model.plan(DIARY)
    slow, go = play.say(PAGE, piece=4, pause_s=0.05), threading.Event()
    model.script.extend(
        [play.say(PAGE, piece=40, go=go), slow, slow, *[play.say(PAGE, piece=20, pause_s=0.1)] * 3]
    )
    maker = visitor()
    page = maker.page
    page.goto(served.url + "/")
    page.check('.knob input[value="thorough"]', force=True)
    page.fill("#ask", "A diary for my teas")
    page.click(".ask button.big")
    page.wait_for_url("**/programs/*/")
    page.locator("#part-steps [aria-current]").nth(2).wait_for(state="attached")
    page.click("#part-plan summary")
    page.fill(MINE, "A teal chart")
    page.evaluate("document.activeElement.blur()")
    go.set()
    page.locator("#part-steps [data-step=done] b", has_text="Write").wait_for(state="attached")
    expect(page.locator(MINE)).to_have_value("A teal chart")
    page.click("text=Write it anew from this")
    page.locator("#part-plan .fact", has_text="You changed it").wait_for(state="attached")
    expect(page.locator(MINE)).to_have_value("A teal chart")
    assert page.locator("[data-late-note]:visible").count() == 0
    maker.finished(150)
    assert "A teal chart" in model.requests[-1]["body"]["messages"][-1]["content"]


def test_stop_ends_the_call_and_keeps_what_there_is(played, visitor):
    served, model = played
    model.script.append(play.say(PAGE, piece=4, pause_s=0.05))
    maker = visitor()
    maker.describe(served.url, "A diary for my teas")
    maker.page.locator("#code-0", has_text="Tea diary").wait_for(state="attached")
    began = time.monotonic()
    maker.page.click("[data-stop]")
    maker.page.wait_for_selector("#part-end h2")
    assert time.monotonic() - began < 10, "it would write for seventeen"
    assert "Stopped" in maker.page.inner_text("#part-end")
    maker.shoot("workbench-stopped")
    assert wait(lambda: model.left), "the call to the model went on"


def test_a_change_edits_the_program_and_keeps_the_old_version(played, visitor):
    served, model = played
    edit = "EDIT style.css\n```css\n<<<<<<< SEARCH\nh1 { color: teal }\n=======\nh1 { color: crimson }\n>>>>>>> REPLACE\n```\nDONE\n"
    model.script.extend([play.say(PAGE, piece=400), play.say(edit)])
    maker = visitor()
    maker.describe(served.url, "A diary for my teas")
    maker.finished()
    maker.page.fill("#say", "Make the title crimson")
    maker.page.press("#say", "Enter")
    maker.page.locator(".said").nth(1).wait_for()
    maker.finished()
    colour = (
        maker.page.frame_locator("#part-preview iframe")
        .locator("h1")
        .evaluate("h => getComputedStyle(h).color")
    )
    assert colour == "rgb(220, 20, 60)"
    maker.page.click("#tab-versions")
    assert maker.page.locator("#part-versions .line").count() == 2


def test_killed_in_the_middle_it_goes_on_and_pays_nothing_twice(played, visitor):
    served, model = played
    in_flight = play.say(PAGE, piece=60, go=threading.Event())
    model.script.extend([play.say(BROKEN, piece=400), in_flight])
    maker = visitor()
    maker.describe(served.url, "A diary for my teas")
    maker.page.wait_for_selector('#part-steps li[data-step="fix"]')
    wait(lambda: len(model.requests) == 2)
    served.stop(signal.SIGKILL)
    time.sleep(0.5)
    model.script.append(play.say(PAGE, piece=400))
    served.start()
    maker.page.reload()
    assert maker.finished() == "Ready. Try it."
    # The first call was journaled and is not paid again; the one in flight, and only that, is.
    assert len(model.requests) == 3
    paid = served.rows(
        "SELECT purpose, tokens_out FROM vibe_steprecord WHERE kind = 'ask' AND answer IS NOT NULL ORDER BY id"
    )
    assert [p for p, _ in paid] == ["plan", "write", "repair"]
    assert _boxes_left(served) == []
    maker.wrong.clear()  # the socket that broke


def _boxes_left(served):
    for _ in range(300):
        left = boxes(*served.pids, warm=False)
        if not left and len(boxes(*served.pids)) <= 3:  # what stands ready for the next
            return []
        time.sleep(0.1)
    return left


def test_a_model_is_connected_from_the_browser(vibe, visitor):
    maker = visitor()
    with play.ModelServer(models=("tea-model", "other")) as model:
        maker.page.goto(vibe.url + "/connect/")
        maker.shoot("connect")
        maker.page.fill("#base_url", model.url)
        maker.page.fill("#key", "sk-test-secret-999")
        maker.page.click("text=Test it and use it")
        assert "Choose one of these." in maker.page.inner_text("#wrong-model")
        maker.wrong.clear()  # the 422 itself
        maker.page.fill("#key", "sk-test-secret-999")
        maker.page.select_option("#model", "tea-model")
        maker.page.click("text=Test it and use it")
        assert "Connected: tea-model" in maker.page.inner_text("main")
        assert "sk-test" not in maker.page.content()
        maker.shoot("connected")
        model.script.append(play.say(PAGE, piece=400))
        maker.describe(vibe.url, "A diary for my teas")
        assert maker.finished() == "Ready. Try it."
        assert model.requests[-1]["headers"]["authorization"] == "Bearer sk-test-secret-999"
        maker.page.goto(vibe.url + "/connect/")
        maker.page.click("text=Disconnect it")
        assert re.search("No AI model is connected", maker.page.inner_text("main"))
