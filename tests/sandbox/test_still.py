"""A look waits no longer than a page could still do something; what it cannot know of is waited for in full."""

import importlib.util
from pathlib import Path

import pytest

from tests.sandbox.test_look import broken, opened

PATH = Path(__file__).resolve().parents[2] / "sandbox" / "images" / "browser" / "still.py"


@pytest.fixture(scope="module")
def still():
    spec = importlib.util.spec_from_file_location("still", PATH)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.fixture(scope="module")
def window(chromium, still):
    context = chromium.new_context()
    context.add_init_script(still.SCRIPT)
    yield context.new_page()
    context.close()


def framed(window, html):
    """A page in a frame, as a look has it, a moment after it opened."""
    window.set_content("<iframe srcdoc></iframe>")
    window.evaluate("html => { document.querySelector('iframe').srcdoc = html }", html)
    frame = window.wait_for_selector("iframe").content_frame()
    frame.wait_for_selector("body[data-there]", state="attached")
    window.wait_for_timeout(150)
    return frame


def script(code):
    return f"<body data-there><p>Hi</p><script>{code}</script>"


RESTLESS = {
    "a timer": "setTimeout(() => {}, 3000)",
    "a timer that a timer set": "setTimeout(() => setTimeout(() => {}, 3000), 10)",
    "a clock": "setInterval(() => {}, 3000)",
    "a game": "const go = () => requestAnimationFrame(go); go()",
    "a worker": "new Worker(URL.createObjectURL(new Blob(['setTimeout(() => postMessage(1), 3000)'])))",
    "a timer in a frame of its own": "document.body.append(document.createElement('iframe'))",
    "an animation": "document.querySelector('p').animate([{ opacity: 0 }, { opacity: 1 }], 9000)",
    "code in words": "setTimeout('1', 3000)",
    "a key that takes long": "crypto.subtle && crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, ['encrypt']) || setTimeout(() => {}, 3000)",
}
CALM = {
    "nothing": "",
    "timers that were called off": "clearTimeout(setTimeout(() => {}, 3000)); clearInterval(setInterval(() => {}, 3000)); cancelAnimationFrame(requestAnimationFrame(() => {}))",
    "timers that are over": "setTimeout(() => setTimeout(() => {}, 10), 10); requestAnimationFrame(() => {})",
    "what comes long after": "setTimeout(() => {}, 60000)",
}


@pytest.mark.parametrize("code", RESTLESS.values(), ids=RESTLESS)
def test_what_may_still_do_something_is_waited_for(window, still, code):
    assert not still.is_still(framed(window, script(code)), 5000)


@pytest.mark.parametrize("code", CALM.values(), ids=CALM)
def test_a_page_that_has_nothing_more_to_do_is_not_waited_for(window, still, code):
    assert still.is_still(framed(window, script(code)), 5000)


def test_a_page_that_broke_our_note_or_went_away_is_waited_for(window, still):
    frame = framed(window, script(""))
    window.set_content("")
    assert not still.is_still(frame, 100)


def test_timers_are_to_a_page_what_they_ever_were(window, still):
    code = """
    const told = [setTimeout.name, setTimeout.length, String(setTimeout).includes('[native code]')];
    const id = setTimeout(function (...given) { told.push(this === window, given.join()); document.title = told.join(' '); }, 5, 1, 2);
    told.push(typeof id);
    """
    frame = framed(window, script(code))
    assert frame.title() == "setTimeout 1 true number true 1,2"


@pytest.mark.docker
def test_what_a_button_does_a_little_later_is_seen_and_what_throws_a_second_later_too(engine):
    late = {
        "id": "late", "sentence": "It says so", "expect": [{"see": "text", "target": {"css": "#o"}, "is": "done"}],
        "steps": [{"do": "click", "target": {"role": "button", "name": "Go"}}],
    }  # fmt: skip
    html = "<!doctype html><title>x</title><button onclick=\"setTimeout(() => { o.textContent = 'done' }, 150)\">Go</button><p id=o></p>"
    _, judged = opened(engine, html, [late])
    assert "late" not in broken(judged)
    _, judged = opened(engine, html + "<script>setTimeout(() => boom(), 1000)</script>", [late])
    wrong = broken(judged)  # told of the page, or of the button that was watched just then
    assert "boom" in wrong.get("a-errors", "") + wrong.get("a-buttons", "")
