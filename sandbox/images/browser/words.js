// Which words of a document something cuts off: an edge of the page that cannot be scrolled past, or a box around them that
// hides what sticks out. Comes to a function (root, strict) => [{how, side, width, text, html, by, hidden}], one for each
// block of words and side, `html` of the block, `by` of what cuts it, `hidden` in points.
//
// how: "page" or "box" where nobody can have meant it (a line of a text that stands where the flow puts it is cut through,
// or its own box is too small for it); "moved" where it may be meant (a row of cards that goes on, words placed by hand,
// whole lines that are gone). What is known to be meant is not told at all: an ellipsis, a fade, what moves or folds, what
// is hidden from eyes or from readers. `strict`: on a slide nothing of that may be hidden but by an ellipsis or a fold.
(() => {
  const MOST = 4000, LINE = 0.35, SLIVER = 0.15;
  const PASSED = "script,style,noscript,template,textarea,select,option,title,desc,metadata,iframe,marquee,[aria-hidden=true],[contenteditable]";
  const styles = new Map(), styleOf = e => { if (!styles.has(e)) styles.set(e, getComputedStyle(e)); return styles.get(e); };
  const hides = how => how === "hidden" || how === "clip", scrolls = how => how === "auto" || how === "scroll";
  const named = e => e.cloneNode(false).outerHTML.replace(/<\/[^>]*>$/, "").slice(0, 120);
  const view = document.documentElement, around = document.body ? styleOf(document.body) : styleOf(view), own = styleOf(view);
  const passed = own.overflowX === "visible" && own.overflowY === "visible"; // the body's overflow is then the page's
  const flow = { x: passed ? around.overflowX : own.overflowX, y: passed ? around.overflowY : own.overflowY };

  // The edges of the page in the window, as far as a reader comes; what is fixed in place comes no further than the window.
  function page(fixed) {
    const shut = axis => fixed || hides(flow[axis]);
    return { left: fixed ? 0 : -scrollX, top: fixed ? 0 : -scrollY, right: shut("x") ? view.clientWidth : Infinity, bottom: shut("y") ? innerHeight : Infinity };
  }
  function inside(e, style) {
    const box = e.getBoundingClientRect();
    if (e instanceof SVGElement) return box;
    const wide = e.offsetWidth ? box.width / e.offsetWidth : 1, high = e.offsetHeight ? box.height / e.offsetHeight : 1;
    const left = box.left + e.clientLeft * wide, top = box.top + e.clientTop * high;
    const more = style.overflowX === "clip" ? parseFloat(style.overflowClipMargin) || 0 : 0;
    return { left: left - more, top: top - more, right: left + e.clientWidth * wide + more, bottom: top + e.clientHeight * high + more };
  }
  const isBlock = style => !/^(inline|contents|ruby)/.test(style.display) || /^inline-(block|flex|grid)/.test(style.display);
  const holds = style => style.position !== "static" || style.transform !== "none" || style.filter !== "none" || style.perspective !== "none" || /paint|layout|strict|content/.test(style.contain);
  const long = list => list.split(",").some(one => parseFloat(one) > 0);
  function folds(e, style) { // it can be opened by somebody, or opens by itself
    if (long(style.transitionDuration) && /height|rows|all|clip/.test(style.transitionProperty) && style.transitionProperty !== "all") return true;
    const capped = style.maxHeight !== "none", opens = capped ? "button,[role=button],[aria-expanded]" : "[aria-expanded]";
    if ((capped && long(style.transitionDuration)) || (e.id && document.querySelector(`[aria-controls~="${CSS.escape(e.id)}"]`))) return true;
    return [...(e.parentElement?.children || [])].some(near => near !== e && (near.matches(opens) || [...near.children].some(one => one.matches(opens))));
  }
  const veil = style => style.content !== "none" && style.position === "absolute" && /gradient/.test(style.backgroundImage);
  const fades = (e, style) => style.maskImage !== "none" || [getComputedStyle(e, "::before"), getComputedStyle(e, "::after"), ...[...e.children].map(styleOf)].some(veil);
  const shaped = style => style.clipPath !== "none" || (style.clip && style.clip !== "auto");
  const moving = document.getAnimations().filter(one => one.playState === "running").map(one => one.effect?.target).filter(Boolean);
  const shifted = style => style.transform !== "none" || style.translate !== "none" || style.willChange.includes("transform");
  const backwards = style => ["marginLeft", "marginRight", "marginTop", "marginBottom", "textIndent"].some(side => parseFloat(style[side]) < -8);

  // What of the way up from a text can cut it: [{edge, axes, e, style}], with what was met between.
  function cutters(e, root) {
    const found = [], between = { placed: false, shifted: false, backwards: false, shaped: false };
    let out = "", fixed = false;
    for (let a = e; a && a !== view; a = a.parentElement) {
      const style = styleOf(a), skipped = (out === "absolute" && !holds(style)) || (out === "fixed" && style.transform === "none" && style.filter === "none");
      if (!skipped) {
        out = "";
        const svg = a instanceof SVGElement, box = (svg ? a.localName === "svg" && !a.ownerSVGElement : isBlock(style)) && !(a === document.body && passed);
        if (box && (hides(style.overflowX) || hides(style.overflowY) || scrolls(style.overflowX) || scrolls(style.overflowY))) found.push({ e: a, style, ...between, placed: between.placed && !svg });
      }
      if (style.position === "relative" && ["top", "left", "right", "bottom"].some(side => Math.abs(parseFloat(style[side])) > 8)) between.placed = true;
      if (style.position === "absolute" || style.position === "fixed") { out = style.position; between.placed = true; fixed = fixed || style.position === "fixed"; }
      if (!(a instanceof SVGElement)) between.shifted ||= shifted(style);
      between.backwards ||= backwards(style); between.shaped ||= shaped(style);
      if (a === root) Object.assign(between, { placed: false, shifted: false, backwards: false, shaped: false }); // where a slide is put is its deck's matter
    }
    found.push({ e: null, style: null, fixed, ...between });
    return found;
  }

  // Of one line of words: how far each edge goes into it.
  function over(line, edge) {
    return { left: edge.left - line.left, right: line.right - edge.right, top: edge.top - line.top, bottom: line.bottom - edge.bottom };
  }
  function state(line, size, out, side) { // `size` of the letters, with what is put between them
    const across = side === "left" || side === "right", whole = across ? line.right - line.left : line.bottom - line.top, gone = out[side];
    if (gone <= (across ? Math.max(4, 0.4 * size) : Math.max(3, LINE * whole))) return "";
    return whole - gone > (across ? Math.max(2, 0.2 * size) : SLIVER * whole) ? "through" : "gone";
  }

  function within(line, edge, across, along) {
    const left = across ? Math.max(line.left, edge.left) : line.left, right = across ? Math.min(line.right, edge.right) : line.right;
    const top = along ? Math.max(line.top, edge.top) : line.top, bottom = along ? Math.min(line.bottom, edge.bottom) : line.bottom;
    return { left, right, top, bottom, width: right - left, height: bottom - top };
  }
  function linesOf(node, e) {
    if (e instanceof SVGElement) return [e.getBoundingClientRect()];
    const range = document.createRange();
    range.selectNodeContents(node);
    return [...range.getClientRects()];
  }

  function meant(cutter, block, side, strict) {
    const { e, style } = cutter, across = side === "left" || side === "right", textual = styleOf(block);
    if (across && (textual.textOverflow !== "clip" || style?.textOverflow !== undefined && style.textOverflow !== "clip")) return true;
    if (!across && [textual, style].some(one => one && one.webkitLineClamp && one.webkitLineClamp !== "none")) return true;
    if (cutter.shaped || (e && (shaped(style) || (!(e instanceof SVGElement) && (e.clientWidth < 3 || e.clientHeight < 3))))) return true;
    if (e && folds(e, style)) return true;
    if (strict) return false;
    if (e && (fades(e, style) || e.scrollLeft || e.scrollTop || style.scrollSnapType !== "none")) return true;
    return cutter.shifted || cutter.backwards;
  }

  return (root, strict) => {
    const found = new Map();
    if (!document.body) return [];
    const walker = document.createTreeWalker(root || document.body, NodeFilter.SHOW_TEXT);
    for (let node, seen = 0; (node = walker.nextNode()) && seen < MOST;) {
      const e = node.parentElement;
      if (!/[\p{L}\p{N}]/u.test(node.data) || !e || e.closest(PASSED)) continue;
      seen++;
      if (!e.checkVisibility({ opacityProperty: true, visibilityProperty: true, contentVisibilityAuto: true }) || moving.some(one => one.contains(e))) continue;
      let block = e;
      while (block.parentElement && !(block instanceof SVGElement) && !isBlock(styleOf(block))) block = block.parentElement;
      const size = (parseFloat(styleOf(e).fontSize) || 16) + 2.5 * (parseFloat(styleOf(e).letterSpacing) || 0);
      let lines = linesOf(node, e).filter(line => line.width > 1 && line.height > 1 && line.width < 1e5);
      if (!lines.length || size < 1) continue;
      const shut = new Set();
      for (const cutter of cutters(e, strict ? root : null)) {
        const edge = cutter.e ? inside(cutter.e, cutter.style) : page(cutter.fixed);
        for (const side of ["left", "right", "top", "bottom"]) {
          const across = side === "left" || side === "right", how = cutter.e ? (across ? cutter.style.overflowX : cutter.style.overflowY) : "hidden";
          if (shut.has(across)) continue; // a box further in scrolls that way
          if (scrolls(how)) { shut.add(across); continue; }
          if (!hides(how)) continue;
          const states = lines.map(line => state(line, size, over(line, edge), side)), through = states.includes("through"), gone = states.includes("gone");
          if (!through && !gone) continue;
          if (meant(cutter, block, side, strict)) continue;
          const box = block.getBoundingClientRect(), fits = block === cutter.e || over(box, edge)[side] <= 1 || block instanceof SVGElement;
          // What is away as a whole is mostly put away: told only of lines whose neighbours are there, or in the flow of a page.
          const rest = states.includes("") || through, lost = strict ? !cutter.placed : !cutter.e && !cutter.placed && side !== "right" && side !== "bottom";
          if (!rest && !lost) continue;
          const clear = strict || (!cutter.placed && (!cutter.e ? true : through && (across ? fits : true)));
          const known = found.get(block) || {};
          if (known[side]) continue;
          const hidden = Math.max(...lines.map(line => Math.min(over(line, edge)[side], across ? line.width : line.height)));
          known[side] = { how: clear ? (cutter.e ? "box" : "page") : "moved", side, text: (block.innerText ?? block.textContent).trim().replace(/\s+/g, " ").slice(0, 80), html: named(block), by: cutter.e ? named(cutter.e) : "", hidden: Math.round(hidden) };
          found.set(block, known);
        }
        // What is left of the lines is what the next box out could cut.
        if (cutter.e) lines = lines.map(line => within(line, edge, hides(cutter.style.overflowX), hides(cutter.style.overflowY))).filter(line => line.width > 1 && line.height > 1);
      }
    }
    return [...found.values()].flatMap(one => Object.values(one));
  };
})()
