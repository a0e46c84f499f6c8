"""beside: what a page does not show by itself: what it keeps from people who do not see well, and whether anything in it
would hear a click on a button.

The first is found by axe-core (github.com/dequelabs/axe-core) in a world beside the page's scripts, which they can neither
see nor change; the second by Chromium's own list of listeners. Both are observations of the document that the page made,
like any other: the verdict is made elsewhere.
"""

import contextlib
import json
from importlib.resources import files

from apart import Apart
from notebook import Now
from page import Look, at_most
from playwright.sync_api import Error

ACCESS_S, HEARD_S = 6, 4  # before the browser is ended: a look takes a tenth of it
MOST_NODES = 4000  # of a larger document axe would take seconds
# Rules that are certain of what a program of one page owes; landmarks, headings and the like are a site's matter.
RULES = [
    "button-name", "input-button-name", "aria-command-name", "aria-toggle-field-name", "aria-input-field-name", "label",
    "select-name", "link-name", "input-image-alt", "image-alt", "svg-img-alt", "role-img-alt", "color-contrast",
]  # fmt: skip
EXAMPLES = 3  # of each rule
AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
HEARS = {
    "click", "mousedown", "mouseup", "pointerdown", "pointerup", "touchstart", "touchend", "focusin", "focusout",
    "mouseover", "pointerover", "submit",
}  # fmt: skip

MISSED = """axe.run(document, {
  runOnly: { type: "rule", values: RULES }, resultTypes: ["violations"], iframes: false, preload: false, elementRef: true, selectors: false,
}).then(found => {
  const moving = document.getAnimations().filter(one => one.playState === "running").map(one => one.effect && one.effect.target);
  const restless = e => moving.some(target => target && target.contains(e));
  return found.violations.map(({ id, nodes }) => {
    const all = id === "color-contrast" ? nodes.filter(node => !restless(node.element)) : nodes;
    return { rule: id, count: all.length, examples: all.slice(0, EXAMPLES).map(node => {
      const data = (node.any[0] && node.any[0].data) || {};
      return { html: node.html.slice(0, 200), text: (node.element.innerText || "").trim().slice(0, 60), ratio: data.contrastRatio || 0, least: parseFloat(data.expectedContrastRatio) || 0 };
    }) };
  }).filter(one => one.count);
})"""

# The way of a click on a button, from what lies in it up to the root; null where it does something by itself, or
# could do something that is not seen in the document.
WAY = """(() => {
  const button = document.querySelectorAll(BUTTONS)[AT];
  if (!button || [...document.querySelectorAll("*")].some(e => e.shadowRoot)) return null;
  const form = button.form, kind = button.type;
  if (button.closest("a[href], label, summary") || button.popoverTargetElement || button.hasAttribute("commandfor")) return null;
  if (form && (kind === "reset" || form.method === "dialog" || button.formMethod === "dialog")) return null;
  const way = [...button.querySelectorAll("*")].slice(0, 20);
  for (const end of [button, form]) for (let e = end; e && e !== document && !way.includes(e); e = e.parentElement) way.push(e);
  return way;
})()"""


class Beside(Apart):
    """The world beside a page's, and what the page listens for; closed when done with."""

    def __init__(self, look: Look) -> None:
        super().__init__(look.context, look.frame)

    def anywhere(self) -> set[str]:
        """What the page itself listens for at its document and window. Two others listen at the window as well: the
        bundle's own script, which is the first to wait for a message there, and the driver, with a name of its own."""
        document, window = (self.listeners(self.held(name) or "") for name in ("document", "window"))
        ours = {one["scriptId"] for one in window if one["type"].startswith("__playwright")}
        ours |= {one["scriptId"] for one in [o for o in window if o["type"] == "message"][:1]}
        return {one["type"] for one in [*document, *window] if one["scriptId"] not in ours}


def missed(look: Look, nodes: int) -> list[dict] | None:
    """What each rule found: {"rule", "count", "examples": [{"html", "text", "ratio", "least"}]}; None when it could not be
    looked at. `nodes`: how many the document has."""
    if nodes > MOST_NODES:
        return None
    with at_most(ACCESS_S), contextlib.suppress(Error):
        asked = MISSED.replace("RULES", json.dumps(RULES)).replace("EXAMPLES", str(EXAMPLES))
        found: list[dict] = look.evaluate(f"{AXE};\n{asked}")
        return found
    return None


def is_heard(look: Look, buttons: str, at: int) -> bool:
    """Whether anything could come of a click on the `at`-th of `buttons`; True when it cannot be known."""
    try:
        with at_most(HEARD_S), contextlib.closing(Beside(look)) as beside:
            way = beside.held(WAY.replace("BUTTONS", f"'{buttons}'").replace("AT", str(at)))
            if way is None:
                return True
            own = beside.line.send("Runtime.getProperties", {"objectId": way, "ownProperties": True})
            near = [p["value"]["objectId"] for p in own["result"] if p["name"].isdigit()]
            return bool(HEARS & beside.anywhere()) or any(beside.listeners(node) for node in near)
    except Error:
        if Now.killed:
            raise
        return True
