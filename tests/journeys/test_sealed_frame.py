"""A page in its frame, in a real browser: what it may ask of the page around it, and what it is never given.

The page around is ours (frame.js, our style sheets, the card's own layout); only the server is small.
"""

import threading
import time
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.journeys.served import ROOT
from vibe import sealed
from vibe.generation.bundle import bundle

pytestmark = pytest.mark.browser

BUTTONS = """<!doctype html><title>Buttons</title><button id="go">Go</button><p id="said"></p>
<script>const said = text => { document.getElementById("said").textContent = text; };
document.getElementById("go").onclick = async () => { try { %s } catch (problem) { said("failed: " + problem.name); } };</script>"""


def until(page, so, seconds=20):
    """Wait until the script `so` is true in `page`; its policy forbids the browser to poll a string itself."""
    end = time.monotonic() + seconds
    while not page.evaluate(so):
        assert time.monotonic() < end, f"never: {so}"
        page.wait_for_timeout(50)


class Site:
    """localhost frames what card.localhost serves; `single` is the document on our own address; evil.localhost is not ours."""

    def __init__(self):
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                site.answer(self)

            def log_message(self, *args):
                pass

        self.pages: dict[str, str] = {}
        self.asked: list[str] = []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.url = f"http://localhost:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def at(self, host):
        return f"http://{host}.localhost:{self.port}/"

    def answer(self, request):
        host, path = request.headers["Host"].partition(":")[0].partition(".")[0], request.path
        self.asked.append(f"{host}{path}")
        headers = {"Content-Type": "text/html; charset=utf-8"}
        if host == "localhost" and path.startswith("/static/"):
            body = (ROOT / path[1:]).read_text()
            headers["Content-Type"] = "text/css" if path.endswith(".css") else "text/javascript"
        elif host == "localhost" and path.startswith("/card/"):
            body = self.around(path[6:])
        elif host == "localhost" and path.startswith("/single/"):
            headers |= sealed.document_headers(self.url, single_origin=True)
            body = "the card itself" if path.endswith("?card") else self.pages[path[8:]]
        elif host == "draft":
            headers |= sealed.draft_headers(self.url, single_origin=True)
            body = sealed.draft_document()
        elif host == "evil":
            body = self.pages["evil"]
        else:
            headers |= sealed.document_headers(self.url)
            body = self.pages.get(host, "")
        data = body.encode()
        request.send_response(200)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(data)))
        request.end_headers()
        request.wfile.write(data)

    def around(self, name):
        sheets = "".join(
            f'<link rel="stylesheet" href="/static/css/{s}.css">'
            for s in ("tokens", "base", "controls", "paper", "screens")
        )
        return (
            f'<!doctype html><html data-frame-allow="{escape(sealed.ALLOW)}"><title>Card</title>{sheets}<body class="open">'
            f'<main><h1 class="sr">Card</h1><div data-frame data-src="{self.at(name)}" data-store="{name}"></div></main>'
            '<footer class="foot">foot</footer><script type="module" src="/static/js/frame.js"></script>'
        )


@pytest.fixture(scope="module")
def site():
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def opened(site, visitor):
    def open_(page, name="card", who=None):
        site.pages[name] = bundle({"index.html": page}).document
        one = who or visitor()
        one.page.goto(f"{site.url}/card/{name}")
        frame = one.page.frame_locator("[data-frame] iframe")
        frame.locator("body").wait_for()
        return one, frame

    return open_


def bar_of(one):
    line = one.page.locator(".frame-bar")
    line.wait_for()
    return line


# --- copying and the whole screen -------------------------------------------------------------------------------


def test_a_copy_button_copies_and_says_so(opened, visitor):
    who = visitor(permissions=["clipboard-read"])
    one, frame = opened(BUTTONS % 'await navigator.clipboard.writeText("tea for two"); said("done");', who=who)
    frame.locator("#go").click()
    frame.locator("#said", has_text="done").wait_for()
    frame.locator("vibe-toast").wait_for(state="attached")
    assert one.page.evaluate("navigator.clipboard.readText()") == "tea for two"
    assert one.page.locator(".frame-bar").count() == 0


def test_what_could_not_be_copied_is_offered_and_copied_when_the_person_says_so(opened, visitor):
    who = visitor(permissions=["clipboard-read", "clipboard-write"])
    page = "<!doctype html><p id=said></p><script>setTimeout(() => navigator.clipboard.writeText('late <b>text</b>').then(() => { said.textContent = 'done'; }), 50)</script>"
    one, frame = opened(page, who=who)
    frame.locator("#said", has_text="done").wait_for()
    line = bar_of(one)
    assert "late <b>text</b>" in line.inner_text()
    line.get_by_text("Copy it").click()
    line.wait_for(state="detached")
    assert one.page.evaluate("navigator.clipboard.readText()") == "late <b>text</b>"


def test_a_page_that_wants_the_whole_screen_goes_on(opened):
    _, frame = opened(BUTTONS % 'await document.documentElement.requestFullscreen(); said("done");')
    frame.locator("#go").click()
    frame.locator("#said", has_text="done").wait_for()


# --- the bar ----------------------------------------------------------------------------------------------------


def test_a_bar_stands_beside_the_frame_and_waits_before_it_obeys(opened):
    one, frame = opened(BUTTONS % f'open("https://example.org/{"a" * 200}?q=1");')
    frame.locator("#go").click()
    line = bar_of(one)
    assert line.locator("button:disabled").count() == 2
    edge, inside = line.bounding_box(), one.page.locator("[data-frame] iframe").bounding_box()
    assert edge["y"] >= inside["y"] + inside["height"] - 0.5
    assert inside["height"] > 300
    assert line.locator("b").inner_text() == "example.org"
    assert "https://example.org/aaa" in line.inner_text()
    assert "aaa?q=1" in line.inner_text()
    line.locator("button:enabled").first.wait_for()
    frame.locator("#go").click()  # a fresh one takes its place, and its buttons wait again
    one.page.locator(".frame-bar button:disabled").first.wait_for()
    assert one.page.locator(".frame-bar").count() == 1
    bar_of(one).get_by_text("Leave it").click()
    assert one.page.locator(".frame-bar").count() == 0


def test_an_address_that_hides_its_host_is_not_offered(opened):
    one, frame = opened(BUTTONS % 'open("https://bank.example@evil.example/"); said("done");')
    frame.locator("#go").click()
    frame.locator("#said", has_text="done").wait_for()
    one.page.wait_for_timeout(200)
    assert one.page.locator(".frame-bar").count() == 0


# --- what is kept -----------------------------------------------------------------------------------------------

FILL = "<!doctype html><p id=said></p><script>try { localStorage.setItem('a', 'x'.repeat(%d)); said.textContent = 'kept'; } catch (problem) { said.textContent = problem.name; }</script>"


def test_twenty_cards_that_fill_their_room_all_keep_it(opened, visitor):
    who = visitor()
    for n in range(20):
        _, frame = opened(FILL % 239_000, f"card{n}", who)
        frame.locator("#said", has_text="kept").wait_for()
    who.page.wait_for_timeout(200)
    assert who.page.locator(".frame-bar").count() == 0
    sizes = who.page.evaluate(
        "Object.keys(localStorage).filter(k => k.startsWith('vibe:')).map(k => localStorage[k].length)"
    )
    assert len(sizes) == 20
    assert min(sizes) > 239_000


def test_a_card_that_fills_more_than_its_room_is_told_and_so_is_the_person(opened):
    one, frame = opened(FILL % 245_000, "greedy")
    frame.locator("#said", has_text="QuotaExceededError").wait_for()
    assert "used up its room" in bar_of(one).inner_text()


def test_a_program_that_saves_with_every_picture_loses_nothing(opened):
    """At 60 a second for ten seconds; what it saved last is there, and it is still listened to."""
    page = "<!doctype html><p id=said></p><script>let n = 0; const saving = setInterval(() => { localStorage.setItem('n', ++n); if (n === 600) { clearInterval(saving); said.textContent = 'done'; } }, 16)</script>"
    one, frame = opened(page, "game")
    frame.locator("#said", has_text="done").wait_for()
    until(one.page, "JSON.parse(localStorage['vibe:game'] || '{}').n === '600'")


def test_what_is_written_just_before_a_page_loads_anew_is_there_again(opened):
    page = """<!doctype html><button id=go>Go</button><p id=said></p><script>said.textContent = localStorage.getItem("b");
go.onclick = () => { localStorage.setItem("a", 1); localStorage.setItem("b", 2); location.reload(); };</script>"""
    _, frame = opened(page, "again")
    frame.locator("#go").click()
    frame.locator("#said", has_text="2").wait_for()


def test_quotes_are_counted_as_they_are_kept(opened):
    _, frame = opened((FILL % 130_000).replace("'x'", "'\"'"), "quotes")
    frame.locator("#said", has_text="QuotaExceededError").wait_for()


def test_when_the_browser_is_full_the_person_is_asked_which_to_forget(opened, visitor, site):
    who = visitor()
    opened(FILL % 10, "first", who)
    who.page.evaluate(
        "() => { for (let n = 0; ; n++) try { localStorage.setItem('vibe:old' + n, 'x'.repeat(500_000)); } catch { break; } }"
    )
    who.page.evaluate(
        "() => { for (let n = 0; ; n++) try { localStorage.setItem('other' + n, 'x'.repeat(5_000)); } catch { break; } }"
    )
    one, _ = opened(FILL % 100_000, "late", who)
    line = bar_of(one)
    assert "no room left" in line.inner_text()
    line.get_by_text("Forget the card").click()
    until(who.page, "localStorage.getItem('vibe:late')?.length > 100_000")


# --- outside its frame ------------------------------------------------------------------------------------------

ATTACKS = """<!doctype html><html><head><title>a</title><script>document.title = "ran"; new Image().src = "/leak";</script></head>
<body onload="document.title = 'ran'"><h1>Sign in to Vibe</h1><img src="x:" onerror="document.title = 'ran'">
<script type="module">document.title = "ran";</script><script>setTimeout(() => { document.title = "ran"; }, 1)</script></plaintext><form><input></form>"""


@pytest.mark.parametrize(
    "page", [ATTACKS, ATTACKS.replace("<html><head>", ""), "<script>document.title='ran'</script>" + ATTACKS]
)
def test_opened_on_its_own_a_page_shows_nothing_and_leads_to_its_card(site, visitor, page):
    """As on the plain http of a home network, where no browser says how it opens a page."""
    site.pages["alone"] = bundle({"index.html": page}).document
    one = visitor()
    one.page.goto(f"{site.url}/single/alone", wait_until="commit")
    link = one.page.get_by_role("link", name="Open the card instead")
    link.wait_for()
    one.page.wait_for_timeout(300)
    assert one.page.title() != "ran"
    assert "Sign in" not in one.page.inner_text("body")
    assert one.page.locator("input").count() == 0
    link.click()
    one.page.get_by_text("the card itself").wait_for()
    one.wrong.clear()  # that its scripts were refused


def test_a_draft_obeys_nobody_who_opens_it_in_a_window(site, visitor):
    site.pages[
        "evil"
    ] = f"""<!doctype html><button onclick="w = window.open('{site.at("draft")}')">go</button><script>
      setInterval(() => {{ try {{ const c = new MessageChannel(); c.port1.onmessage = () => {{ document.title = 'obeyed'; }};
        w.postMessage({{ type: 'vibe:draft' }}, '*', [c.port2]); c.port1.postMessage({{ text: '<h1>Sign in</h1>' }}); }} catch {{ }} }}, 50)</script>"""
    one = visitor()
    one.page.goto(site.at("evil"))
    with one.context.expect_page() as popup:
        one.page.click("button")
    popup.value.wait_for_load_state()
    one.page.wait_for_timeout(500)
    assert one.page.title() != "obeyed"
    assert popup.value.locator("h1").count() == 0


# --- links and copies -------------------------------------------------------------------------------------------


def test_links_within_the_page_work_and_none_leaves_it(opened, site):
    page = "<!doctype html><a id=a href='#end'>End</a> <a id=b href='/'>Home</a><div style='height:4000px'></div><h2 id=end>End</h2>"
    _, frame = opened(page, "links")
    body = frame.locator("body")
    frame.locator("#a").click()
    body.evaluate("() => new Promise(done => setTimeout(done, 100))")
    assert body.evaluate("() => scrollY") > 2000
    before = len([a for a in site.asked if a.startswith("links/")])
    frame.locator("#b").evaluate("link => link.click()")
    body.evaluate("() => new Promise(done => setTimeout(done, 100))")
    assert body.evaluate("() => scrollY") == 0
    assert len([a for a in site.asked if a.startswith("links/")]) == before


def test_a_saved_copy_fetches_and_sends_nothing(site, visitor, tmp_path):
    leak = f"{site.url}/static/leak"
    page = f"""<!doctype html><p>ä</p><form action="{leak}form"><input name=a value=1><button>Send</button></form><canvas id=c></canvas>
<script>localStorage.setItem("a", "1"); fetch("{leak}fetch").catch(() => {{}}); new Image().src = "{leak}image"; navigator.sendBeacon("{leak}beacon");
let s = document.createElement("script"); s.src = "{leak}script"; document.body.append(s); c.getContext("2d").fillRect(0, 0, 9, 9);
document.title = localStorage.getItem("a") + c.getContext("2d").getImageData(1, 1, 1, 1).data[3];</script>"""
    copy = tmp_path / "copy.html"
    copy.write_bytes(bundle({"index.html": page}, sealed=False).document.encode())
    one = visitor()
    one.page.goto(f"file://{copy}")
    assert one.page.title() == "1255"
    assert one.page.inner_text("p") == "ä"
    one.page.locator("button").evaluate("button => button.click()")
    one.page.wait_for_timeout(500)
    assert [path for path in site.asked if "leak" in path] == []
    one.wrong.clear()  # each refusal is a line in the console
