const settings = JSON.parse(document.getElementById("settings").textContent);
const by = id => document.getElementById(id);
let state = { title: settings.title, points: settings.points.join("\n") }, at = 0;
try { state = JSON.parse(localStorage.getItem("slides")) || state; } catch { /* begins anew */ }
const keep = () => { try { localStorage.setItem("slides", JSON.stringify(state)); } catch { /* not kept */ } };
const points = () => state.points.split("\n").map(line => line.trim()).filter(Boolean).slice(0, 60);
const upper = text => text.charAt(0).toUpperCase() + text.slice(1);
const make = (name, text) => Object.assign(document.createElement(name), { textContent: text });

function show() {
  const all = points(), slide = by("slide");
  at = Math.max(0, Math.min(at, all.length));
  if (at === 0) slide.replaceChildren(make("h1", state.title), make("i", ""));
  else {
    const line = all[at - 1], colon = line.indexOf(": ");
    slide.replaceChildren(make("h2", upper(colon > 0 ? line.slice(0, colon) : line)));
    if (colon > 0) slide.append(...line.slice(colon + 2).split(/\s*;\s*/).map(text => make("p", upper(text))));
  }
  fit(slide);
  by("count").textContent = `${at + 1} of ${all.length + 1}`;
  by("back").disabled = at === 0;
  by("next").disabled = at === all.length;
  document.title = state.title;
}

/* Much on one slide is set smaller, until nothing of it is cut off. */
function fit(slide) {
  let size = 1;
  do slide.style.setProperty("--fit", size); while (slide.scrollHeight > slide.clientHeight + 1 && (size -= 0.08) > 0.2);
}

const turn = step => { at += step; show(); };
by("next").onclick = () => turn(1);
by("back").onclick = () => turn(-1);
by("title").value = state.title;
by("points").value = state.points;
by("title").oninput = () => { state.title = by("title").value || "Untitled"; keep(); show(); };
by("points").oninput = () => { state.points = by("points").value; keep(); show(); };
addEventListener("keydown", event => {
  if (/^(INPUT|TEXTAREA)$/.test(event.target.tagName)) return;
  if (["ArrowRight", "PageDown"].includes(event.key)) turn(1);
  if (["ArrowLeft", "PageUp"].includes(event.key)) turn(-1);
  if (event.key === "Home") { at = 0; show(); }
  if (event.key === "End") { at = 999; show(); }
});
show();
