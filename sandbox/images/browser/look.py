#!/usr/bin/env python3
"""look: opens one page in headless Chromium, uses it as it is told, and writes down what it saw.

It observes and never judges. /box/job.json says what to do, /box/page.html is the document, /box/host.html the page
that frames it; /box/out/observations.json and two pictures are the answer (the contract is in vibe/generation/look.py
and docs/checks.md). What was seen is written after every stage: a page that hangs still leaves what came before.
"""

import base64
import contextlib
import glob
import json
import os
import re
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from film import PURSE, Film
from playwright.sync_api import Error, sync_playwright

os.environ["HOME"] = os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_CACHE_HOME"] = "/tmp"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--disable-extensions",
    "--force-color-profile=srgb", "--font-render-hinting=none",
]  # fmt: skip
STEP_MS, CHECK_S, MAX_BUTTONS = 2500, 10, 12
BUTTONS = "button, [role=button], input[type=button], input[type=submit]"

with open("job.json", encoding="utf-8") as source:
    JOB = json.load(source)
SEEN = {
    "loaded": False, "seconds": 0.0, "errors": [], "requests": [], "text": "", "title": "", "html_nodes": 0,
    "colours": 0, "drawn": False, "sideways": {}, "controls": {"buttons": 0, "inputs": 0, "unlabelled": 0},
    "buttons_tried": [], "checks": [], "films": {},
}  # fmt: skip


def note() -> None:
    with open("out/observations.tmp", "w", encoding="utf-8") as out:
        json.dump(SEEN, out)
    os.replace("out/observations.tmp", "out/observations.json")


class Handler(BaseHTTPRequestHandler):
    """The host page on the app's host name, the document on every other one, each with its own headers."""

    def do_GET(self) -> None:
        host = self.headers.get("Host", "").split(":")[0]
        app = host == JOB["app_host"]
        if self.path == "/favicon.ico":
            self.send_response(204)
            self.end_headers()
            return
        with open("host.html" if app else "page.html", "rb") as page:
            body = page.read()
        self.send_response(200)
        for name, value in JOB["host_headers" if app else "document_headers"].items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


def kill_browser() -> None:
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        with contextlib.suppress(OSError, ValueError):
            with open(path, "rb") as line:
                name = line.read().split(b"\0")[0]
            if b"chromium" in name:
                os.kill(int(path.split("/")[2]), signal.SIGKILL)


@contextlib.contextmanager
def at_most(seconds: float):
    """A page that never comes back (an endless loop) ends with its browser: evaluate() has no timeout."""
    timer = threading.Timer(seconds, kill_browser)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class Look:
    """One page in a fresh context, and all that it complained about."""

    def __init__(self, browser, width: int, height: int) -> None:
        self.browser = browser
        self.errors: list[dict] = []
        self.requests: list[str] = []
        self.context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce")
        self.page = self.context.new_page()
        self.lens = self.context.new_cdp_session(self.page)
        self.page.set_default_timeout(STEP_MS)
        self.page.on("pageerror", self.on_error)
        self.page.on("console", self.on_console)
        self.page.on("request", self.on_request)
        self.page.on("crash", lambda _: self.errors.append({"kind": "crash", "text": "the page crashed"}))
        self.open()

    def open(self) -> None:
        self.page.goto(f"http://{JOB['app_host']}:{JOB['port']}/", wait_until="load", timeout=15_000)
        self.loaded = time.monotonic()
        self.frame = self.settled_frame()

    def renew(self, width: int, height: int) -> None:
        """As new: nothing kept, nothing complained about. The processes stay, which saves a second each time."""
        self.page.evaluate("localStorage.clear()")
        self.page.set_viewport_size({"width": width, "height": height})
        self.errors, self.requests = [], []
        self.open()

    def settled_frame(self):
        for _ in range(60):
            frames = [f for f in self.page.frames if f != self.page.main_frame and f.url.startswith("http")]
            if frames:
                with contextlib.suppress(Error):
                    frames[0].wait_for_load_state("load", timeout=8000)
                return frames[0]
            self.page.wait_for_timeout(50)
        raise Error("the page never appeared in its frame")

    def on_error(self, problem) -> None:
        text, stack = str(problem.message or problem), str(getattr(problem, "stack", "") or "")
        place = re.search(
            r":(\d+):(\d+)\)?\s*$", stack.splitlines()[1] if len(stack.splitlines()) > 1 else stack
        )
        kind = "rejection" if "in promise" in stack or "in promise" in text else "uncaught"
        name = getattr(problem, "name", "") or ""
        text = text if not name or text.startswith(name) else f"{name}: {text}"
        self.errors.append({"kind": kind, "text": text[:600], **self.at(place)})

    @staticmethod
    def at(place) -> dict:
        return {"line": int(place[1]), "column": int(place[2])} if place else {"line": None, "column": None}

    def on_console(self, message) -> None:
        if message.type not in ("error", "warning"):
            return
        text, where = message.text, message.location or {}
        self.errors.append(
            {
                "kind": f"console-{message.type}",
                "text": text[:600],
                "line": where.get("lineNumber"),
                "column": None,
            }
        )
        if "Content Security Policy" in text or "Refused to" in text:
            self.requests += re.findall(r"['\s]((?:https?|wss?)://[^'\s]{1,300})", text)

    def on_request(self, request) -> None:
        host = re.match(r"[a-z]+://([^:/]+)", request.url)
        if host and host[1] not in (JOB["app_host"], JOB["content_host"]):
            self.requests.append(request.url[:300])

    def close(self) -> None:
        with contextlib.suppress(Error):
            self.context.close()


LOOK: Look | None = None


def fresh(browser, width: int, height: int) -> Look:
    """The page as it is when one opens it for the first time."""
    global LOOK
    if LOOK is not None and LOOK.browser is browser:
        try:
            LOOK.renew(width, height)
            return LOOK
        except Error:
            LOOK.close()
    LOOK = Look(browser, width, height)
    return LOOK


def survey(browser) -> None:
    """Load it as a desktop would: what is there, what it says, how it looks."""
    began = time.monotonic()
    width, height = JOB["viewports"][0]
    look = fresh(browser, width, height)
    SEEN["loaded"], SEEN["seconds"] = True, round(time.monotonic() - began, 3)
    settle(look, look.loaded, 100 + JOB.get("settle_ms", 600))
    SEEN["errors"], SEEN["requests"] = look.errors[:60], sorted(set(look.requests))[:40]
    note()
    SEEN.update(
        look.frame.evaluate(
            """() => {
              const all = [...document.querySelectorAll('button,[role=button],input[type=button],input[type=submit]')];
              const inputs = [...document.querySelectorAll('input:not([type=hidden]):not([type=button]):not([type=submit]),select,textarea')];
              const named = e => (e.labels && e.labels.length) || e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.title || e.placeholder;
              const drawn = [...document.querySelectorAll('canvas,svg,img,video')].some(e => { const r = e.getBoundingClientRect(); return r.width > 8 && r.height > 8; });
              return { text: (document.body ? document.body.innerText : '').slice(0, 5000), title: document.title.slice(0, 200),
                html_nodes: document.querySelectorAll('*').length, drawn,
                controls: { buttons: all.length, inputs: inputs.length, unlabelled: inputs.filter(e => !named(e)).length } };
            }"""
        )
    )
    SEEN["sideways"][str(width)] = sideways(look)
    picture = look.page.screenshot(path=f"out/shot-{width}.png")
    SEEN["colours"] = colours(browser, picture)
    note()


def sideways(look: Look) -> bool:
    return look.frame.evaluate(
        "() => document.documentElement.scrollWidth > document.documentElement.clientWidth + 1"
    )


def colours(browser, picture: bytes) -> int:
    """Distinct colours in a sample of the picture, counted by a canvas: no imaging library is needed for it."""
    page = browser.new_page()
    try:
        return page.evaluate(
            """async data => {
              const image = new Image(); image.src = data; await image.decode();
              const canvas = document.createElement('canvas'); canvas.width = 160; canvas.height = 100;
              const pen = canvas.getContext('2d'); pen.imageSmoothingEnabled = false; pen.drawImage(image, 0, 0, 160, 100);
              const d = pen.getImageData(0, 0, 160, 100).data, seen = new Set();
              for (let i = 0; i < d.length; i += 4) seen.add((d[i] >> 3) << 10 | (d[i+1] >> 3) << 5 | d[i+2] >> 3);
              return seen.size; }""",
            "data:image/png;base64," + base64.b64encode(picture).decode(),
        )
    finally:
        page.close()


def phone(browser) -> None:
    width, height = JOB["viewports"][1]
    look = fresh(browser, width, height)
    settle(look, look.loaded, 100 + JOB.get("settle_ms", 600))
    SEEN["sideways"][str(width)] = sideways(look)
    look.page.screenshot(path=f"out/shot-{width}.png")
    note()


def buttons(browser) -> None:
    """Click every visible button once, in a page of its own, and see whether it complains or changes anything."""
    width, height = JOB["viewports"][0]
    look = fresh(browser, width, height)
    state = "() => document.body.innerText + '|' + document.body.innerHTML.length + '|' + [...document.querySelectorAll('input,select,textarea')].map(e => e.value + e.checked).join()"
    count = min(look.frame.locator(BUTTONS).count(), 40)
    film = filmed(look, "buttons", MAX_BUTTONS)
    for index in range(count):
        if len(SEEN["buttons_tried"]) >= MAX_BUTTONS:
            break
        button = look.frame.locator(BUTTONS).nth(index)
        with contextlib.suppress(Error):
            if not (button.is_visible() and button.is_enabled()):
                continue
            name = (
                button.inner_text() or button.get_attribute("aria-label") or button.get_attribute("value") or ""
            )[:60]
            before, complaints = look.frame.evaluate(state), uncaught(look)
            film.aim("click", lambda button=button: button)
            button.click(timeout=1500)
            clicked = time.monotonic()
            film.stepped(len(SEEN["buttons_tried"]), {"do": "click"})
            settle(look, clicked, 120)
            raised = uncaught(look) - complaints
            last = [e for e in look.errors if e["kind"] in ("uncaught", "rejection")][-1:] if raised else []
            SEEN["buttons_tried"].append(
                {
                    "name": " ".join(name.split()),
                    "errors": raised,
                    "changed": look.frame.evaluate(state) != before,
                    "text": last[0]["text"] if last else "",
                    "line": last[0].get("line") if last else None,
                }
            )
    note()


def plain(problem: Error) -> str:
    """Why a step failed, without the words of the library that drove the browser."""
    first = problem.message.split("\n")[0]
    if "Timeout" in first:
        return "it was not there, or it could not be used"
    if "closed" in first or "crashed" in first:
        return "the page stopped answering"
    return first[:300]


def uncaught(look: Look) -> int:
    return sum(1 for e in look.errors if e["kind"] in ("uncaught", "rejection", "crash"))


def find(look: Look, target: dict):
    """The element that a target names: by role and name, label, text, mark, or (for our own recipes) a selector."""
    frame = look.frame
    if "role" in target:
        found = (
            frame.get_by_role(target["role"], name=target.get("name"), exact=True)
            if target.get("name")
            else frame.get_by_role(target["role"])
        )
        if target.get("name") and not found.count():
            found = frame.get_by_role(target["role"], name=target["name"])
    elif "label" in target:
        found = frame.get_by_label(target["label"], exact=True)
        found = found if found.count() else frame.get_by_label(target["label"])
    elif "text" in target:
        found = frame.get_by_text(target["text"])
    else:
        found = frame.locator(selector(target))
    return found.nth(int(target.get("nth", 0)))


def selector(target: dict) -> str:
    return f'[data-vibe="{target["mark"]}"]' if "mark" in target else target["css"]


def filmed(look: Look, name: str, steps: int) -> Film:
    """A film that is written down as it grows: a page that hangs still leaves its frames."""
    film = Film(look, name, steps)
    SEEN["films"][name] = film.frames
    film.opened()
    settle(look, look.loaded, 100)
    return film


def settle(look: Look, since: float, ms: int) -> None:
    """Let the page be until `ms` have passed `since` it was last used; filming it took some of them."""
    look.page.wait_for_timeout(max(20, ms - (time.monotonic() - since) * 1000))


def every(look: Look, target: dict):
    plain = {k: v for k, v in target.items() if k != "nth"}
    frame = look.frame
    if "role" in plain:
        return frame.get_by_role(plain["role"], name=plain.get("name"))
    if "label" in plain:
        return frame.get_by_label(plain["label"])
    return frame.get_by_text(plain["text"]) if "text" in plain else frame.locator(selector(plain))


def reload(look: Look) -> None:
    look.page.reload(wait_until="load")
    look.page.wait_for_timeout(150)
    look.frame = look.settled_frame()


def fill(element, value: str) -> None:
    """Type into a field of any kind. A list to choose from takes it as a choice; a number field takes no comma."""
    kind = element.evaluate("e => e.tagName === 'SELECT' ? 'select' : e.type || ''")
    if kind == "select":
        element.select_option(value)
    else:
        element.fill(value.replace(",", ".") if kind in ("number", "range") else value)


def do(look: Look, step: dict) -> None:
    kind, target = step["do"], step.get("target")
    if kind == "open":
        look.page.evaluate("localStorage.clear()")
        look.open()
    elif kind == "reload":
        reload(look)
    elif kind == "wait":
        look.page.wait_for_timeout(min(float(step.get("seconds", 1)), 5) * 1000)
    elif kind == "resize":
        look.page.set_viewport_size({"width": int(step["width"]), "height": 844})
    elif kind == "press":
        if target:
            find(look, target).press(step["key"])
        else:
            look.page.keyboard.press(step["key"])
    elif kind == "click":
        find(look, target).click()
    elif kind == "fill":
        fill(find(look, target), str(step["value"]))
    elif kind == "select":
        find(look, target).select_option(str(step["value"]))
    elif kind == "uncheck":
        find(look, target).set_checked(False)
    elif kind == "check":
        find(look, target).set_checked(str(step.get("value", "yes")).lower() not in ("no", "false", "0"))


def glimpse(look: Look, target: dict | None):
    """What an element shows now: its text, a field's value, whether a box is ticked. None when it is not there."""
    element = find(look, target) if target else look.frame.locator("body")
    if not element.count():
        return None
    return element.evaluate(
        """e => ['checkbox', 'radio'].includes(e.type) ? e.checked
          : ['INPUT', 'SELECT', 'TEXTAREA'].includes(e.tagName) ? e.value : e.innerText"""
    )


def place(look: Look, expect: dict):
    """What an expectation looks at."""
    return (every if expect["see"] == "count" else find)(look, expect["target"])


def seen(look: Look, expect: dict, before: dict):
    kind, target = expect["see"], expect.get("target")
    if kind == "errors":
        return uncaught(look)
    if kind == "count":
        return every(look, target).count()
    if kind == "changed":
        return glimpse(look, target) != before.get(json.dumps(target))
    element = find(look, target) if target else look.frame.locator("body")
    if kind in ("visible", "hidden"):
        with contextlib.suppress(Error):
            element.wait_for(state=kind, timeout=1500)
        return element.is_visible()
    if kind == "value":
        return element.input_value()
    return element.inner_text() if element.count() else None


def observed(look: Look, expects: list[dict], before: dict) -> list:
    """The value of each expectation; a reload that we do ourselves shows what is kept, so it comes last."""
    values = []
    for expect in expects:
        try:
            value = (
                glimpse(look, expect.get("target")) if expect["see"] == "kept" else seen(look, expect, before)
            )
        except Error:
            value = None
        values.append(value[:3000] if isinstance(value, str) else value)
    kept = [n for n, expect in enumerate(expects) if expect["see"] == "kept" and values[n] is not None]
    if kept:
        reload(look)
    for n in kept:
        now = glimpse(look, expects[n].get("target"))
        values[n] = (now[:3000] if isinstance(now, str) else now) == values[n]
    return values


def missing(look: Look, step: dict) -> bool:
    """Whether a step failed because what it names is not there at all."""
    with contextlib.suppress(Error):
        return bool(step.get("target")) and not find(look, step["target"]).count()
    return False


def check(browser, wanted: dict) -> dict:
    """Do the steps of one check on a fresh page and report the raw values that it asks to see."""
    result = {"id": wanted["id"], "steps_done": 0, "failed": None, "seen": [], "errors": 0}
    width, height = JOB["viewports"][0]
    look = fresh(browser, width, height)
    steps = wanted.get("steps", [])
    film = filmed(look, str(JOB["checks"].index(wanted)), len(steps))
    try:
        before = {}
        for expect in wanted["expect"]:
            if expect["see"] == "changed":
                before[json.dumps(expect.get("target"))] = glimpse(look, expect.get("target"))
        used = time.monotonic()
        for number, step in enumerate(steps):
            at = (lambda step=step: find(look, step["target"])) if step.get("target") else None
            film.aim(step["do"], at)
            try:
                do(look, step)
            except Error as problem:
                result["failed"] = {"step": number, "why": plain(problem), "missing": missing(look, step)}
                film.stepped(number, step, at, failed=True)
                return result
            used = time.monotonic()
            film.stepped(number, step, at)
            result["steps_done"] += 1
        settle(look, used, 250)
        result["seen"] = observed(look, wanted["expect"], before)
        result["errors"] = uncaught(look)
        film.looked([lambda e=e: place(look, e) for e in wanted["expect"] if e.get("target")])
    except Error:
        look.close()
        raise
    return result


def stage(playwright, seconds: float, work, failed) -> None:
    """Run one stage in a browser of its own when the last one was killed; a stage that fails does not end the look."""
    global BROWSER
    began = time.monotonic()
    try:
        if BROWSER is None or not BROWSER.is_connected():
            BROWSER = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        with at_most(seconds):
            work(BROWSER)
    except Error as problem:
        failed(plain(problem))
    SEEN.setdefault("stages", []).append(round(time.monotonic() - began, 2))
    note()


BROWSER = None


def main() -> None:
    os.makedirs("out", exist_ok=True)
    note()
    server = ThreadingHTTPServer(("127.0.0.1", JOB["port"]), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    until = time.monotonic() + JOB.get("seconds", 40)
    with sync_playwright() as playwright:

        def stuck(why: str) -> None:
            SEEN["errors"].append({"kind": "stuck", "text": why, "line": None, "column": None})

        stage(playwright, 15, survey, stuck)
        if JOB.get("brief"):
            PURSE.seconds = 0
        elif SEEN["html_nodes"]:
            stage(playwright, 10, phone, lambda why: None)
            stage(
                playwright,
                15,
                buttons,
                lambda why: SEEN["buttons_tried"].append(
                    {
                        "name": "",
                        "errors": 1,
                        "changed": False,
                        "text": "the page stopped answering",
                        "line": None,
                    }
                ),
            )
        if SEEN["html_nodes"]:
            for wanted in JOB["checks"]:
                if time.monotonic() > until:
                    SEEN["checks"].append(
                        {
                            "id": wanted["id"],
                            "steps_done": 0,
                            "failed": {"step": 0, "why": "there was no time left"},
                            "seen": [],
                            "errors": 0,
                        }
                    )
                    continue
                stage(
                    playwright,
                    CHECK_S,
                    lambda browser, wanted=wanted: SEEN["checks"].append(check(browser, wanted)),
                    lambda why, wanted=wanted: SEEN["checks"].append(
                        {
                            "id": wanted["id"],
                            "steps_done": 0,
                            "failed": {"step": 0, "why": why},
                            "seen": [],
                            "errors": 0,
                        }
                    ),
                )
        note()
        os._exit(0)  # the answer is written; closing a killed browser politely could hang


if __name__ == "__main__":
    main()
