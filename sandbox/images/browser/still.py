"""still: whether a page has come to rest, so that nobody waits for what is not coming.

A script goes into every document before its own: it notes what the page put off (timers, animation frames) and when
it last changed. A page is still when nothing changed for a moment and nothing that can be known of is due in the time
that one would have waited. What can do something unforeseen (workers, frames of its own, sound and film) counts as not
still, and is waited for in full: waiting is only ever shortened. What a page does to its own timers is its own matter:
the worst that it can reach is the wait that a slower look would have had.
"""

from playwright.sync_api import Error

CALM_MS = 50  # without a change
NAME = "__vibeStill"

SCRIPT = """(() => {
  if (window === top) return;
  const now = performance.now.bind(performance), due = new Map(), frames = new Set();
  let changed = now(), odd = false;
  const put = (name, apply) => { if (window[name]) window[name] = new Proxy(window[name], { apply }); };
  const later = (name, again) => put(name, (real, self, [work, ms, ...more]) => {
    if (typeof work !== "function") { odd = true; return Reflect.apply(real, self, [work, ms, ...more]); }
    const wait = Math.max(0, Number(ms) || 0);
    const id = Reflect.apply(real, self, [function (...given) {
      if (again) due.set(id, now() + wait); else due.delete(id);
      try { return Reflect.apply(work, this, given); } finally { changed = now(); }
    }, ms, ...more]);
    due.set(id, now() + wait);
    return id;
  });
  const never = (name, all) => put(name, (real, self, [id]) => { all.delete(Number(id)); return Reflect.apply(real, self, [id]); });
  const soon = name => put(name, (real, self, [work, ...more]) => {
    if (typeof work !== "function") return Reflect.apply(real, self, [work, ...more]);
    const id = Reflect.apply(real, self, [function (...given) {
      frames.delete(name + id);
      try { return Reflect.apply(work, this, given); } finally { changed = now(); }
    }, ...more]);
    frames.add(name + id);
    return id;
  });
  const unsoon = (name, kind) => put(name, (real, self, [id]) => { frames.delete(kind + id); return Reflect.apply(real, self, [id]); });
  const unknown = (on, ...names) => {
    for (const name of names) if (on && typeof on[name] === "function") on[name] = new Proxy(on[name], {
      apply: (real, self, args) => { odd = true; return Reflect.apply(real, self, args); },
      construct: (real, args, target) => { odd = true; return Reflect.construct(real, args, target); },
    });
  };
  later("setTimeout", false); later("setInterval", true);
  never("clearTimeout", due); never("clearInterval", due);
  soon("requestAnimationFrame"); soon("requestIdleCallback");
  unsoon("cancelAnimationFrame", "requestAnimationFrame"); unsoon("cancelIdleCallback", "requestIdleCallback");
  unknown(window, "Worker", "SharedWorker", "AudioContext", "BroadcastChannel", "MessageChannel");
  unknown(window.Scheduler?.prototype, "postTask", "yield");
  unknown(window.SubtleCrypto?.prototype, "deriveBits", "deriveKey", "generateKey");
  addEventListener("scroll", () => { changed = now(); }, { capture: true, passive: true });
  new MutationObserver(() => { changed = now(); }).observe(document, { attributes: true, characterData: true, childList: true, subtree: true });
  const restless = "video,audio,iframe,frame,object,embed,animate,animateTransform,animateMotion,set,meta[http-equiv=refresh i]";
  Object.defineProperty(window, "NAME", { value: (calm, left) => {
    const at = now();
    return document.readyState === "complete" && !odd && !frames.size && at - changed > calm
      && ![...due.values()].some(when => when <= at + left + 16) && !document.querySelector(restless)
      && [...document.images].every(image => image.complete) && (!document.fonts || document.fonts.status === "loaded")
      && document.getAnimations().every(one => one.playState !== "running");
  } });
})()""".replace("NAME", NAME)


def is_still(frame, left_ms: float) -> bool:
    """Whether nothing would happen in the page in the next `left_ms`, as far as can be known."""
    try:
        return frame.evaluate(f"([calm, left]) => {NAME}(calm, left)", [CALM_MS, left_ms])
    except Error:  # it goes somewhere, or broke our note of it
        return False
