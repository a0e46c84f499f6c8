#!/usr/bin/env python3
"""look: opens one page in headless Chromium, uses it as it is told, and writes down what it saw.

It observes and never judges. /box/job.json says what to do, /box/page.html is the document, /box/host.html the page
that frames it; /box/out/observations.json and two pictures are the answer (the contract is in vibe/generation/look.py
and docs/checks.md). What was seen is written after every stage: a page that hangs still leaves what came before.
"""

import base64
import contextlib
import json
import os
import threading
import time
from http.server import ThreadingHTTPServer

from buttons import broke_off, buttons
from chrome import launch
from film import PURSE
from page import (
    JOB,
    SEEN,
    Handler,
    Look,
    Now,
    at_most,
    complain,
    doing,
    filmed,
    fresh,
    note,
    plain,
    settle,
    thrown,
)
from playwright.sync_api import Error, sync_playwright

CHECK_S, WAIT_S = 10, 10  # for one run; and for what it waits
DRAW_S = 3  # how long a page may take until there is something to see


def survey(browser) -> None:
    """Load it as a desktop would: what is there, what it says, how it looks."""
    began = time.monotonic()
    width, height = JOB["viewports"][0]
    look = fresh(browser, width, height)
    SEEN["loaded"], SEEN["seconds"] = True, round(time.monotonic() - began, 3)
    settle(look, look.loaded, 100 + JOB.get("settle_ms", 600))
    while True:
        SEEN.update(look.frame.evaluate(INVENTORY))
        picture = look.page.screenshot(path=f"out/shot-{width}.png")
        SEEN["colours"] = colours(browser, picture)
        controls = SEEN["controls"]["buttons"] or SEEN["controls"]["inputs"]
        there = SEEN["colours"] > 1 and (SEEN["text"].strip() or SEEN["drawn"] or controls)
        if there or JOB.get("brief") or time.monotonic() - look.loaded > DRAW_S:
            break
        note()
        look.page.wait_for_timeout(250)
    SEEN["sideways"][str(width)] = sideways(look)
    look.answers()
    note()


INVENTORY = """() => {
  const all = [...document.querySelectorAll('button,[role=button],input[type=button],input[type=submit]')];
  const inputs = [...document.querySelectorAll('input:not([type=hidden]):not([type=button]):not([type=submit]),select,textarea')];
  const named = e => (e.labels && e.labels.length) || e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.title || e.placeholder;
  const shown = e => { const r = e.getBoundingClientRect(); return r.width > 8 && r.height > 8; };
  return { text: (document.body ? document.body.innerText : '').slice(0, 5000), title: document.title.slice(0, 200),
    html_nodes: document.querySelectorAll('*').length, drawn: [...document.querySelectorAll('canvas,svg,img,video')].some(shown),
    controls: { buttons: all.filter(shown).length, inputs: inputs.filter(shown).length, unlabelled: inputs.filter(e => !named(e)).length } };
}"""


def sideways(look: Look) -> bool:
    return look.frame.evaluate(
        "() => document.documentElement.scrollWidth > document.documentElement.clientWidth + 1"
    )


def colours(browser, picture: bytes) -> int:
    """Distinct colours of a picture (64 and more are many), counted by a canvas: no imaging library is needed. Every
    pixel is looked at: a short line of text is few of them."""
    page = browser.new_page()
    try:
        return page.evaluate(
            """async data => {
              const image = new Image(); image.src = data; await image.decode();
              const canvas = document.createElement('canvas'); canvas.width = image.width; canvas.height = image.height;
              const pen = canvas.getContext('2d'); pen.drawImage(image, 0, 0);
              const d = pen.getImageData(0, 0, image.width, image.height).data, seen = new Set();
              for (let i = 0; i < d.length && seen.size < 64; i += 4) seen.add((d[i] >> 3) << 10 | (d[i+1] >> 3) << 5 | d[i+2] >> 3);
              return seen.size; }""",
            "data:image/png;base64," + base64.b64encode(picture).decode(),
        )
    finally:
        page.close()


def phone(browser) -> None:
    width, height = JOB["viewports"][1]
    doing("phone")
    look = fresh(browser, width, height)
    settle(look, look.loaded, 100 + JOB.get("settle_ms", 600))
    wide = sideways(look)
    look.page.screenshot(path=f"out/shot-{width}.png")
    look.answers()
    SEEN["sideways"][str(width)] = wide
    note()


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
        return len(thrown(look))
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


def result(wanted: dict, **more) -> dict:
    """What is told of one run. `raised`: the first error that nobody caught since its first step; `seconds`: what the
    page took of our time, films and waiting aside; `late`: there was no time left for it."""
    return {
        "id": wanted["id"], "steps_done": 0, "failed": None, "seen": [], "errors": 0, "raised": "", "seconds": 0.0,
        "late": False, **more,
    }  # fmt: skip


def waits(steps: list[dict]) -> float:
    """The seconds that a check only waits, as it asks for."""
    return sum(min(float(s.get("seconds", 1)), 5) for s in steps if s["do"] == "wait")


def check(browser, wanted: dict) -> dict:
    """Do the steps of one check on a fresh page and report the raw values that it asks to see."""
    told = result(wanted)
    began, filming = time.monotonic(), PURSE.seconds
    width, height = JOB["viewports"][0]
    look = fresh(browser, width, height)
    steps = wanted.get("steps", [])
    film = filmed(look, str(JOB["checks"].index(wanted)), len(steps))
    try:
        before = {}
        for expect in wanted["expect"]:
            if expect["see"] == "changed":
                before[json.dumps(expect.get("target"))] = glimpse(look, expect.get("target"))
        used, complaints = time.monotonic(), len(look.errors)
        for number, step in enumerate(steps):
            at = (lambda step=step: find(look, step["target"])) if step.get("target") else None
            look.follow()
            film.aim(step["do"], at)
            try:
                do(look, step)
            except Error as problem:
                told["failed"] = {"step": number, "why": plain(problem), "missing": missing(look, step)}
                film.stepped(number, step, at, failed=True)
                break
            used = time.monotonic()
            film.stepped(number, step, at)
            told["steps_done"] += 1
        else:
            settle(look, used, 250)
            look.follow()
            told["seen"] = observed(look, wanted["expect"], before)
            film.looked([lambda e=e: place(look, e) for e in wanted["expect"] if e.get("target")])
        told["errors"] = len(thrown(look))
        told["raised"] = next((e["text"] for e in thrown(look, complaints)), "")
    except Error:
        look.close()
        raise
    told["seconds"] = round(time.monotonic() - began - waits(steps) - (filming - PURSE.seconds), 2)
    return told


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
            SEEN["checks"].append(result(wanted, failed={"step": 0, "why": why}, seconds=took))

        stage(
            playwright,
            CHECK_S + min(waits(wanted.get("steps", [])), WAIT_S),
            lambda browser, wanted=wanted: SEEN["checks"].append(check(browser, wanted)),
            failed,
        )


def main(playwright) -> None:
    os.makedirs("out", exist_ok=True)
    note()
    server = ThreadingHTTPServer(("127.0.0.1", JOB["port"]), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    until = time.monotonic() + JOB.get("seconds", 40)
    stage(playwright, 18, survey, stuck)
    if JOB.get("brief"):
        PURSE.seconds = 0
    elif SEEN["html_nodes"]:
        stage(playwright, 12, phone, stuck)
        stage(playwright, 35, buttons, walked)
    if SEEN["html_nodes"]:
        checks(playwright, until)
    note()
    os._exit(0)  # the answer is written; closing a killed browser politely could hang


if __name__ == "__main__":
    with sync_playwright() as driver:
        main(driver)
