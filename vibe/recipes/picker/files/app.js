const settings = JSON.parse(document.getElementById("settings").textContent);
const by = id => document.getElementById(id);
document.querySelector("h1").textContent = settings.title;

let state = { names: settings.names, had: [] };
try { state = JSON.parse(localStorage.getItem("picker")) || state; } catch { /* begins anew */ }
const keep = () => { try { localStorage.setItem("picker", JSON.stringify(state)); } catch { /* not kept */ } };
let angle = 0, spinning = false;

/* A fair number from 0 to below: the crypto source, without the bias of a remainder. */
function below(count) {
  const most = Math.floor(2 ** 32 / count) * count, box = new Uint32Array(1);
  do { crypto.getRandomValues(box); } while (box[0] >= most);
  return box[0] % count;
}

function shuffled(items) {
  const copy = [...items];
  for (let at = copy.length - 1; at > 0; at--) { const other = below(at + 1); [copy[at], copy[other]] = [copy[other], copy[at]]; }
  return copy;
}

function waiting() {
  const left = state.names.filter(name => !state.had.includes(name));
  return left.length ? left : state.names;
}

const PAPERS = ["#2f57c9", "#b3541e", "#2b7a4b", "#8a3a8f", "#8a6d00", "#20707a", "#a0304a", "#55606b"];
const colour = at => PAPERS[at % PAPERS.length];

function draw() {
  const names = waiting(), pen = by("wheel").getContext("2d"), middle = 360, part = 2 * Math.PI / Math.max(names.length, 1);
  pen.clearRect(0, 0, 720, 720);
  names.forEach((name, at) => {
    const from = angle + at * part;
    pen.beginPath();
    pen.moveTo(middle, middle);
    pen.arc(middle, middle, 330, from, from + part);
    pen.fillStyle = colour(names.length % 8 === 1 && at === names.length - 1 ? at + 2 : at);
    pen.fill();
    pen.save();
    pen.translate(middle, middle);
    pen.rotate(from + part / 2);
    pen.fillStyle = "#fff";
    pen.font = `600 ${names.length > 12 ? 24 : 34}px system-ui`;
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    pen.fillText(name.length > 14 ? name.slice(0, 13) + "…" : name, 312, 0);
    pen.restore();
  });
  pen.beginPath();
  pen.moveTo(700, 340); pen.lineTo(700, 380); pen.lineTo(662, 360);
  pen.fillStyle = "#d6452f";
  pen.fill();
  by("left").textContent = `${state.names.length - state.had.length} of ${state.names.length} still to be picked`;
  by("spin").disabled = spinning || !names.length;
}

function spin() {
  const names = waiting();
  if (state.had.length >= state.names.length) state.had = [];
  const at = below(names.length), part = 2 * Math.PI / names.length;
  const end = 2 * Math.PI * 5 - (at + 0.2 + 0.6 * below(1000) / 1000) * part, begin = angle % (2 * Math.PI);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches, lasts = still ? 1 : 1600, began = performance.now();
  spinning = true;
  by("picked").textContent = "";
  const finish = () => {
    spinning = false;
    by("picked").textContent = names[at];
    state.had.push(names[at]);
    keep();
    draw();
  };
  const step = () => {
    const done = Math.min(1, (performance.now() - began) / lasts);
    angle = begin + (end - begin) * (1 - (1 - done) ** 3);
    draw();
    if (done < 1) setTimeout(step, 16); else finish();
  };
  step();
}

by("spin").onclick = spin;
by("again").onclick = () => { state.had = []; by("picked").textContent = ""; keep(); draw(); };
by("names").value = state.names.join("\n");
by("names").oninput = () => {
  state.names = [...new Set(by("names").value.split("\n").map(line => line.trim()).filter(Boolean))];
  state.had = state.had.filter(name => state.names.includes(name));
  keep();
  draw();
};
by("make").onclick = () => {
  const size = Math.max(2, Math.min(20, Math.round(Number(by("size").value)) || 2)), people = shuffled(state.names);
  const count = Math.max(1, Math.floor(people.length / size)), teams = Array.from({ length: count }, () => []);
  people.forEach((name, at) => teams[at % count].push(name));
  by("teams").replaceChildren(...teams.map((team, at) => {
    const box = document.createElement("div"), list = document.createElement("ul");
    box.append(Object.assign(document.createElement("h2"), { textContent: `Team ${at + 1}` }), list);
    list.append(...team.map(name => Object.assign(document.createElement("li"), { textContent: name })));
    return box;
  }));
};
draw();
