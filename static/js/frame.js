/* The sealed frame of a made page, and its bridge. Without this file a card shows only its words.

   Trust is decided here: the frame's messages are data from a stranger. One port a load; a second load means that
   the frame navigated, and it is built anew. Attributes are those of vibe/sealed.py, which a test compares. */

const SANDBOX = "allow-scripts allow-forms";
const KEY = 200, TOTAL = 240_000, TEXT = 100_000, RATE = 20, BURST = 200, REFUSALS = 200, CALM = 800;
const ENDINGS = /\.(csv|tsv|txt|json|png|jpe?g|webp|gif|svg|pdf|zip|xlsx|docx|ics|md|html|wav|mp3)$/i;

/* What cards keep. All of them share the browser's five million characters, so each has TOTAL: twenty always fit. */
const OPENED = "vibe-opened";

function read(key) {
  try { return JSON.parse(localStorage.getItem(key)) || {}; } catch { return {}; }
}

function write(key, values) {
  try { localStorage.setItem(key, JSON.stringify(values)); return true; } catch { return false; }
}

const cost = (key, value) => JSON.stringify(key).length + JSON.stringify(value).length + 2;

/* Forgets what the card that was opened longest ago has kept. False when there is no other card. */
function forgetOldest(store) {
  const opened = read(OPENED), others = Object.keys(localStorage).filter(key => key.startsWith("vibe:") && key !== "vibe:" + store);
  others.sort((one, two) => (opened[one.slice(5)] || 0) - (opened[two.slice(5)] || 0));
  if (!others.length) return false;
  localStorage.removeItem(others[0]);
  delete opened[others[0].slice(5)];
  write(OPENED, opened);
  return true;
}

function keep(host, store, values) {
  if (!store || write("vibe:" + store, Object.fromEntries(values))) return;
  tellFull(host, "This browser has no room left: what you enter here now is not kept.", "Forget the card I opened longest ago", () => {
    if (forgetOldest(store)) { host.vibeFull = false; keep(host, store, values); }
  });
}

/* Once a load: a page that is full says so with every letter that is typed. */
function tellFull(host, words, label, act) {
  if (host.vibeFull) return;
  host.vibeFull = true;
  bar(host, [words], label, act);
}

function bucket() {
  let left = BURST, then = performance.now();
  return () => {
    const now = performance.now();
    left = Math.min(BURST, left + (now - then) * RATE / 1000);
    then = now;
    return left >= 1 ? (left -= 1, true) : false;
  };
}

/* One bar at a time, beside the frame and never over it. Its buttons wait: a click that was meant for the page, where the
   bar now stands, must not say yes. */
function bar(host, words, label, act) {
  host.parentElement.querySelector(":scope > .frame-bar")?.remove();
  const line = Object.assign(document.createElement("div"), { className: "frame-bar", role: "status" });
  const said = document.createElement("span"), buttons = [];
  said.append(...words);
  const add = (className, textContent, onclick) => {
    buttons.push(Object.assign(document.createElement("button"), { type: "button", disabled: true, className, textContent, onclick }));
  };
  if (label) add("btn", label, () => { line.remove(); act(); });
  add("btn quiet", label ? "Leave it" : "All right", () => line.remove());
  line.append(said, ...buttons);
  host.after(line);
  setTimeout(() => { for (const button of buttons) button.disabled = false; }, CALM);
}

const bold = textContent => Object.assign(document.createElement("b"), { textContent });
const middle = (text, most) => text.length <= most ? text : text.slice(0, most - 20) + " … " + text.slice(-17);

function offerFile(host, name, bytes) {
  name = name.replace(/[^\p{L}\p{N} ._()-]/gu, "_").slice(0, 80).trim() || "file.txt";
  if (!ENDINGS.test(name)) name += ".txt";
  const size = bytes.byteLength > 99_999 ? (bytes.byteLength / 1e6).toFixed(1) + " MB" : Math.ceil(bytes.byteLength / 1000) + " kB";
  bar(host, [`This card offers a file: ${name}, ${size}`], "Save it", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  });
}

function offerLink(host, url) {
  let there;
  try { there = new URL(url); } catch { return; }
  if (there.protocol !== "https:" || there.username || there.password) return;
  const rest = middle(there.pathname + there.search + there.hash, 90);
  bar(host, ["This card wants to open https://", bold(there.host), rest], "Open it", () => window.open(there.href, "_blank", "noopener,noreferrer"));
}

function offerText(host, text) {
  bar(host, ["This card wants to copy a text for you: ", bold(middle(text.replace(/\s+/g, " ").trim(), 120))], "Copy it", async () => {
    try { await navigator.clipboard.writeText(text); } catch { copyByHand(text); }
  });
}

/* Where the page came by plain http there is no clipboard to ask. */
function copyByHand(text) {
  const field = Object.assign(document.createElement("textarea"), { className: "sr", value: text });
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

/* What was pointed at, in the preview alone and only while the person points (data-point="on", see point.js). */
function pointed(host, { type, selector = "", text = "", label = "", picked }) {
  if (![[selector, 200], [text, 80], [label, 40]].every(([value, most]) => typeof value === "string" && value.length <= most)) return false;
  const detail = { ended: type === "point-ended", picked: picked === true, selector, text, label };
  host.dispatchEvent(new CustomEvent("vibe:pointed", { bubbles: true, detail }));
  return true;
}

/* One message of the frame. False when it is refused. */
function obey(host, store, values, data) {
  if (!data || typeof data !== "object") return false;
  if (data.type === "store" && typeof data.key === "string" && data.key.length <= KEY) {
    const old = values.get(data.key);
    if (data.value === null) values.delete(data.key);
    else if (typeof data.value === "string" && data.value.length <= TOTAL) values.set(data.key, data.value);
    else return false;
    let total = 0;
    for (const [key, value] of values) total += cost(key, value);
    if (total > TOTAL && data.value !== null && (old === undefined || cost(data.key, data.value) > cost(data.key, old))) {
      if (old === undefined) values.delete(data.key);
      else values.set(data.key, old);
      return false;
    }
    keep(host, store, values);
    return true;
  }
  if (data.type === "clear") { values.clear(); keep(host, store, values); return true; }
  if (data.type === "full") {
    tellFull(host, "This card has used up its room in this browser: what you add now is not kept. Remove something in it first.");
    return true;
  }
  if (data.type === "copy" && typeof data.text === "string" && data.text.length <= TEXT) { offerText(host, data.text); return true; }
  if (data.type === "download" && typeof data.name === "string" && data.bytes instanceof ArrayBuffer && data.bytes.byteLength <= 20_000_000) {
    offerFile(host, data.name, data.bytes);
    return true;
  }
  if (host.dataset.point === "on" && (data.type === "pointed" || data.type === "point-ended")) return pointed(host, data);
  if (data.type === "link" && typeof data.url === "string" && data.url.length < 2000) { offerLink(host, data.url); return true; }
  return false;
}

function bridge(host, frame, store, values) {
  const channel = new MessageChannel(), allowed = bucket();
  let refused = 0;
  channel.port1.onmessage = event => {
    if (allowed() && obey(host, store, values, event.data)) return;
    if (++refused >= REFUSALS) channel.port1.close();
  };
  host.vibePoint = on => channel.port1.postMessage({ type: "point", on });
  frame.contentWindow.postMessage({ type: "vibe:init", v: 1 }, "*", [channel.port2]); /* an opaque origin has no name */
}

export function sealed(src, title, name) {
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", SANDBOX);
  frame.setAttribute("allow", document.documentElement.dataset.frameAllow || "");
  frame.setAttribute("referrerpolicy", "no-referrer");
  frame.setAttribute("credentialless", "");
  frame.title = title;
  if (name) frame.name = name;
  frame.src = src;
  return frame;
}

function build(host) {
  const store = host.dataset.store || "", kept = store ? read("vibe:" + store) : host.vibeKept || {};
  if (store) write(OPENED, { ...read(OPENED), [store]: Date.now() });
  host.vibeFull = false;
  const values = new Map(Object.entries(kept));
  host.vibeKept = kept;
  const frame = sealed(host.dataset.src, host.dataset.title || "A made page", JSON.stringify({ vibe: 1, storage: kept }));
  let loads = 0;
  frame.addEventListener("load", () => {
    if (++loads === 1) bridge(host, frame, store, values);
    else { host.vibeKept = Object.fromEntries(values); build(host); }
  });
  host.replaceChildren(frame);
}

export function attach(root = document) {
  for (const host of root.querySelectorAll("[data-frame]")) {
    if (host.vibeSrc === host.dataset.src) continue;
    host.vibeSrc = host.dataset.src;
    build(host);
  }
}

/* A frame that is painted while its page is written: text goes over a port, at most once a frame. */
export function draft(host, src, title) {
  const frame = sealed(src, title);
  let port = null, queue = "", reset = false, due = false;
  const flush = () => {
    due = false;
    if (!port || !(queue || reset)) return;
    port.postMessage({ text: queue, reset, follow: true });
    queue = ""; reset = false;
  };
  const soon = () => { if (!due) { due = true; requestAnimationFrame(flush); } };
  frame.addEventListener("load", () => {
    if (port) return;
    const channel = new MessageChannel();
    channel.port1.onmessage = () => { port = channel.port1; soon(); };
    frame.contentWindow.postMessage({ type: "vibe:draft" }, "*", [channel.port2]);
  });
  host.replaceChildren(frame);
  return { write(text) { queue += text; soon(); }, reset() { queue = ""; reset = true; soon(); } };
}

attach();
