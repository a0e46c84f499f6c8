"""chrome: how Chromium is started in a box, and what is made in it before there is a page to look at.

The box is the sandbox: user namespaces, which Chromium's own needs, are shut. It does not say of itself that a program
drives it: a page can find that out in other ways, but none should come upon it by a line that everybody knows.
"""

import os

from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, Playwright
from still import SCRIPT

os.environ["HOME"] = os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_CACHE_HOME"] = "/tmp"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--disable-extensions",
    "--force-color-profile=srgb", "--font-render-hinting=none", "--disable-blink-features=AutomationControlled",
]  # fmt: skip
DESK = (1280, 800)

Window = tuple[BrowserContext, Page, CDPSession]
_ready: dict[tuple[Browser, int, int], Window] = {}
_table: dict[Browser, Page] = {}


def launch(playwright: Playwright) -> Browser:
    """A browser, driven by this Playwright."""
    return playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)


def window(browser: Browser, width: int, height: int) -> Window:
    """A fresh context with one page, and a line to its tab: the one that stood ready, where it is of this size."""
    return _ready.pop((browser, width, height), None) or _window(browser, width, height)


def _window(browser: Browser, width: int, height: int) -> Window:
    number = browser.version.split(".")[0]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        reduced_motion="reduce",
        user_agent=f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{number}.0.0.0 Safari/537.36",
    )
    context.add_init_script(SCRIPT)
    page = context.new_page()
    return context, page, context.new_cdp_session(page)


def table(browser: Browser) -> Page:
    """An empty page of our own, in a context of its own, to lay pictures on."""
    if browser not in _table:
        _table[browser] = browser.new_page()
    return _table[browser]


def warm(browser: Browser, address: str) -> None:
    """Make what the first look needs, and use it once at `address`, so that Chromium has loaded what comes with it."""
    _, page, _ = _ready[(browser, *DESK)] = _window(browser, *DESK)
    page.goto(address)
    page.screenshot()
    table(browser)
