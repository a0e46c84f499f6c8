"""buttons: click every button of a page once, and write down what became of it.

A button may take its page away, hide the others or cover them. Then the page is opened afresh and the walk goes on;
what could not be clicked after all, or was one too many, is left in `untried` by its name.
"""

import re
import time

from beside import is_heard
from notebook import JOB, SEEN, Now, doing, note
from page import ANSWER_S, at_most, filmed, fresh, settle, thrown
from playwright.sync_api import Error
from still import is_still

MAX_BUTTONS, WALK_S, CLICK_MS, CLICK_S = 30, 16, 1500, 9
SOON_MS = 60_000  # what a click puts off for longer is not waited for, nor missed
STAY_MS = 2200  # how long a page is watched after it was opened or used: some freeze only after a while
BUTTONS = "button, [role=button], input[type=button], input[type=submit]"

# In the order in which the driver counts them: what lies in a shadow tree comes after what lies in its host.
LISTED = """wanted => {
  const under = root => {
    const found = [], hosts = [];
    const leave = e => { while (hosts.length && !(e && hosts.at(-1).contains(e))) found.push(...under(hosts.pop().shadowRoot)); };
    for (const e of root.querySelectorAll("*")) { leave(e); found.push(e); if (e.shadowRoot) hosts.push(e); }
    leave(null);
    return found;
  };
  return under(document).filter(e => Element.prototype.matches.call(e, wanted)).slice(0, 200).map(e => {
    const box = e.getBoundingClientRect();
    const usable = box.width > 0 && box.height > 0 && getComputedStyle(e).visibility === "visible" && !e.matches(":disabled, [aria-disabled=true]");
    const top = e.getRootNode().elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    const name = e.innerText || e.getAttribute("aria-label") || e.value || e.title || "";
    return [name.trim().split(/\\s+/).join(" ").slice(0, 60), usable, !top || e.contains(top)];
  });
}"""
# All that a click could change before one's eyes, in the page and around it (a file that is offered); null where more
# could happen than can be told from here: what is drawn or played, and our own toasts, which hide their words.
STATE = """() => {
  if (document.querySelector("canvas,video,audio,vibe-toast")) return null;
  let sum = 0;
  for (const c of document.documentElement.outerHTML) sum = (sum * 31 + c.codePointAt(0)) | 0;
  const fields = [...document.querySelectorAll("input,select,textarea")], at = fields.indexOf(document.activeElement);
  return [document.body.innerText, sum, fields.map(e => e.value + e.checked), at, document.title, scrollX, scrollY].join("|");
}"""
AROUND = "() => document.body.outerHTML + JSON.stringify(localStorage)"


class Walk:
    """The walk through the buttons of one page. A button is known by its name, its figures aside (a counter on it
    changes them), and its place among those of the same name."""

    def __init__(self, browser) -> None:
        self.browser = browser
        self.known: dict[tuple[str, int], str] = {}
        self.done: set[tuple[str, int]] = set()
        self.failed: dict[tuple[str, int], int] = {}
        self.document, self.used, self.escaped = None, 0, False
        self.renew()
        self.film = filmed(self.look, "buttons", min(len(self.rows()), MAX_BUTTONS))
        self.until = time.monotonic() + WALK_S

    def renew(self) -> None:
        doing("later")
        self.look = fresh(self.browser, *JOB["viewports"][0])
        self.touched = time.monotonic()  # the page may have been there before
        self.document, self.used, self.escaped = None, 0, False

    def rows(self) -> list[tuple[int, tuple[str, int], str, bool, bool]]:
        """The buttons as they are now: place, key, name, usable, in the clear."""
        self.look.follow()
        with at_most(CLICK_S):
            listed = self.look.ask(LISTED, BUTTONS)
        times: dict[str, int] = {}
        found = []
        for at, (name, usable, clear) in enumerate(listed):
            folded = re.sub(r"\d+", "#", name)
            key = (folded, times.get(folded, 0))
            times[folded] = key[1] + 1
            self.known.setdefault(key, name)
            found.append((at, key, name, usable, clear))
        self.left_over()
        return found

    def left_over(self) -> None:
        SEEN["untried"] = [name for key, name in self.known.items() if key not in self.done]

    def go(self) -> None:
        lost = 0
        while lost < 6:
            try:
                if self.document and (moved := self.look.gone(self.document)):
                    SEEN["buttons_tried"][-1]["left"] = moved == "left"
                    self.renew()
                rows = self.rows()
                todo = [r for r in rows if r[1] not in self.done and r[3] and self.failed.get(r[1], 0) < 2]
                if len(SEEN["buttons_tried"]) >= MAX_BUTTONS or time.monotonic() > self.until:
                    break
                if pick := next((r for r in todo if r[4]), None):
                    self.press(*pick[:3])
                elif todo and not self.escaped:
                    self.look.page.keyboard.press("Escape")
                    self.escaped = True
                elif self.used and any(k not in self.done and self.failed.get(k, 0) < 2 for k in self.known):
                    self.renew()
                else:
                    break
            except Error:
                if Now.killed:
                    raise
                lost += 1
                self.renew()
        with at_most(STAY_MS / 1000 + ANSWER_S):
            settle(self.look, self.touched, STAY_MS)
        self.look.answers()
        if self.document and self.look.gone(self.document) == "left":
            SEEN["buttons_tried"][-1]["left"] = True

    def press(self, at: int, key: tuple[str, int], name: str) -> None:
        button = self.look.frame.locator(BUTTONS).nth(at)
        film = self.film
        film.look = self.look
        with at_most(CLICK_S):
            before, complaints = self.state(), len(self.look.errors)
            self.document = self.look.frame.evaluate_handle("document")
            film.aim("click", lambda: button)
            doing("click", name)
            record = {"name": name, "errors": 0, "idle": "", "left": False, "text": "", "line": None}
            SEEN["buttons_tried"].append(record)
            self.done.add(key)
            self.left_over()
            try:
                button.click(timeout=CLICK_MS)
            except Error:
                if Now.killed:
                    raise
                if moved := self.look.gone(self.document):  # it was clicked, and took its page away at once
                    record["left"] = moved == "left"
                else:
                    SEEN["buttons_tried"].remove(record)
                    self.done.remove(key)
                    self.failed[key] = self.failed.get(key, 0) + 1
                self.renew()
                return
            self.used, self.escaped = self.used + 1, False
            clicked = self.touched = time.monotonic()
            film.stepped(len(SEEN["buttons_tried"]) - 1, {"do": "click"})
            settle(self.look, clicked, 120)
            raised = thrown(self.look, complaints)
            record["errors"] = len(raised)
            if raised:
                record["text"], record["line"] = raised[-1]["text"], raised[-1]["line"]
            if not self.look.gone(self.document):
                self.effect(record, before, at)
        note()

    def state(self) -> list[str | None]:
        return [self.look.ask(STATE), self.look.page.evaluate(AROUND)]

    def effect(self, record: dict, before: list[str | None], at: int) -> None:
        """Write down where nothing came of a click: "unseen", or "unheard" when nothing in the page listens to one."""
        if None in before or record["errors"] or self.state() != before:
            return
        if not is_still(self.look.frame, SOON_MS):  # something is yet to come
            return
        record["idle"] = "unseen" if is_heard(self.look, BUTTONS, at) else "unheard"


def buttons(browser) -> None:
    Walk(browser).go()
    note()


def broke_off(why: str) -> bool:
    """When the page stopped answering at a button that was clicked: it is told there, and true."""
    if Now.stage != "click" or not SEEN["buttons_tried"]:
        return False
    SEEN["buttons_tried"][-1].update(errors=1, text=why)
    return True
