"""words: which words of a page are cut off, and whether its slides hold what is on them.

Both are looked for in the world beside the page's scripts (beside.py), by words.js and slides.js, and are observations:
what breaks a page and what is only told is settled elsewhere. The slides are turned as a reader would turn them, with
the arrow keys or, where nothing hears those, with the button that is called so; on a screen of 1280 × 720.
"""

import contextlib
import re
import time
from pathlib import Path

from notebook import JOB, SEEN, Now, doing, note
from page import ANSWER_S, Look, at_most, fresh, settle
from playwright.sync_api import Error

WORDS_S = 4  # before the browser is ended: it takes some hundredths
EXAMPLES = 6
SCREEN = (1280, 720)
MOST_SLIDES, WALK_S, TURN_MS = 40, 12, 500
KEYS = ("ArrowRight", "PageDown")
NEXT = re.compile(
    r"^\W*(next|forward|weiter|vor|nächste|suivant|siguiente|avanti)\b|^[›→»▶>❯]+$", re.IGNORECASE
)
HERE = Path(__file__).parent
WORDS = (HERE / "words.js").read_text(encoding="utf-8").strip()
SLIDES = (HERE / "slides.js").read_text(encoding="utf-8").strip()


def cut(look: Look, *, deck: bool = False) -> list[dict] | None:
    """What words.js found, at most a few of each kind; None when it could not be looked at. `deck`: also note whether
    the page has slides."""
    with at_most(WORDS_S), contextlib.suppress(Error):
        found = look.ask(WORDS, None, False)
        if deck:
            SEEN["slides"] = look.ask(SLIDES, None, 0, False)
        return [one for clear in (True, False) for one in found if (one["how"] != "moved") is clear][:EXAMPLES]
    return None


class Deck:
    """The slides of the page that is open, and how they are turned."""

    def __init__(self, look: Look) -> None:
        self.look, self.way = look, ""

    def now(self, nth: int = 0) -> dict | None:
        with at_most(ANSWER_S):
            seen: dict | None = self.look.evaluate(f"({SLIDES}\n)({WORDS}, {nth}, true)")
        return seen

    def turn(self, sign: str) -> dict | None:
        """The next slide, or None where there is none; the way that turned one is kept to."""
        for way in [self.way] if self.way else [*KEYS, "button"]:
            if not self._use(way):
                continue
            settle(self.look, time.monotonic(), TURN_MS)
            if (seen := self.now()) and seen["sign"] != sign:
                self.way = way
                return seen
        return None

    def _use(self, way: str) -> bool:
        if way != "button":
            self.look.page.evaluate("document.querySelector('iframe').focus()")
            self.look.page.keyboard.press(way)
            return True
        button = self.look.frame.get_by_role("button", name=NEXT).first
        if not button.count() or not button.is_enabled():
            return False
        button.click(timeout=1000)
        return True


def slides(browser) -> None:
    """Turn the slides one by one and write down what does not fit on each."""
    doing("slides")
    look = fresh(browser, *SCREEN)
    settle(look, look.loaded, TURN_MS)
    deck, until = Deck(look), time.monotonic() + WALK_S
    told: dict = {
        "asked": bool(JOB.get("slides")),
        "count": 0,
        "seen": 0,
        "way": "",
        "late": False,
        "cut": [],
        "below": [],
    }
    SEEN["slides"] = told
    with contextlib.suppress(Error):
        now, signs = deck.now(), set()
        while now and now["sign"] not in signs:
            signs.add(now["sign"])
            told["seen"] += 1
            told["count"], told["way"] = (
                max(told["count"], now["count"]),
                now["mode"] if now["mode"] == "scroll" else deck.way,
            )
            told["cut"] += [{**one, "slide": told["seen"]} for one in now["cut"][:1]]  # the rest comes with it
            if now["below"] > 0 and not now["cut"]:
                told["below"].append({"slide": told["seen"], "points": now["below"]})
            note()
            if told["seen"] >= MOST_SLIDES or time.monotonic() > until:
                told["late"] = True
                break
            if now["mode"] == "turn":
                now = deck.turn(now["sign"])
            elif told["seen"] < now["count"]:
                now = deck.now(told["seen"])
                settle(look, time.monotonic(), 150)
                now = deck.now(told["seen"])
            else:
                break
    if Now.killed:
        raise Error("the page stopped answering")
    note()
