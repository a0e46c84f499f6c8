"""survey: what a page is at first sight, on a desk and on a phone: what is there, what it says, how it looks."""

import base64
import time

from beside import missed
from chrome import table
from notebook import JOB, SEEN, doing, note
from page import Look, fresh, settle
from words import cut

DRAW_S = 3  # how long a page may take until there is something to see


def survey(browser) -> None:
    """Load it as a desktop would: what is there, what it says, how it looks."""
    began = time.monotonic()
    width, height = JOB["viewports"][0]
    look = fresh(browser, width, height)
    SEEN["loaded"], SEEN["seconds"] = True, round(time.monotonic() - began, 3)
    settle(look, look.loaded, 100 + JOB.get("settle_ms", 600))
    while True:
        SEEN.update(look.ask(INVENTORY))
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
    if not JOB.get("brief"):
        note()
        SEEN["cut"][str(width)] = cut(look, deck=True)
        SEEN["missed"] = missed(look, SEEN["html_nodes"])
    look.untouched = True
    note()


INVENTORY = """() => {
  const all = [...document.querySelectorAll('button,[role=button],input[type=button],input[type=submit]')];
  const inputs = [...document.querySelectorAll('input:not([type=hidden]):not([type=button]):not([type=submit]),select,textarea')];
  const shown = e => { const r = e.getBoundingClientRect(); return r.width > 8 && r.height > 8; };
  return { text: (document.body ? document.body.innerText : '').slice(0, 5000), title: document.title.slice(0, 200),
    html_nodes: document.querySelectorAll('*').length, drawn: [...document.querySelectorAll('canvas,svg,img,video')].some(shown),
    controls: { buttons: all.filter(shown).length, inputs: inputs.filter(shown).length } };
}"""


def sideways(look: Look) -> bool:
    return look.ask("() => document.documentElement.scrollWidth > document.documentElement.clientWidth + 1")


def colours(browser, picture: bytes) -> int:
    """Distinct colours of a picture (64 and more are many), counted by a canvas: no imaging library is needed. Every
    pixel is looked at: a short line of text is few of them."""
    return table(browser).evaluate(
        """async data => {
          const image = new Image(); image.src = data; await image.decode();
          const canvas = document.createElement('canvas'); canvas.width = image.width; canvas.height = image.height;
          const pen = canvas.getContext('2d', { willReadFrequently: true }); pen.drawImage(image, 0, 0);
          const all = new Uint32Array(pen.getImageData(0, 0, image.width, image.height).data.buffer), seen = new Set();
          let last = -1;
          for (const one of all) if (one !== last) { last = one; seen.add(one & 0xf8f8f8); if (seen.size > 63) break; }
          return seen.size; }""",
        "data:image/png;base64," + base64.b64encode(picture).decode(),
    )


def phone(browser) -> None:
    width, height = JOB["viewports"][1]
    doing("phone")
    look = fresh(browser, width, height)
    settle(look, look.loaded, 100 + JOB.get("settle_ms", 600))
    wide = sideways(look)
    look.page.screenshot(path=f"out/shot-{width}.png")
    look.answers()
    SEEN["sideways"][str(width)] = wide
    SEEN["cut"][str(width)] = cut(look)
    note()
