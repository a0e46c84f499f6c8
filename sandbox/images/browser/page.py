"""page: one page in headless Chromium, under the product's own frame and headers, and all that it complained about.

Whatever it says or asks for is written down the moment it comes (notebook.py).
"""

import contextlib
import glob
import json
import os
import re
import signal
import threading
import time

from apart import Apart
from chrome import window
from film import Film
from notebook import JOB, SEEN, Now, address, asked_for, complain
from playwright.sync_api import Error
from still import is_still

STEP_MS = 2500  # how long a step may take
LEAST_MS = 20  # how long a page is let be in any case, so that what was done to it reaches it
# How long a page may take to say that it is there, and to be so when it was just opened.
ANSWER_S, OPEN_S = 6, 9


def kill_browser() -> None:
    Now.killed = True
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


def is_away(url: str) -> bool:
    """Whether an address is another one than the page's own."""
    return re.split("[?#]", url)[0] != address()


class Look:
    """One page in a fresh context, and all that it complained about."""

    def __init__(self, browser, width: int, height: int) -> None:
        self.browser = browser
        self.errors: list[dict] = []
        self.frame = None
        self.apart: Apart | None = None
        self.went: list[str] = []
        self.size, self.untouched = (width, height), False
        self.context, self.page, self.lens = window(browser, width, height)
        self.page.set_default_timeout(STEP_MS)
        self.page.on("pageerror", self.on_error)
        self.page.on("console", self.on_console)
        self.page.on("request", self.on_request)
        self.page.on("response", lambda got: got.status >= 400 and is_away(got.url) and asked_for(got.url))
        self.page.on("crash", lambda _: self.complain("crash", "the page crashed"))
        self.page.on("framenavigated", self.on_navigated)
        self.open()

    def open(self) -> None:
        self.frame = None
        self.page.goto(f"http://{JOB['app_host']}:{JOB['port']}/", wait_until="load", timeout=15_000)
        self.loaded = time.monotonic()
        self.frame = self.settled_frame()
        self.went = []

    def renew(self, width: int, height: int) -> None:
        """As new: nothing kept, nothing complained about. The processes stay, which saves a second each time."""
        Now.leaving = True
        try:
            self.page.evaluate("localStorage.clear()")
            if self.page.viewport_size != (size := {"width": width, "height": height}):
                self.page.set_viewport_size(size)
            self.size = width, height
            self.open()
        finally:
            Now.leaving = False

    def settled_frame(self):
        for _ in range(60):
            frames = [f for f in self.page.frames if f != self.page.main_frame and f.url.startswith("http")]
            if frames:
                with contextlib.suppress(Error):
                    frames[0].wait_for_load_state("load", timeout=8000)
                return frames[0]
            self.page.wait_for_timeout(50)
        raise Error("the page never appeared in its frame")

    def ask(self, function: str, *given):
        """What a function comes to in the document, as evaluate() does."""
        return self.evaluate(f"({function}\n)({', '.join(map(json.dumps, given))})")

    def evaluate(self, expression: str):
        """What it comes to in the document, told by a world that its scripts cannot reach. Raises Error when it throws, or
        the document is gone."""
        for pause_ms in (50, 250, 0):
            try:
                self.follow()
                if self.apart is None or self.apart.frame is not self.frame:
                    self._leave()
                    self.apart = Apart(self.context, self.frame)
                return self.apart.evaluate(expression)
            except Error:
                self._leave()  # a document that took its place may have a target of its own
                if not pause_ms or Now.killed:
                    raise
                self.page.wait_for_timeout(pause_ms)  # then the driver has heard of it
        return None

    def _leave(self) -> None:
        if self.apart is not None:
            self.apart.close()
        self.apart = None

    def follow(self) -> None:
        """The frame that is there now: a document that went somewhere is built anew around its address."""
        if self.frame.is_detached():
            self.frame = self.settled_frame()

    def gone(self, document) -> str:
        """What became of a document that we hold: "" while it is there, else "reloaded" or "left"."""
        try:
            document.evaluate("() => 1")
        except Error:
            if Now.killed:
                raise
            return "left" if any(map(is_away, self.went)) else "reloaded"
        return ""

    def answers(self) -> None:
        """Raises Error, and ends the browser, when the page does not come back to us."""
        with at_most(ANSWER_S):
            try:
                self.frame.evaluate("() => 1")
            except Error:  # it went somewhere in the same moment
                if Now.killed:
                    raise

    def complain(self, kind: str, text: str, line=None, column=None) -> None:
        self.errors.append({"kind": kind, "text": text, "line": line})
        complain(kind, text, line, column)

    def on_navigated(self, frame) -> None:
        if Now.leaving and frame is self.page.main_frame:
            Now.leaving, self.errors = False, []  # what was said up to now, the page of before said
        if frame is not self.frame:
            return
        self.went.append(frame.url)
        if Now.stage not in ("click", "check") and is_away(frame.url):
            self.complain("left", "it left the page by itself")

    def on_error(self, problem) -> None:
        text, stack = str(problem.message or problem), str(getattr(problem, "stack", "") or "")
        place = re.search(
            r":(\d+):(\d+)\)?\s*$", stack.splitlines()[1] if len(stack.splitlines()) > 1 else stack
        )
        kind = "rejection" if "in promise" in stack or "in promise" in text else "uncaught"
        name = getattr(problem, "name", "") or ""
        text = text if not name or text.startswith(name) else f"{name}: {text}"
        self.complain(kind, text[:600], *((int(place[1]), int(place[2])) if place else ()))

    def on_console(self, message) -> None:
        if message.type not in ("error", "warning"):
            return
        text, where = message.text, message.location or {}
        self.complain(f"console-{message.type}", text[:600], where.get("lineNumber"))
        if "Content Security Policy" in text or "Refused to" in text:
            for url in re.findall(r"['\s]((?:https?|wss?)://[^'\s]{1,300})", text):
                # A form that posts nowhere asks nobody.
                if not ("form-action" in text and url.startswith(address())):
                    asked_for(url)

    def on_request(self, request) -> None:
        host = re.match(r"[a-z]+://([^:/]+)", request.url)
        if host and host[1] not in (JOB["app_host"], JOB["content_host"]):
            asked_for(request.url[:300])

    def close(self) -> None:
        with contextlib.suppress(Error):
            self.context.close()


LOOK: Look | None = None


def fresh(browser, width: int, height: int) -> Look:
    """The page as it is when one opens it for the first time: one that was only looked at so far still is."""
    global LOOK
    if LOOK is not None and LOOK.browser is browser:
        if LOOK.untouched and LOOK.size == (width, height):
            LOOK.untouched = False
            return LOOK
        LOOK.untouched = False
        try:
            LOOK.renew(width, height)
            return LOOK
        except Error:
            LOOK.close()
    LOOK = Look(browser, width, height)
    return LOOK


def filmed(look: Look, name: str, steps: int, *, other: bool = False) -> Film:
    """A film that is written down as it grows: a page that hangs still leaves its frames."""
    film = Film(look, name, steps, other=other)
    SEEN["films"][name] = film.frames
    with at_most(OPEN_S):
        film.opened()
        settle(look, look.loaded, 100)
    return film


def settle(look: Look, since: float, ms: int) -> None:
    """Let the page be until it is still, or `ms` have passed `since` it was last used; filming took some of them."""
    until = since + ms / 1000
    if (early := since + LEAST_MS / 1000 - time.monotonic()) > 0:
        look.page.wait_for_timeout(early * 1000)
    while (left := (until - time.monotonic()) * 1000) > 0 and not is_still(look.frame, left):
        look.page.wait_for_timeout(min(left, 25))


def plain(problem: Error) -> str:
    """Why a step failed, without the words of the library that drove the browser."""
    first = problem.message.split("\n")[0]
    if "Timeout" in first:
        return "it was not there, or it could not be used"
    if Now.killed or "closed" in first or "crashed" in first:
        return "the page stopped answering"
    if any(word in first for word in ("detached", "destroyed", "navigat", "Cannot find context")):
        return "it left the page"
    return first[:300]


def thrown(look: Look, since: int = 0) -> list[dict]:
    """The errors that nobody caught, from the `since`-th complaint on."""
    return [e for e in look.errors[since:] if e["kind"] in ("uncaught", "rejection", "crash")]
