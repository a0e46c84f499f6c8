"""A page that lies about itself: what it makes of its own prototypes changes nothing of what is seen of it."""

import pytest

from sandbox.outcome import Artifact, Outcome
from tests.sandbox.test_look import broken, opened
from vibe.generation import look
from vibe.generation.bundle import bundle

# Too wide for a phone, with buttons that raise errors and words that do not change or that nobody sees; and to whoever
# asks it in its own world it is narrow, has no buttons that can be used, and says something new each time.
LIAR = """<!doctype html><meta name="viewport" content="width=device-width"><title>x</title>
<script>
const lie = (on, name, get) => Object.defineProperty(on, name, { get, configurable: true });
lie(HTMLElement.prototype, "innerText", () => "new " + Math.random());
lie(Element.prototype, "scrollWidth", () => 300);
lie(Element.prototype, "clientWidth", () => 300);
Element.prototype.getBoundingClientRect = () => ({ x: 0, y: 0, width: 0, height: 0, top: 0, left: 0, right: 0, bottom: 0 });
Element.prototype.matches = () => true;
</script>
<p id="tells"></p><p id="same">the same</p><p id="away" hidden>42</p><div style="width:900px;background:red">wide</div>
<button id="stay">Stay</button>
<div id="host"><button onclick="throw new Error('in the light')">Light</button></div><button>After</button>
<script>
document.getElementById("stay").onclick = () => {};
tells.textContent = [navigator.webdriver, navigator.userAgent, JSON.stringify(navigator.userAgentData), location.hostname].join(" ");
const tree = host.attachShadow({ mode: "open" });
tree.innerHTML = "<button>Deep</button><slot></slot>";
tree.querySelector("button").onclick = () => { throw new Error("in the deep"); };
</script>"""
CHANGES = {
    "id": "changes", "sentence": "It changes", "steps": [{"do": "click", "target": {"role": "button", "name": "Stay"}}],
    "expect": [{"see": "changed", "target": {"css": "#same"}}],
}  # fmt: skip
AWAY = {
    "id": "away", "sentence": "It says 42", "steps": [],
    "expect": [{"see": "text", "target": {"css": "#away"}, "is": "42"}],
}  # fmt: skip


@pytest.mark.docker
def test_a_page_is_seen_as_it_is_whatever_it_makes_of_its_own_world(engine):
    seen, judged = opened(engine, LIAR, [CHANGES, AWAY])
    found, text = broken(judged), seen.as_json()["text"]
    assert "a-phone" in found
    assert {b["name"]: b["text"] for b in seen.as_json()["buttons_tried"]} == {
        "Stay": "", "Light": "Error: in the light", "Deep": "Error: in the deep", "After": "",
    }  # fmt: skip
    assert found["changes"] == "“#same” stayed the same"
    assert found["away"] == "nothing"
    assert "the same" in text
    assert "42" not in text
    tells = next(line for line in text.splitlines() if "Mozilla" in line)
    assert tells.startswith("false Mozilla")
    assert "Headless" not in tells
    assert "check" not in tells


def test_what_hardly_ends_in_the_answer_of_a_box_is_no_answer():
    nested = Outcome("exit", 0, artifacts=(Artifact("observations.json", b"[" * 200_000, "text/plain"),))
    assert not look.observations(nested, bundle({"index.html": "x"})).as_json()["loaded"]
