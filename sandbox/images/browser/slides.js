// The slides of a document as they stand now: (words, seen, turned) => null where there are none, else
// {mode, count, at, sign, cut, below}. `words` is words.js; `turned` false: only whether there are any.
//
// mode "turn": one is shown at a time, `at` of `count` (one element whose content changes: 0 of 1); "scroll": they stand
// below each other, and `seen` is the one to look at. `sign` is the same as long as the same slide is shown. `cut` is what
// is cut off on it; `below`: how many points of its words lie lower than its own edge or the screen's.
(words, seen, turned) => {
  const KINDS = ['[aria-roledescription="slide" i]', ".slide, [data-slide], section[class^=slide i]", "#slide", ".slides > *, #slides > *, .deck > *, #deck > *"];
  const size = e => { const box = e.getBoundingClientRect(); return Math.max(0, box.width) * Math.max(0, box.height); };
  const shown = e => e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && size(e) > 0.4 * innerWidth * innerHeight;
  const inWindow = e => { const b = e.getBoundingClientRect(); return Math.max(0, Math.min(b.right, innerWidth) - Math.max(b.left, 0)) * Math.max(0, Math.min(b.bottom, innerHeight) - Math.max(b.top, 0)); };
  let all = [];
  for (const kind of KINDS) {
    const found = [...document.querySelectorAll(kind)].filter(e => !e.parentElement.closest(kind) && !e.matches("script,style,template,button,input"));
    if (found.some(shown)) { all = found; break; }
  }
  if (!all.length) return null;
  if (!turned) return { count: all.length };
  const there = all.filter(shown), tops = there.map(e => e.getBoundingClientRect().top);
  const stacked = there.length > 1 && tops.every((top, n) => !n || top > tops[n - 1] + 0.4 * innerHeight) && there.every(e => getComputedStyle(e).position !== "absolute");
  const slide = stacked ? there[seen] : there.reduce((best, e) => (inWindow(e) > inWindow(best) ? e : best), there[0]);
  if (!slide) return { mode: "scroll", count: there.length, at: seen, sign: "", cut: [], below: 0 };
  if (stacked) slide.scrollIntoView({ block: "start", behavior: "instant" });
  const box = slide.getBoundingClientRect(), floor = Math.min(box.bottom, Math.max(box.top, 0) + innerHeight);
  let lowest = 0;
  const walker = document.createTreeWalker(slide, NodeFilter.SHOW_TEXT), range = document.createRange();
  for (let node; (node = walker.nextNode());) {
    const e = node.parentElement;
    if (!node.data.trim() || e.closest("script,style,noscript,template,title,desc,aside,[aria-hidden=true]") || !e.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    range.selectNodeContents(node);
    for (const line of range.getClientRects()) if (line.width > 2 && line.height > 2) lowest = Math.max(lowest, line.bottom - line.height / 3 - floor);
  }
  return { mode: stacked ? "scroll" : "turn", count: stacked ? there.length : all.length, at: stacked ? seen : all.indexOf(slide), sign: all.indexOf(slide) + slide.innerText.slice(0, 2000), cut: words(slide, true), below: Math.round(lowest) };
}
