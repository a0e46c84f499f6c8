#!/usr/bin/env python3
"""look: opens one page in headless Chromium, uses it as it is told, and writes down what it saw.

It observes and never judges. /box/job.json says what to do, /box/page.html is the document, /box/host.html the page
that frames it; /box/out/observations.json and two pictures are the answer (the contract is in vibe/generation/look.py
and docs/checks.md). What was seen is written after every stage: a page that hangs still leaves what came before.
"""

import os
import threading
import time
from http.server import ThreadingHTTPServer

from buttons import broke_off, buttons
from check import check, result
from chrome import launch
from film import PURSE
from notebook import JOB, SEEN, Now, complain, doing, note, read_job
from page import at_most, plain
from playwright.sync_api import Error, sync_playwright
from serving import Handler
from survey import phone, survey
from words import slides

RUN_S = 40  # for one run in any case; opening, its steps and each of them have shorter clocks of their own


def stage(playwright, seconds: float, work, failed) -> None:
    """Run one stage in a browser of its own when the last one was killed; a stage that fails does not end the look."""
    global BROWSER
    began = time.monotonic()
    try:
        if BROWSER is None or Now.killed or not BROWSER.is_connected():
            Now.killed = False
            BROWSER = launch(playwright)
        with at_most(seconds):
            work(BROWSER)
    except Error as problem:
        failed(plain(problem))
    SEEN.setdefault("stages", []).append(round(time.monotonic() - began, 2))
    note()


BROWSER = None


def stuck(why: str) -> None:
    complain("stuck", why)


def walked(why: str) -> None:
    """The walk through the buttons ended badly: a button's doing, or the page's own."""
    if not broke_off(why):
        stuck(why)


def checks(playwright, until: float) -> None:
    for wanted in JOB["checks"]:
        if time.monotonic() > until:
            none = {"step": 0, "why": "there was no time left"}
            SEEN["checks"].append(result(wanted, failed=none, late=True))
            continue
        doing("check", wanted["id"])
        began = time.monotonic()

        def failed(why: str, wanted=wanted, began=began) -> None:
            took = round(time.monotonic() - began, 2)
            SEEN["checks"].append(result(wanted, failed={"step": Now.step, "why": why}, seconds=took))

        stage(
            playwright,
            RUN_S,
            lambda browser, wanted=wanted: SEEN["checks"].append(check(browser, wanted)),
            failed,
        )


def main(playwright) -> None:
    read_job()
    os.makedirs("out", exist_ok=True)
    note()
    server = ThreadingHTTPServer(("127.0.0.1", JOB["port"]), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    until = time.monotonic() + JOB.get("seconds", 40)
    stage(playwright, 18, survey, stuck)
    if JOB.get("brief"):
        PURSE.seconds = 0
    elif SEEN["html_nodes"]:
        stage(playwright, 35, buttons, walked)  # first: they are there already, in the page that was looked at
        stage(playwright, 12, phone, stuck)
        if SEEN["slides"] or JOB.get("slides"):
            stage(playwright, 20, slides, stuck)
    if SEEN["html_nodes"]:
        checks(playwright, until)
    note()
    os._exit(0)  # the answer is written; closing a killed browser politely could hang


if __name__ == "__main__":
    with sync_playwright() as driver:
        main(driver)
