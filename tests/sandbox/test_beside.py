"""What is seen of a page from beside its own scripts, in a real box: names, contrast, buttons that nothing listens to."""

import pytest

from tests.sandbox.test_look import broken, opened

pytestmark = pytest.mark.docker
HEAD = "<!doctype html><meta name=viewport content='width=device-width'><title>x</title><h1>Hi</h1>"
# It says that all is well, and that nothing is a listener, wherever it can be heard.
FORGED = """<script>
window.axe = { run: async () => ({ violations: [] }) };
for (const name of ["querySelectorAll", "getAnimations"]) Document.prototype[name] = () => [];
Object.defineProperty(window, "axe", { writable: false, configurable: false });
Element.prototype.getAttribute = () => "a name";
</script>"""


def idle(seen):
    return {b["name"]: b["idle"] for b in seen.as_json()["buttons_tried"]}


def test_names_and_contrast_are_looked_at_and_no_script_of_the_page_says_otherwise(engine):
    body = """<button id=a></button><input id=b><select id=c><option>1</select><label>Named <input></label>
      <input placeholder=Milk><p style='color:#aaa;background:#fff'>So pale</p><img src='data:image/gif;base64,R0lGODlhAQABAAAAACw=' width=20 height=20>
      <script>a.onclick = () => { b.value += 1 }</script>"""
    for html in (HEAD + body, HEAD + FORGED + body):
        seen, judged = opened(engine, html)
        said = broken(judged)["a-names"]
        assert said.startswith("no name for 1 button, 1 field and 1 list: "), said
        assert '<input id="b"' in said
        assert "“So pale” stands out from its ground 2.3 to 1" in str(judged.not_checked), seen.as_json()
        assert "1 picture has no words" in str(judged.not_checked)


def test_buttons_that_nothing_listens_to_are_told_from_those_that_only_changed_nothing(engine):
    body = """<button>Dead</button><button id=a>Live</button><button onclick='0'>Still</button><form id=f><button>Send</button></form>
      <form><button>Nowhere</button></form><div id=d><button>Inner <b>part</b></button></div><p id=p>0</p>
      <script>a.onclick = () => p.textContent++; f.onsubmit = e => e.preventDefault(); d.addEventListener("click", () => {});</script>"""
    seen, judged = opened(engine, HEAD + body)
    assert idle(seen) == {
        "Dead": "unheard", "Live": "", "Still": "unseen", "Send": "unseen", "Nowhere": "unheard", "Inner part": "unseen",
    }  # fmt: skip
    assert broken(judged)["a-deaf"] == "nothing in the code listens to “Dead” and “Nowhere”"
    assert (
        "What is done by “Still”, “Send” and “Inner part”: I clicked and saw nothing change."
        in judged.not_checked
    )


@pytest.mark.parametrize("where", ["document", "window"])
def test_a_button_whose_clicks_are_heard_far_away_is_not_called_deaf(engine, where):
    seen, judged = opened(
        engine,
        f"{HEAD}<button>Far</button><script>{where}.addEventListener('click', () => {{}}, true)</script>",
    )
    assert idle(seen) == {"Far": "unseen"}
    assert broken(judged) == {}


def test_what_is_drawn_offered_said_or_kept_counts_as_an_effect(engine):
    drawn = "<button id=a>Draw</button><canvas id=c></canvas><script>a.onclick = () => c.getContext('2d').fillRect(0, 0, 9, 9)</script>"
    seen, _ = opened(engine, HEAD + drawn)
    assert idle(seen) == {"Draw": ""}
    told = """<button id=a>Save</button><button id=b>Keep</button><button id=c>Copy</button><button id=d>Say</button><button id=e>Dark</button>
      <script>a.onclick = () => { const l = document.createElement("a"); l.download = "a.txt"; l.href = URL.createObjectURL(new Blob(["x"])); l.click(); };
      b.onclick = () => localStorage.setItem("k", 1); c.onclick = () => navigator.clipboard.writeText("x"); d.onclick = () => alert("hello");
      e.onclick = () => { document.documentElement.dataset.theme = "dark"; };</script>"""
    later = """<button id=g>Later</button><input id=i aria-label=Field><button id=h>Write</button>
      <script>h.onclick = () => i.focus(); g.addEventListener("click", () => setTimeout(() => { g.hidden = true }, 900), { once: true });</script>"""
    seen, judged = opened(engine, HEAD + told + later)
    assert idle(seen) == dict.fromkeys(["Save", "Keep", "Copy", "Say", "Dark", "Later", "Write"], "")
    assert broken(judged) == {}


def test_a_page_of_very_many_elements_is_told_as_not_looked_at(engine):
    many = "<script>document.body.innerHTML += '<i>x</i> '.repeat(9000)</script>"
    _, judged = opened(engine, HEAD + many)
    assert "Whether everybody can use it: I could not look at its names and colours." in judged.not_checked
    assert broken(judged) == {}
