"""check: does the steps of one check on a fresh page, and reads the raw values that it asks to see."""

import contextlib
import json
import time

from film import PURSE, Film
from notebook import JOB, Now
from page import Look, at_most, filmed, fresh, plain, settle, thrown
from playwright.sync_api import Error

CHECK_S, WAIT_S = 10, 10  # for one run; and for what it waits


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
    look.frame = look.settled_frame()
    settle(look, time.monotonic(), 150)


def is_one(look: Look, element, selector: str) -> bool:
    """Whether an element matches, as the browser sees it and not as the page's own scripts would have it."""
    return bool(element.and_(look.frame.locator(selector)).count())


def fill(look: Look, element, value: str) -> None:
    """Type into a field of any kind. A list to choose from takes it as a choice; a number field takes no comma."""
    element.wait_for(state="attached")
    if is_one(look, element, "select"):
        element.select_option(value)
    else:
        comma = "," in value and is_one(look, element, "input[type=number i], input[type=range i]")
        element.fill(value.replace(",", ".") if comma else value)


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
        fill(look, find(look, target), str(step["value"]))
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
    if is_one(look, element, "input[type=checkbox i], input[type=radio i]"):
        return element.is_checked()
    return element.input_value() if is_one(look, element, "input, select, textarea") else words(look, element)


def words(look: Look, element) -> str | None:
    """What somebody reads there: nothing where the element is not drawn, whatever it holds. A choice of a list that is
    folded up is read all the same."""
    drawn = element.bounding_box() or element.is_visible() or is_one(look, element, "option, optgroup")
    if not drawn:
        return ""
    drawing = is_one(look, element, "svg *:not(foreignObject *)")
    return element.text_content() if drawing else element.inner_text()


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
    return words(look, element) if element.count() else None


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


def use(look: Look, film: Film, wanted: dict, told: dict) -> None:
    """Do the steps and look, and write into `told` what came of it."""
    steps, before = wanted.get("steps", []), {}
    for expect in wanted["expect"]:
        if expect["see"] == "changed":
            before[json.dumps(expect.get("target"))] = glimpse(look, expect.get("target"))
    used, complaints = time.monotonic(), len(look.errors)
    for number, step in enumerate(steps):
        Now.step = number
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
        Now.step = len(steps)
        settle(look, used, 250)
        look.follow()
        told["seen"] = observed(look, wanted["expect"], before)
        look.answers()  # nothing that is seen of a page that hangs is so: it ends as one that stopped answering
        film.looked([lambda e=e: place(look, e) for e in wanted["expect"] if e.get("target")])
    told["errors"] = len(thrown(look))
    told["raised"] = next((e["text"] for e in thrown(look, complaints)), "")


def check(browser, wanted: dict) -> dict:
    """Do the steps of one check on a fresh page and report the raw values that it asks to see. However long the page
    took to open, its steps have the whole of their time."""
    told = result(wanted)
    began, filming = time.monotonic(), PURSE.seconds
    width, height = JOB["viewports"][0]
    look = fresh(browser, width, height)
    steps = wanted.get("steps", [])
    film = filmed(look, str(JOB["checks"].index(wanted)), len(steps), other="~" in wanted["id"])
    try:
        with at_most(CHECK_S + min(waits(steps), WAIT_S)):
            use(look, film, wanted, told)
    except Error:
        look.close()
        raise
    told["seconds"] = round(time.monotonic() - began - waits(steps) - (filming - PURSE.seconds), 2)
    return told
