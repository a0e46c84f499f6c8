"""What is told of words that are cut off, and of slides: by the looks' own scripts in a browser, and in a real box."""

from pathlib import Path

import pytest

import sandbox
from tests.sandbox.test_look import broken, opened
from vibe import recipes
from vibe.generation.bundle import bundle

BOX = Path(sandbox.__file__).with_name("images") / "browser"
SCRIPT, SLIDES = ((BOX / name).read_text() for name in ("words.js", "slides.js"))
LONG = "A long sentence that goes on and on until nobody knows how it began or whether it will end at all, "
HEAD = "<!doctype html><html lang=en><meta name=viewport content='width=device-width'><title>x</title>"
STYLE = "<style>body{margin:16px;font:16px/1.4 sans-serif} .n{width:200px;overflow:hidden} .o{white-space:nowrap}</style>"
CLEAR = {
    "one line in a box": f"<div class='n o'>{LONG}</div>",
    "one line of a paragraph in a box": f"<div class=n><p class=o>{LONG}</div>",
    "half a line": f"<div class=n style='height:50px'><p style='margin:0'>{LONG}</div>",
    "a long word": "<div class=n style='font-size:40px'>Donaudampfschiffahrt</div>",
    "a button": "<button class='n o' style='width:60px'>Unreadable words</button>",
    "the page's side": f"<style>body{{overflow-x:hidden}}</style><p class=o>{LONG * 3}",
    "above the page": "<style>body{height:100vh;display:flex;flex-direction:column;justify-content:center}</style><h1>Up there</h1>"
    + "<p style='flex:none'>line</p>" * 60,
    "a label of a chart": "<svg width=200 height=60><text x=150 y=30>A long label</text></svg>",
    "a label above its chart": "<svg width=200 height=60><text x=9 y=3>June</text></svg>",
}
MEANT = {
    "nothing": f"<p>{LONG}<button>Go</button><input value='{LONG}'><textarea rows=1>{LONG * 9}</textarea>",
    "an ellipsis": f"<div class='n o' style='text-overflow:ellipsis'>{LONG}</div>",
    "an ellipsis within": f"<div class=n><p class=o style='overflow:hidden;text-overflow:ellipsis'>{LONG}</div>",
    "a clamp": f"<div class=n style='display:-webkit-box;-webkit-line-clamp:2;-webkit-box-orient:vertical'>{LONG}</div>",
    "scrolled": f"<div class=o style='overflow:auto'>{LONG * 3}</div><div class=n style='height:50px;overflow-y:auto'>{LONG}</div>",
    "for readers": "<b style='position:absolute;width:1px;height:1px;overflow:hidden;white-space:nowrap'>Hidden words</b>"
    "<a style='position:absolute;left:-999px'>Away</a><a style='position:absolute;top:-40px'>Skip</a><p class=n style='text-indent:-999px'>Logo",
    "a row that is moved": "<div class=n><div style='display:flex;transform:translateX(-40px)'>"
    + "<p style='flex:0 0 150px'>Card with words</p>" * 3,
    "folded": f"<div style='max-height:30px;overflow:hidden;transition:max-height .3s'>{LONG * 5}</div><details><summary>More</summary>{LONG}",
    "show more": f"<section><div class=n style='max-height:50px'>{LONG}</div><button>Show more</button>",
    "faded": f"<div class=n style='height:50px;mask-image:linear-gradient(#000,#0000)'>{LONG}</div>",
    "a veil": f"<div class=n style='position:relative;height:50px'>{LONG}<i style='position:absolute;inset:20px 0 0;background:linear-gradient(#fff0,#fff)'></i></div>",
    "ran by itself": f"<style>@keyframes m{{to{{transform:translateX(-100%)}}}}</style><div class='n o'><span style='display:inline-block;animation:m 9s infinite'>{LONG}",
    "tight lines": "<h1 style='line-height:.8;overflow:hidden;font-size:60px'>Agj tight</h1><div style='line-height:1;overflow:hidden;height:1em'>Agj</div>",
    "a log": f"<div id=l class=n style='height:50px'>{LONG}</div><script>l.scrollTop=33</script>",
    "for eyes only": f"<div class='n o' aria-hidden=true>{LONG}</div>",
    "spaced": "<div style='overflow:hidden;width:max-content;letter-spacing:.5em'>SPACED</div>",
}
PERHAPS = {
    "a row that goes on": "<div class=n style='display:flex'>"
    + "<p style='flex:0 0 150px'>Card with words</p>" * 3,
    "put there by hand": "<div class=n style='position:relative;height:90px'><b class=o style='position:absolute;left:150px'>Far out it goes</b></div>",
}


def cut(page, body):
    page.set_content(HEAD + STYLE + body)
    return [(one["how"], one["side"]) for one in page.evaluate(f"() => {bare(SCRIPT)}(null, false)")]


def bare(script):
    """Without the comment above it: the driver reads what follows an arrow as one expression."""
    return script[script.index("(() =>") :].strip()


@pytest.mark.browser
def test_words_that_nobody_meant_to_cut_off_are_told_from_those_that_somebody_did(chromium):
    context = chromium.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    found = {name: cut(page, body) for name, body in (CLEAR | MEANT | PERHAPS).items()}
    context.close()
    assert [name for name in CLEAR if not any(how != "moved" for how, _ in found[name])] == []
    assert {name: found[name] for name in MEANT if found[name]} == {}
    assert {name: {how for how, _ in found[name]} for name in PERHAPS} == {name: {"moved"} for name in PERHAPS}


@pytest.mark.browser
def test_slides_below_each_other_may_be_high_and_a_page_without_any_has_none(chromium):
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    look = f"nth => ({SLIDES[SLIDES.index('(words, seen, turned) => {') :]})({bare(SCRIPT)}, nth, true)"
    style = "<style>body{margin:0} .slide{min-height:100vh;padding:40px;box-sizing:border-box}</style>"
    high = "<p>More than fits.</p>" * 40
    page.set_content(
        f"{HEAD}{style}<section class=slide><h1>A</h1></section><section class=slide><h1>B</h1>{high}</section>"
    )
    first, second = (page.evaluate(look, nth) for nth in (0, 1))
    page.set_content(f"{HEAD}<h1>Words</h1><p class=slide>A small one</p>")
    none = page.evaluate(look, 0)
    context.close()
    assert (first["mode"], first["count"], first["cut"], first["below"]) == ("scroll", 2, [], 0)
    assert (second["at"], second["cut"]) == (1, [])
    assert second["below"] > 500
    assert none is None


DECK = """<style>body{margin:0;font:24px sans-serif} .slide{display:none;height:100vh;overflow:hidden;padding:40px;box-sizing:border-box} .on{display:block}</style>
<main><section class='slide on'><h1>One</h1></section><section class=slide><h1>Two</h1>%s</section><section class=slide><h1>Three</h1></section></main>
<script>let at = 0; const all = [...document.querySelectorAll(".slide")];
const go = by => { all[at].classList.remove("on"); at = Math.max(0, Math.min(2, at + by)); all[at].classList.add("on"); };
%s</script>"""
KEYS = "addEventListener('keydown', e => { if (e.key === 'ArrowRight') go(1); if (e.key === 'ArrowLeft') go(-1); });"
CLICKS = "const b = document.body.appendChild(document.createElement('button')); b.textContent = 'Next'; b.style = 'position:fixed;bottom:9px;right:9px'; b.onclick = () => go(1);"


@pytest.mark.docker
def test_slides_are_turned_and_one_that_cannot_hold_its_words_breaks_them(engine):
    """And no script of the page has a say in it: it runs beside them."""
    forged = "Range.prototype.getClientRects = () => []; document.createTreeWalker = () => ({ nextNode: () => null });"
    _, judged = opened(
        engine, HEAD + DECK % ("<p>More than fits.</p>" * 30 + "<p>The last line.</p>", forged + KEYS)
    )
    said = broken(judged)
    assert set(said) == {"a-slides"}
    assert said["a-slides"].startswith(
        "on slide 2 “More than fits.” is cut off at the bottom by <section class="
    )
    assert next(r["did"] for r in judged.results if r["id"] == "a-slides").startswith("I looked at 3 slides")


@pytest.mark.docker
def test_slides_are_turned_by_their_button_and_hold_where_all_fits(engine):
    seen, judged = opened(engine, HEAD + DECK % ("<p>It fits.</p>", CLICKS))
    assert broken(judged) == {}
    assert (seen.data["slides"]["seen"], seen.data["slides"]["way"]) == (3, "button")
    assert not [line for line in judged.not_checked if "slide" in line]


@pytest.mark.docker
def test_words_cut_off_on_a_phone_alone_are_told_so_and_the_page_is_no_deck(engine):
    body = (
        f"<style>p{{max-width:600px;overflow:hidden;white-space:nowrap}}</style><p>{LONG[:60]}</p><p>Short</p>"
    )
    seen, judged = opened(engine, HEAD + body)
    assert broken(judged) == {
        "a-cut": "“A long sentence that goes on and on…” is cut off at the right on a phone in its own <p>"
    }
    assert seen.data["slides"] is None


@pytest.mark.browser
def test_long_points_on_the_recipes_slides_are_set_smaller_until_they_fit(chromium):
    document = bundle(recipes.build("slides", {}).files).document
    context = chromium.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    host = "<!doctype html><style>iframe{border:0;width:1240px;height:690px}</style><iframe sandbox=allow-scripts src='http://made.test/'></iframe>"
    page.route(
        "**/*",
        lambda route: route.fulfill(
            body=document if "made" in route.request.url else host, content_type="text/html; charset=utf-8"
        ),
    )
    page.goto("http://around.test/")
    frame = page.frame_locator("iframe")
    frame.locator("#points").fill(f"{LONG * 4}\nHead: {LONG}; {LONG}; {LONG}; {LONG}; {LONG * 2}\nShort")
    for number in range(1, 5):
        frame.locator(f"#count:has-text('{number} of 4')").wait_for()
        found = frame.locator("#slide").evaluate(f"slide => {bare(SCRIPT)}(slide, true)")
        assert [(number, one["text"], one["side"]) for one in found] == []
        if number < 4:
            frame.locator("#next").click()
    assert frame.locator("h2").evaluate("e => parseFloat(getComputedStyle(e).fontSize)") > 50, (
        "short ones stay large"
    )
    context.close()
