const settings = JSON.parse(document.getElementById("settings").textContent);
const by = id => document.getElementById(id);
document.querySelector("h1").textContent = settings.title;

const cards = settings.pairs.map(line => {
  const parts = line.split(/\s*=\s*|\s+[–—-]\s+|\s*:\s+/);
  return { front: parts[0], back: parts.slice(1).join(" = ") || "?" };
});
const fresh = () => ({ line: cards.map((_, at) => at), known: [], swap: false });
let state = fresh();
try { state = JSON.parse(localStorage.getItem("cards")) || state; } catch { /* begins anew */ }
const keep = () => { try { localStorage.setItem("cards", JSON.stringify(state)); } catch { /* not kept */ } };

function show() {
  const done = !state.line.length, card = cards[state.line[0]];
  by("count").textContent = `${state.known.length} of ${cards.length} known`;
  document.querySelector(".bar > i").style.width = 100 * state.known.length / cards.length + "%";
  by("side").textContent = done ? "You know them all." : state.swap ? card.back : card.front;
  by("back").textContent = done ? "" : state.swap ? card.front : card.back;
  by("swap").checked = state.swap;
  turned(false);
  by("turn").hidden = done;
}

function turned(yes) {
  by("back").hidden = !yes;
  by("turn").hidden = yes;
  by("knew").hidden = by("not").hidden = !yes;
  if (yes) by("knew").focus();
}

/* A known card leaves the line; another one comes back a few cards later. */
function next(knew) {
  const at = state.line.shift();
  if (knew) state.known.push(at); else state.line.splice(Math.min(3, state.line.length), 0, at);
  keep();
  show();
  by("turn").focus();
}

by("turn").onclick = () => turned(true);
by("knew").onclick = () => next(true);
by("not").onclick = () => next(false);
by("restart").onclick = () => { state = { ...fresh(), swap: state.swap }; keep(); show(); };
by("swap").onchange = () => { state.swap = by("swap").checked; keep(); show(); };
addEventListener("keydown", event => {
  if (event.target.tagName === "BUTTON" || event.target.tagName === "INPUT" || !state.line.length) return;
  if (event.key === " ") { event.preventDefault(); turned(by("back").hidden); }
  if (event.key === "1" && !by("back").hidden) next(true);
  if (event.key === "2" && !by("back").hidden) next(false);
});
show();
