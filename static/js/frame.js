/* The sealed frame of a made page, and its bridge. Without this file a card shows only its words.

   Trust is decided here: the frame's messages are data from a stranger. One port a load; a second load means that
   the frame navigated, and it is built anew. Attributes are those of vibe/sealed.py, which a test compares. */

const SANDBOX = "allow-scripts allow-forms";
const KEY = 200, VALUE = 100_000, TOTAL = 1_000_000, RATE = 20, BURST = 200, REFUSALS = 200;
const ENDINGS = /\.(csv|tsv|txt|json|png|jpe?g|webp|gif|svg|pdf|zip|xlsx|docx|ics|md|html|wav|mp3)$/i;

function readStore(name) {
  try { return JSON.parse(localStorage.getItem("vibe:" + name)) || {}; } catch { return {}; }
}

function writeStore(name, values) {
  try { localStorage.setItem("vibe:" + name, JSON.stringify(values)); } catch { /* full: the page keeps its own copy */ }
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

function bar(host, words, label, act) {
  host.parentElement.querySelector(".frame-bar")?.remove();
  const line = Object.assign(document.createElement("div"), { className: "frame-bar", role: "status" });
  const button = Object.assign(document.createElement("button"), { type: "button", className: "btn", textContent: label });
  const close = Object.assign(document.createElement("button"), { type: "button", className: "btn quiet", textContent: "Leave it" });
  button.onclick = () => { act(); line.remove(); };
  close.onclick = () => line.remove();
  line.append(Object.assign(document.createElement("span"), { textContent: words }), button, close);
  host.after(line);
}

function offerFile(host, name, bytes) {
  name = name.replace(/[^\p{L}\p{N} ._()-]/gu, "_").slice(0, 80).trim() || "file.txt";
  if (!ENDINGS.test(name)) name += ".txt";
  const size = bytes.byteLength > 99_999 ? (bytes.byteLength / 1e6).toFixed(1) + " MB" : Math.ceil(bytes.byteLength / 1000) + " kB";
  bar(host, `This card offers a file: ${name}, ${size}`, "Save it", () => {
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
  if (there.protocol !== "https:") return;
  bar(host, `This card wants to open ${there.host}`, "Open it", () => window.open(there.href, "_blank", "noopener,noreferrer"));
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
    if (data.value === null) values.delete(data.key);
    else if (typeof data.value === "string" && data.value.length <= VALUE) values.set(data.key, data.value);
    else return false;
    let total = 0;
    for (const [key, value] of values) total += key.length + value.length;
    if (total > TOTAL) { values.delete(data.key); return false; }
    if (store) writeStore(store, Object.fromEntries(values));
    return true;
  }
  if (data.type === "clear") { values.clear(); if (store) writeStore(store, {}); return true; }
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
  const store = host.dataset.store || "", kept = store ? readStore(store) : host.vibeKept || {};
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
