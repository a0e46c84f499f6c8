// What a page in an opaque origin lacks: localStorage, sessionStorage, alert, confirm, prompt, print, downloads, copying.
// And pointing at a part of it in the preview, which does nothing until the page around asks for it.
// It is the first script of every bundled page and is put on one line, so: a semicolon after every statement, no
// remark behind code. It holds no secret and decides nothing; all trust lies with the page that frames it.
(function () {
  "use strict";
  /* Opened on its own, outside the card, a page runs nothing: three locks, each of which holds alone where it works. */
  if (parent === window) {
    var rule = document.createElement("meta");
    rule.httpEquiv = "Content-Security-Policy";
    rule.content = "script-src 'none'";
    document.head.appendChild(rule);
    document.write("<plaintext hidden>");
    stop();
    var page = document.createElement("body"), way = document.createElement("a");
    way.href = "?card";
    way.textContent = "Open the card instead";
    page.append("This page is shown inside its card only. ", way);
    document.documentElement.replaceChildren(document.head, page);
    return;
  }
  var QUOTA = 240000, KEY = 200, port = null, waiting = [];
  function post(message) {
    if (port) { port.postMessage(message); }
    else if (waiting.length < 2000) { waiting.push(message); }
  }
  addEventListener("message", function (event) {
    if (port || event.source !== parent || !event.data || event.data.type !== "vibe:init" || !event.ports[0]) { return; }
    event.stopImmediatePropagation();
    port = event.ports[0];
    port.onmessage = function (message) { if (message.data && message.data.type === "point") { point(message.data.on === true); } };
    waiting.splice(0).forEach(function (message) { port.postMessage(message); });
  });
  var kept = {};
  try {
    var given = JSON.parse(window.name || "null");
    if (given && given.vibe === 1 && given.storage) { kept = given.storage; }
  } catch (problem) { kept = {}; }
  try { window.name = ""; } catch (problem) { kept = kept || {}; }
  function makeStorage(initial, tell) {
    var map = new Map(Object.keys(initial).map(function (key) { return [key, String(initial[key])]; }));
    /* Counted as it is kept: as JSON. The page around counts the same (static/js/frame.js). */
    function cost(key, value) { return JSON.stringify(key).length + JSON.stringify(value).length + 2; }
    var size = 0;
    map.forEach(function (value, key) { size += cost(key, value); });
    var methods = {
      getItem: function (key) { key = String(key); return map.has(key) ? map.get(key) : null; },
      setItem: function (key, value) {
        key = String(key); value = String(value);
        var more = cost(key, value) - (map.has(key) ? cost(key, map.get(key)) : 0);
        if (key.length > KEY || (more > 0 && size + more > QUOTA)) { tell({ type: "full" }); throw new DOMException("The quota has been exceeded.", "QuotaExceededError"); }
        size += more;
        map.set(key, value); tell({ type: "store", key: key, value: value });
      },
      removeItem: function (key) {
        key = String(key);
        if (!map.has(key)) { return; }
        size -= cost(key, map.get(key));
        map.delete(key); tell({ type: "store", key: key, value: null });
      },
      clear: function () { map.clear(); size = 0; tell({ type: "clear" }); },
      key: function (index) { return Array.from(map.keys())[index] === undefined ? null : Array.from(map.keys())[index]; }
    };
    return new Proxy(Object.create(typeof Storage === "function" ? Storage.prototype : {}), {
      get: function (target, name) {
        if (name === "length") { return map.size; }
        if (Object.prototype.hasOwnProperty.call(methods, name)) { return methods[name]; }
        if (typeof name === "string" && map.has(name)) { return map.get(name); }
        return typeof name === "symbol" ? Reflect.get(target, name) : undefined;
      },
      set: function (target, name, value) { methods.setItem(name, value); return true; },
      deleteProperty: function (target, name) { methods.removeItem(name); return true; },
      has: function (target, name) { return name === "length" || name in methods || map.has(String(name)); },
      ownKeys: function () { return Array.from(map.keys()); },
      getOwnPropertyDescriptor: function (target, name) {
        return map.has(String(name)) ? { value: map.get(String(name)), writable: true, enumerable: true, configurable: true } : undefined;
      }
    });
  }
  function supply(name, value) { Object.defineProperty(window, name, { value: value, configurable: true, enumerable: true, writable: true }); }
  /* A program may save sixty times a second, the page around listens to twenty: the last value of each key is told. */
  var changed = new Map(), quiet = 0, due = null;
  function settle() {
    clearTimeout(due); due = null;
    quiet = Date.now() + 100 * changed.size;
    changed.forEach(function (value, key) { post({ type: "store", key: key, value: value }); });
    changed.clear();
  }
  function soon(message) {
    if (message.type === "clear") { changed.clear(); }
    if (message.type !== "store") { post(message); return; }
    changed.set(message.key, message.value);
    if (due === null) {
      if (Date.now() >= quiet) { settle(); }
      else { due = setTimeout(settle, quiet - Date.now()); }
    }
  }
  addEventListener("pagehide", settle);
  supply("localStorage", makeStorage(kept, soon));
  supply("sessionStorage", makeStorage({}, function () {}));
  var shelf = null;
  function toast(text) {
    var root = document.body || document.documentElement;
    if (!shelf || !shelf.host.isConnected) {
      var host = document.createElement("vibe-toast");
      shelf = host.attachShadow({ mode: "closed" });
      host.style.cssText = "position:fixed;left:50%;bottom:16px;transform:translateX(-50%);z-index:2147483647;max-width:90vw;pointer-events:none";
      root.appendChild(host);
    }
    var line = document.createElement("div");
    line.setAttribute("role", "status");
    line.style.cssText = "margin-top:6px;padding:10px 16px;border-radius:8px;background:#1f2b28;color:#fff;font:15px/1.4 system-ui,sans-serif;box-shadow:0 4px 16px #0006;white-space:pre-wrap";
    line.textContent = String(text).slice(0, 600);
    shelf.appendChild(line);
    setTimeout(function () { line.remove(); }, Math.min(9000, 2500 + line.textContent.length * 50));
  }
  supply("alert", function (text) { toast(text === undefined ? "" : text); });
  /* A sealed frame cannot ask and wait. Yes is the answer that lets the button do what its label says. */
  supply("confirm", function (text) { toast(text === undefined ? "" : text); return true; });
  supply("prompt", function (text, standard) { toast(text === undefined ? "" : text); return standard === undefined ? "" : String(standard); });
  supply("print", function () { toast("To print this, save a copy and open it."); });
  supply("open", function (address) { post({ type: "link", url: String(address || "") }); return null; });
  try { Object.defineProperty(document, "cookie", { get: function () { return ""; }, set: function () {}, configurable: true }); } catch (problem) { port = port; }
  /* Copying works without leave from outside right after a click; otherwise the page around offers the text. */
  function copied(text) {
    var before = document.activeElement, field = document.createElement("textarea"), done = false;
    field.value = text;
    field.setAttribute("aria-hidden", "true");
    field.style.cssText = "all:initial;position:fixed;left:0;top:0;width:1px;height:1px;opacity:0;pointer-events:none";
    (document.body || document.documentElement).appendChild(field);
    function hide(event) { event.stopImmediatePropagation(); }
    addEventListener("copy", hide, true);
    try { field.focus({ preventScroll: true }); field.select(); done = document.execCommand("copy"); } catch (problem) { done = false; }
    removeEventListener("copy", hide, true);
    field.remove();
    if (before && before.focus) { before.focus({ preventScroll: true }); }
    return done;
  }
  var clipboard = {
    writeText: function (text) {
      text = String(text);
      if (copied(text)) { toast("Copied"); }
      else if (text.length > 100000) { toast("This text is too long to copy from here."); }
      else { post({ type: "copy", text: text }); }
      return Promise.resolve();
    },
    write: function (items) {
      var item = Array.from(items || []).find(function (one) { return one.types.indexOf("text/plain") >= 0; });
      if (!item) { toast("Only text can be copied from here."); return Promise.resolve(); }
      return item.getType("text/plain").then(function (blob) { return blob.text(); }).then(clipboard.writeText);
    },
    readText: function () { toast("What you copied elsewhere stays unread here: paste it instead."); return Promise.resolve(""); },
    read: function () { return clipboard.readText().then(function () { return []; }); },
    addEventListener: function () {}, removeEventListener: function () {}
  };
  Object.defineProperty(navigator, "clipboard", { value: clipboard, configurable: true });
  ["requestFullscreen", "webkitRequestFullscreen"].forEach(function (name) {
    Element.prototype[name] = function () { toast("A card stays in its place on the page."); return Promise.resolve(); };
  });
  function save(link) {
    fetch(link.href).then(function (reply) { return reply.arrayBuffer(); }).then(function (bytes) {
      if (bytes.byteLength > 20000000) { toast("This file is too large to save from here."); return; }
      post({ type: "download", name: link.download || "file", bytes: bytes });
    }).catch(function () { toast("This file could not be saved."); });
  }
  addEventListener("click", function (event) {
    var link = event.composedPath().find(function (node) { return node instanceof HTMLAnchorElement && node.href; });
    if (!link || event.defaultPrevented) { return; }
    if (link.hasAttribute("download") && /^(blob|data):/.test(link.href)) { event.preventDefault(); save(link); return; }
    if (/^https?:/.test(link.href) && link.origin !== location.origin) { event.preventDefault(); post({ type: "link", url: link.href }); return; }
    /* A link to the page itself ("/", "?") would load it anew, or lead nowhere: it goes to the top instead. */
    if (/^https?:/.test(link.href) && String(link.getAttribute("href") || "").trim()[0] !== "#") { event.preventDefault(); scrollTo(0, 0); }
  });
  /* Programs often make a link and click it without putting it into the page: no event reaches the window then. */
  var click = HTMLElement.prototype.click;
  HTMLElement.prototype.click = function () {
    if (this instanceof HTMLAnchorElement && this.hasAttribute("download") && /^(blob|data):/.test(this.href) && !this.isConnected) { save(this); return; }
    click.call(this);
  };
  /* Pointing. These listeners are the first of the window: while they are asked for, the program hears nothing. */
  var pointing = false, spot = null, box = null;
  function path(node) {
    var parts = [];
    for (var at = node; at && at !== document.documentElement && parts.length < 6; at = at.parentElement) {
      if (/^[\w-]{1,60}$/.test(at.id)) { parts.unshift(at.localName + "#" + at.id); break; }
      var place = 1, more = false;
      for (var one = at.previousElementSibling; one; one = one.previousElementSibling) { if (one.localName === at.localName) { place++; } }
      for (one = at.nextElementSibling; one; one = one.nextElementSibling) { if (one.localName === at.localName) { more = true; } }
      parts.unshift(at.localName + (place > 1 || more ? ":nth-of-type(" + place + ")" : ""));
    }
    return parts.join(" > ").slice(0, 200);
  }
  function called(node) {
    var said = node.getAttribute("aria-label") || (node.labels && node.labels[0] && node.labels[0].innerText) || node.innerText || node.getAttribute("alt") || node.getAttribute("placeholder") || (/^(button|submit|reset)$/.test(node.type) ? node.value : "");
    return String(said || "").replace(/\s+/g, " ").trim().slice(0, 80);
  }
  function tell(picked) {
    post({ type: "pointed", selector: path(spot), text: called(spot), label: (spot.localName + (spot.localName === "input" ? " " + spot.type : "")).slice(0, 40), picked: picked });
    if (picked) { point(false); }
  }
  function point(on) {
    pointing = on; spot = null;
    if (box) { box.remove(); box = null; }
  }
  function mark(node) {
    if (!box || !box.isConnected) {
      box = document.createElement("vibe-point");
      box.style.cssText = "all:initial;position:fixed;z-index:2147483647;pointer-events:none;box-sizing:border-box;border:2px solid #2a3fd0;border-radius:4px;background:#2a3fd026;box-shadow:0 0 0 2px #fff";
      box.appendChild(document.createElement("style")).textContent = "* { cursor: crosshair !important }";
      document.documentElement.appendChild(box);
    }
    spot = node;
    var edge = node.getBoundingClientRect();
    box.style.left = edge.left - 4 + "px"; box.style.top = edge.top - 4 + "px";
    box.style.width = edge.width + 8 + "px"; box.style.height = edge.height + 8 + "px";
  }
  function worth(node) {
    var edge = node.getBoundingClientRect();
    return edge.width > 1 && edge.height > 1 && !node.ownerSVGElement && (/^(a|button|input|select|textarea|img|svg|canvas|video)$/.test(node.localName) ||
      Array.from(node.childNodes).some(function (one) { return one.nodeType === 3 && one.data.trim(); }));
  }
  function key(event) {
    if (event.key === "Escape") { point(false); post({ type: "point-ended" }); }
    if (event.key === "Enter" && spot) { tell(true); }
    if (event.key !== "Tab" || !document.body) { return; }
    var all = Array.from(document.body.querySelectorAll("*")).filter(worth), at = all.indexOf(spot);
    if (!all.length) { return; }
    mark(all[event.shiftKey ? (at < 1 ? all.length : at) - 1 : (at + 1) % all.length]);
    spot.scrollIntoView({ block: "nearest" });
    mark(spot);
    tell(false);
  }
  function caught(event) {
    if (!pointing || !event.isTrusted) { return; }
    if (event.type !== "pointermove") { event.stopImmediatePropagation(); }
    if (event.cancelable && !/^(touch|pointermove)/.test(event.type)) { event.preventDefault(); }
    if (event.type === "keydown") { key(event); }
    if (/^key/.test(event.type)) { return; }
    var at = event.composedPath()[0];
    if (at instanceof Element && at !== document.documentElement) { mark(at.ownerSVGElement || at); }
    if (event.type === "click" && spot) { tell(true); }
  }
  ["pointermove", "pointerdown", "pointerup", "mousedown", "mouseup", "touchstart", "touchend", "click", "dblclick", "contextmenu", "keydown", "keypress", "keyup"].forEach(function (name) {
    addEventListener(name, caught, { capture: true, passive: /^(touch|pointermove)/.test(name) });
  });
})();
