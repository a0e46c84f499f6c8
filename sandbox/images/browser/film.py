"""film: small pictures of a page in use, with a hand drawn above it, that a person can play back.

The hand lies in the page around the frame: the made page cannot see it, and the survey's pictures are without it.
Filming never changes what a check finds: what goes wrong here is passed over, and there is a purse for time and
bytes. No frame says whether anything held: the verdict is nobody's here. (The contract: vibe/generation/film.py.)
"""

import base64
import contextlib
import functools
import time

from playwright.sync_api import Error

EDGE, FRAMES, FRAME_BYTES = 640, 14, 40_000  # pixels of the longer side; frames a run; bytes a frame
ENDS = 6  # of a long run the first and the last steps are filmed
LEAST = 1  # of a check's other runs, which differ by their values alone, the last step is
RUN_S = 2.0  # what filming one run may take

DRAW = """([x, y, how, label, marks]) => {
  const space = "http://www.w3.org/2000/svg", ink = "#1b2636", pin = "#d6452f", pen = "#2b5bd7";
  document.getElementById("ghost-hand")?.remove();
  const sheet = document.createElementNS(space, "svg");
  sheet.id = "ghost-hand";
  sheet.style.cssText = "position:fixed;inset:0;width:100%;height:100%;pointer-events:none;z-index:2147483647";
  const draw = (name, all, text) => {
    const node = document.createElementNS(space, name);
    for (const key in all) node.setAttribute(key, all[key]);
    if (text) node.textContent = text;
    return sheet.appendChild(node);
  };
  document.documentElement.append(sheet);
  for (const [left, top, width, height] of marks)
    draw("rect", { x: left - 5, y: top - 5, width: width + 10, height: height + 10, rx: 7, fill: "#2b5bd714", stroke: pen, "stroke-width": 4 });
  if (x === null) return;
  if (how === "press") {
    draw("circle", { cx: x, cy: y, r: 30, fill: "#d6452f22", stroke: pin, "stroke-width": 2, "stroke-opacity": .55 });
    draw("circle", { cx: x, cy: y, r: 17, fill: "none", stroke: pin, "stroke-width": 4 });
  }
  if (how === "lost") draw("circle", { cx: x, cy: y, r: 26, fill: "#d6452f22", stroke: pin, "stroke-width": 4, "stroke-dasharray": "9 7" });
  const hand = "M-6 6a6 6 0 0 1 12 0V25a5.4 5.4 0 0 1 10.800 1a5.400 5.400 0 0 1 10.200 3a4.800 4.800 0 0 1 9 3V45c0 11-8 18-18 18H14c-8 0-12-4-16-9L-15 36c-3-6 4-11 9-5Z";
  draw("path", { d: hand, transform: `translate(${x + 3} ${y + 5})`, fill: "#0004" });
  draw("path", { d: hand, transform: `translate(${x} ${y})`, fill: "#fff", stroke: ink, "stroke-width": 2.6, "stroke-linejoin": "round" });
  draw("path", { d: "M6 25v12M16.800 26v11M27 29v9", transform: `translate(${x} ${y})`, stroke: ink, "stroke-width": 2, fill: "none", "stroke-linecap": "round" });
  if (!label) return;
  const back = draw("rect", { height: 40, rx: 8, fill: ink, "fill-opacity": .94 });
  const words = draw("text", { fill: "#fff", "font-family": "DejaVu Sans, sans-serif", "font-size": 22 }, label);
  const wide = words.getComputedTextLength() + (how === "type" ? 32 : 24), high = innerHeight;
  const left = Math.max(6, Math.min(x + 14, innerWidth - wide - 6)), top = y + 116 < high ? y + 70 : Math.max(6, y - 60);
  back.setAttribute("x", left); back.setAttribute("y", top); back.setAttribute("width", wide);
  words.setAttribute("x", left + 12); words.setAttribute("y", top + 28);
  if (how === "type") draw("rect", { x: left + wide - 15, y: top + 8, width: 3, height: 24, fill: "#ffd84d" });
}"""


# What a page that was just opened shows; "" when a picture of it could differ all the same.
MADE_OF = """() => {
  if (document.querySelector("video,iframe,animate,animateTransform,animateMotion,set") || document.getAnimations().length) return "";
  const fields = [...document.querySelectorAll("input,select,textarea")].map(e => e.value + e.checked);
  const drawn = [...document.querySelectorAll("canvas")].map(e => e.toDataURL("image/jpeg", .3));
  return document.documentElement.outerHTML + fields + drawn;
}"""


class Purse:
    """What all films of a look may use together. Times in seconds."""

    def __init__(self) -> None:
        self.bytes, self.frames, self.seconds = 4_000_000, 300, 10.0


PURSE = Purse()


def paid(work):
    """Do nothing that the purse does not pay for, and let nothing that goes wrong out. How a run ended is worth more
    than how it came there: that is filmed on a slow machine, too. A page that hangs while it is filmed costs all films
    no more than one run may take: those seconds are its own."""

    @functools.wraps(work)
    def inner(self, *args, **more) -> None:
        ends = work.__name__ == "looked" or more.get("failed")
        if PURSE.seconds <= 0 or (self.left <= 0 and not ends):
            return
        began = time.monotonic()
        with contextlib.suppress(Error):
            work(self, *args, **more)
        spent = min(time.monotonic() - began, RUN_S)
        self.left -= spent
        PURSE.seconds -= spent

    return inner


class Film:
    """The frames of one run. `frames` is written down as it is: {"step", "x", "y"}, -1 before the first step and
    None for the look at the end; x and y are the tip of the hand as parts of the picture's width and height, or
    None. The picture of the n-th lies in out/film-<name>-<n>.jpg."""

    # Of the page as it was last opened: (what it was made of, its size, the picture).
    first: tuple[str, object, bytes] = ("", None, b"")

    def __init__(self, look, name: str, steps: int, *, other: bool = False) -> None:
        """`other`: not a check's own run but one of those that only differ by their values."""
        self.look, self.name, self.steps = look, name, steps
        self.ends = (0, LEAST) if other else (ENDS, ENDS)
        self.frames: list[dict] = []
        self.left = RUN_S
        self.tip: tuple[float, float] | None = None
        self.element = None

    @paid
    def opened(self) -> None:
        """The page as it is before anything is done: each run opens it anew, and mostly it is as it was."""
        made, size = self.look.ask(MADE_OF), self.look.page.viewport_size
        if made and (made, size) == Film.first[:2]:
            self._keep(-1, Film.first[2], None, None)
            return
        if picture := self._take(-1):
            Film.first = (made, size, picture)

    @paid
    def aim(self, kind: str, find) -> None:
        """Before a step: remember the element that `find()` names, without waiting for it."""
        self.element = None
        if find is None:
            return
        self.element = next(iter(find().element_handles()), None)
        if kind == "click" and self.element and (box := self.element.bounding_box()):
            self._point(kind, box)  # a click may take it away

    @paid
    def stepped(self, number: int, step: dict, find=None, *, failed: bool = False) -> None:
        """After a step: the hand at its element. A step that failed is filmed in any case."""
        if not failed and self.ends[0] <= number < self.steps - self.ends[1]:
            return
        if self.element is None:
            self.element = next(iter(find().element_handles()), None) if find else None
        box = self.element.bounding_box() if self.element else None
        if box:
            self._point(step["do"], box)
        how, label = _gesture(step) if not failed else ("lost", "" if box else "?")
        self._take(number, how, label)

    @paid
    def looked(self, finders) -> None:
        """The moment of looking: what is looked at is outlined, the hand below the first of it."""
        handles = [handle for find in finders for handle in find().element_handles()[:8]][:12]
        boxes = [handle.bounding_box() for handle in handles]
        size = self.look.page.viewport_size
        low = size["height"] - 90  # room for the hand
        if boxes and boxes[0] and not 0 <= boxes[0]["y"] < low - min(boxes[0]["height"], 200):
            # Whatever the page does about it comes too late to matter: all values are read.
            handles[0].evaluate("e => e.scrollIntoView({ block: 'center' })")
            boxes = [handle.bounding_box() for handle in handles]
        marks = [[box["x"], box["y"], box["width"], box["height"]] for box in boxes if box]
        if marks:
            x, y, width, height = marks[0]
            across = min(max(x + min(width / 2, 60), 4), size["width"] - 4)
            down = min(y + height + 9, size["height"] - 20)
            self.tip = (across, down) if height < size["height"] / 2 else None
        self._take(None, marks=marks)

    def _point(self, kind: str, box: dict) -> None:
        """The tip of the hand on an element: in the middle, or where it hides least of what was typed."""
        across, down = (0.8, 0.75) if kind in ("fill", "select") else (0.5, 0.55)
        size = self.look.page.viewport_size
        x, y = box["x"] + box["width"] * across, box["y"] + box["height"] * down
        self.tip = (min(max(x, 4), size["width"] - 4), min(max(y, 4), size["height"] - 4))

    def _take(self, step: int | None, how: str = "", label: str = "", marks=()) -> bytes | None:
        """The picture, kept; None where there is no room for one more."""
        if not self._room():
            return None
        x, y = self.tip or (None, None)
        self.look.page.evaluate(DRAW, [x, y, how, label, list(marks)])
        size = self.look.page.viewport_size
        scale = min(1, EDGE / max(size["width"], size["height"]))
        clip = {"x": 0, "y": 0, **size, "scale": scale}
        for quality in (45, 15):
            asked = {"format": "jpeg", "quality": quality, "clip": clip, "optimizeForSpeed": True}
            picture = base64.b64decode(self.look.lens.send("Page.captureScreenshot", asked)["data"])
            if len(picture) <= FRAME_BYTES:
                across = None if x is None else round(x / size["width"], 4)
                down = None if y is None else round(y / size["height"], 4)
                self._keep(step, picture, across, down)
                return picture
        return None

    def _room(self) -> bool:
        return len(self.frames) < FRAMES and PURSE.frames > 0 and PURSE.bytes >= FRAME_BYTES

    def _keep(self, step: int | None, picture: bytes, x: float | None, y: float | None) -> None:
        if not self._room():
            return
        with open(f"out/film-{self.name}-{len(self.frames)}.jpg", "wb") as out:
            out.write(picture)
        self.frames.append({"step": step, "x": x, "y": y})
        PURSE.frames -= 1
        PURSE.bytes -= len(picture)


def _gesture(step: dict) -> tuple[str, str]:
    """How the hand shows a step: (a press, typing or nothing; a few words beside it)."""
    kind = step["do"]
    if kind in ("click", "check", "uncheck"):
        return "press", ""
    if kind in ("fill", "select"):
        words = " ".join(str(step.get("value", "")).split())
        return "type" if kind == "fill" else "press", words if len(words) <= 28 else words[:27] + "…"
    if kind == "press":
        return "", str(step.get("key", ""))[:28]
    return "", {"reload": "reload", "wait": "wait", "resize": "resize"}.get(kind, "")
