/* The socket of one Job: applies each frame of its log once and in order, and comes back by itself.
   A frame is a <template>: elements replace those of their id, <i data-append> adds text, <i data-say> is spoken. */
import { paint, prepare } from "./preview.js";
import { look } from "./tabs.js";

const address = document.body.dataset.live, OVER = 4000, GONE = [4400, 4403, 4404], FULL = [4429, 4430], AGAIN_MS = 15_000;
let seen = 0, socket = null, tries = 0, heard = 0, timer = 0, droppedAt = 0, ended = document.body.dataset.over === "1";

function say(words) {
  const voice = document.getElementById("live");
  if (voice && words) voice.textContent = words;
}

function swap(fresh) {
  const old = document.getElementById(fresh.id);
  if (!old) return;
  if (fresh.dataset.key && fresh.dataset.key === old.dataset.key) return; /* a frame that shows the same is not built anew */
  const inside = old.contains(document.activeElement), open = old.querySelector("details")?.open;
  if (inside && old.querySelector("form[data-plan]") && fresh.querySelector("form[data-plan]")) return;
  old.replaceWith(fresh);
  if (open && fresh.querySelector("details")) fresh.querySelector("details").open = true;
  globalThis.htmx?.process(fresh);
}

function append(id, text) {
  const target = document.getElementById(id);
  if (!target) return;
  target.append(text);
  if (target.scrollHeight - target.scrollTop < target.clientHeight + 200) target.scrollTop = target.scrollHeight;
}

function apply(html) {
  const shell = document.createElement("template");
  shell.innerHTML = html; /* the server's own rendering, where Django escapes every word (tests/live/test_hostile_words.py) */
  const frame = shell.content.firstElementChild;
  if (!frame || frame.dataset.ping !== undefined) return;
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
    talk.scrollTop = talk.scrollHeight;
    talk.querySelector("#part-end > .sheet")?.scrollIntoView({ block: "nearest" }); /* the settings come after it */
  }
  const turn = document.querySelector("[data-turn]");
  if (turn && !turn.dataset.turned && [document.body, document.getElementById("say")].includes(document.activeElement) && !document.getElementById("say")?.value) {
    turn.dataset.turned = "1";
    turn.focus();
  }
  if (frame.dataset.type === "version-made") look("look");
  /* The next request has begun: the page goes on with it, unless something is being typed or read in a dialog. */
  if (document.querySelector("[data-follow]") && !document.getElementById("say")?.value && !document.querySelector("dialog[open]")) location.reload();
}

function dropped(yes) {
  const note = document.getElementById("dropped");
  if (!yes) { droppedAt = 0; if (note) note.hidden = true; return; }
  droppedAt ||= Date.now();
  setTimeout(() => { if (droppedAt && note && !ended) note.hidden = false; }, 2000);
}

/* No place for another socket: the page says so and is loaded anew now and then, unless something is typed or read. */
let touched = false; /* a plan, a file or a setting was changed */
addEventListener("change", event => { touched ||= event.target.id !== "say"; });
function crowded(code) {
  dropped(false);
  const note = document.getElementById("crowded");
  if (note) { note.hidden = false; for (const words of note.querySelectorAll("[data-code]")) words.hidden = words.dataset.code !== String(code); }
  timer = setTimeout(() => {
    if (document.hidden || touched || document.getElementById("say")?.value || document.querySelector("dialog[open]")) crowded(code);
    else location.reload();
  }, AGAIN_MS * (0.75 + Math.random() / 2));
}

function connect() {
  clearTimeout(timer);
  if (ended || socket && socket.readyState < 2) return;
  const path = address.replace(/after=\d+/, "after=" + seen);
  socket = new WebSocket(location.origin.replace("http", "ws") + path);
  socket.onopen = () => { heard = Date.now(); };
  socket.onmessage = event => {
    heard = Date.now();
    tries = 0;
    dropped(false);
    apply(event.data);
    if (socket.readyState === 1) socket.send(JSON.stringify({ ack: seen }));
  };
  socket.onclose = event => {
    if (event.code === OVER || GONE.includes(event.code)) { ended = true; dropped(false); return; }
    if (FULL.includes(event.code)) { crowded(event.code); return; }
    dropped(true);
    timer = setTimeout(connect, Math.min(5000, 250 * 2 ** tries++) * (0.5 + Math.random() / 2));
  };
}

function hurry() {
  if (ended || !address) return;
  if (!socket || socket.readyState > 1) { tries = 0; connect(); }
}

if (address) {
  seen = Number(/after=(\d+)/.exec(address)?.[1] || 0);
  if (!ended) connect();
  setInterval(() => { if (socket?.readyState === 1 && Date.now() - heard > 45_000) socket.close(); }, 5000);
  addEventListener("online", hurry);
  addEventListener("pageshow", hurry);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) hurry(); });
  /* A command that went through while the line is down: the page itself shows what came of it. */
  document.addEventListener("htmx:afterRequest", event => { if (event.detail.xhr.status < 400 && event.detail.requestConfig.verb !== "get" && socket?.readyState !== 1) location.reload(); });
}
