/* The socket of one Job: applies each frame of its log once and in order, and comes back by itself.
   A frame is a <template>: elements replace those of their id, <i data-append> adds text, <i data-say> is spoken.
   Several may come in one message. One with data-now has no number: it is how things are at this moment. */
import { dropped, heard, stands } from "./line.js";
import { hush } from "./once.js";
import { keep, stays, unsent } from "./plan.js";
import { paint, prepare } from "./preview.js";
import { look, news } from "./tabs.js";

const address = document.body.dataset.live, OVER = 4000, GONE = [4400, 4403, 4404], FULL = [4429, 4430], AGAIN_MS = 15_000;
let late = 0, seen = 0, unacked = 0, acked = 0, socket = null, tries = 0, timer = 0, ended = document.body.dataset.over === "1";

const UNSENT = "What you typed into the plan was not sent: it is kept under Steps.";
function say(words) {
  const voice = document.getElementById("live");
  if (voice && words) voice.textContent = Date.now() - late < 3000 ? `${words} ${UNSENT}` : words; /* the newest wins, but not over that */
}

function swap(fresh) {
  const old = document.getElementById(fresh.id);
  if (!old) return;
  if (fresh.dataset.key && fresh.dataset.key === old.dataset.key) return; /* a frame that shows the same is not built anew */
  const inside = old.contains(document.activeElement), open = old.querySelector("details")?.open;
  if (stays(old, fresh) || inside && old.querySelector("form[data-plan]") && fresh.querySelector("form[data-plan]")) return;
  const mine = unsent(old), focus = document.activeElement;
  old.replaceWith(fresh);
  if (keep(mine, fresh)) { late = Date.now(); say(" "); }
  if (mine.some(form => form.contains(focus))) focus.focus();
  if (open && fresh.querySelector("details")) fresh.querySelector("details").open = true;
  globalThis.htmx?.process(fresh);
}

function append(id, text) {
  const target = document.getElementById(id);
  if (!target) return;
  target.append(text);
  if (target.scrollHeight - target.scrollTop < target.clientHeight + 200) target.scrollTop = target.scrollHeight;
}

function take(html) {
  const shell = document.createElement("template");
  shell.innerHTML = html; /* the server's own rendering, where Django escapes every word (tests/live/test_hostile_words.py) */
  for (const frame of shell.content.children) apply(frame);
}

function apply(frame) {
  if (frame.dataset.ping !== undefined) return;
  if (frame.dataset.now !== undefined) { [...frame.content.children].forEach(swap); return; }
  const seq = Number(frame.dataset.seq);
  if (!(seq > seen)) return;
  seen = seq;
  const talk = document.querySelector(".talk"), atEnd = talk && talk.scrollHeight - talk.scrollTop - talk.clientHeight < 120;
  for (const node of [...frame.content.children]) {
    if (node.dataset.append !== undefined) { append(node.dataset.append, node.textContent); paint("text", node.dataset.append, node.textContent); }
    else if (node.dataset.say !== undefined) say(node.textContent);
    else if (node.dataset.opened !== undefined) paint("open", node.dataset.opened, "");
    else if (node.id) swap(node);
  }
  prepare();
  if (atEnd) {
    const end = talk.querySelector("#part-end > .sheet");
    talk.scrollTop = talk.scrollHeight;
    end?.scrollIntoView({ block: end.offsetHeight > Math.min(talk.clientHeight, innerHeight - 200) ? "start" : "nearest" }); /* the settings come after it */
  }
  const turn = document.querySelector("[data-turn]");
  if (turn && !turn.dataset.turned && [document.body, document.getElementById("say")].includes(document.activeElement) && !document.getElementById("say")?.value) {
    turn.dataset.turned = "1";
    turn.focus();
  }
  if (frame.dataset.type === "version-made" && !unsent(document).length) look("look"); /* nobody is taken away from their plan */
  news();
  /* The next request has begun: the page goes on with it, unless something is being typed or read in a dialog. */
  if (document.querySelector("[data-follow]") && !typed() && !document.querySelector("dialog[open]")) location.reload();
}

/* What is in the composer, or in a plan, and not sent. */
const typed = () => Boolean(unsent(document).length || document.getElementById("say")?.value || document.getElementById("say-files")?.files.length || document.getElementById("pointed")?.value);
let touched = false; /* a plan, a file or a setting was changed */
addEventListener("change", event => { touched ||= event.target.id !== "say"; });
/* No place for another socket: the page says so and is loaded anew now and then, unless something is typed or read. */
function crowded(code) {
  stands();
  const note = document.getElementById("crowded");
  if (note) { note.hidden = false; for (const words of note.querySelectorAll("[data-code]")) words.hidden = words.dataset.code !== String(code); }
  timer = setTimeout(() => {
    if (document.hidden || touched || typed() || document.querySelector("dialog[open]")) connect(); /* refused, it comes back here */
    else location.reload();
  }, AGAIN_MS * (0.75 + Math.random() / 2));
}

function connect() {
  clearTimeout(timer);
  if (ended || socket && socket.readyState < 2) return;
  const path = address.replace(/after=\d+/, "after=" + seen), mine = new WebSocket(location.origin.replace("http", "ws") + path);
  socket = mine;
  mine.onmessage = event => {
    if (socket !== mine) return; /* it was given up: what it still brings comes again on the next */
    heard.now();
    tries = 0;
    stands();
    const full = document.getElementById("crowded"); /* a page that woke tries again at once, and may find a place */
    if (full && !full.hidden) full.hidden = true;
    take(event.data);
    unacked += event.data.length;
    if (mine.readyState !== 1 || unacked < 32_768 && Date.now() - acked < 1000) return; /* each costs the server as much as a message */
    mine.send(JSON.stringify({ ack: seen }));
    unacked = 0;
    acked = Date.now();
  };
  mine.onclose = event => { if (socket === mine) lost(event.code); };
}

function lost(code) {
  if (code === OVER || GONE.includes(code)) { ended = true; stands(); hush(); return; }
  if (FULL.includes(code)) { crowded(code); return; }
  dropped();
  timer = setTimeout(connect, Math.min(5000, 250 * 2 ** tries++) * (0.5 + Math.random() / 2));
}

/* The line may be dead without a word: who waits for its last breath waits for a minute. It is left alone and another opened. */
function anew() {
  if (ended) return;
  const old = socket;
  socket = null;
  tries = 0;
  old?.close();
  connect();
}

/* Somebody looks at the page again, or the network is back. */
function hurry() { if (!socket || socket.readyState !== 1 || heard.ago() > 22_000) anew(); }

if (address) {
  seen = Number(/after=(\d+)/.exec(address)?.[1] || 0);
  if (!ended) connect();
  let looked = Date.now();
  setInterval(() => {
    const slept = Date.now() - looked > 15_000; /* a laptop that was shut while the page was open tells nobody */
    looked = Date.now();
    if (socket && socket.readyState < 2 && heard.ago() > 45_000) { dropped(); anew(); }
    else if (slept) hurry();
  }, 5000);
  addEventListener("online", anew);
  addEventListener("offline", () => dropped());
  addEventListener("pageshow", hurry);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) hurry(); });
  document.addEventListener("click", event => { if (event.target.closest?.("#dropped a")) { event.preventDefault(); anew(); } });
  /* A command that went through while the line is down: the page itself shows what came of it. */
  document.addEventListener("htmx:afterRequest", event => { if (event.detail.xhr.status > 0 && event.detail.xhr.status < 400 && event.detail.requestConfig.verb !== "get" && socket?.readyState !== 1 && !typed()) location.reload(); });
}
