const settings = JSON.parse(document.getElementById("settings").textContent);
const by = id => document.getElementById(id);
const NS = "http://www.w3.org/2000/svg";
document.querySelector("h1").textContent = settings.title;

let state = { kind: settings.kind, text: settings.pairs.map(([label, number]) => `${label}: ${number}`).join("\n") };
try { state = JSON.parse(localStorage.getItem("chart")) || state; } catch { /* begins anew */ }
const keep = () => { try { localStorage.setItem("chart", JSON.stringify(state)); } catch { /* not kept */ } };

function read() {
  const good = [], bad = [];
  for (const line of state.text.split("\n").map(l => l.trim()).filter(Boolean)) {
    const found = /^(.*?)\s*(?:[:=]\s*|\s)([-+]?\d[\d.,]*)\s*\D{0,8}$/.exec(line);
    const number = found ? Number(found[2].replace(/,(?=\d{3}\b)/g, "").replace(",", ".")) : NaN;
    if (Number.isFinite(number) && good.length < 60) good.push([found[1] || "?", number]); else bad.push(line);
  }
  return { good, bad };
}

function add(parent, name, attributes, text) {
  const node = document.createElementNS(NS, name);
  for (const key in attributes) node.setAttribute(key, attributes[key]);
  if (text !== undefined) node.textContent = text;
  parent.append(node);
  return node;
}

const short = text => text.length > 12 ? text.slice(0, 11) + "…" : text;
const plain = number => number.toLocaleString(undefined, { maximumFractionDigits: 2 });

/* A round step so that the axis has four or five lines. */
function ticks(low, high) {
  const rough = (high - low) / 4 || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map(n => n * power).find(n => n >= rough);
  const list = [];
  for (let at = Math.floor(low / step) * step; at <= high + step * 0.999; at += step) list.push(Math.round(at / step) * step);
  return list;
}

function axes(svg, pairs) {
  const values = pairs.map(p => p[1]), lines = ticks(Math.min(0, ...values), Math.max(0, ...values));
  const low = lines[0], high = lines.at(-1), y = value => 300 - 270 * (value - low) / (high - low);
  for (const line of lines) {
    add(svg, "line", { x1: 64, x2: 708, y1: y(line), y2: y(line), class: "axis", "stroke-width": line === 0 ? 2 : 1 });
    add(svg, "text", { x: 56, y: y(line) + 4, "text-anchor": "end", class: "quiet" }, plain(line));
  }
  const wide = 640 / pairs.length;
  pairs.forEach(([label], at) => {
    if (pairs.length <= 16 || at % Math.ceil(pairs.length / 16) === 0) add(svg, "text", { x: 66 + wide * (at + 0.5), y: 324, "text-anchor": "middle", class: "label" }, pairs.length > 7 ? short(label).slice(0, 7) : short(label));
  });
  return { y, wide };
}

function bars(svg, pairs) {
  const { y, wide } = axes(svg, pairs);
  pairs.forEach(([label, value], at) => {
    const top = Math.min(y(value), y(0)), tall = Math.max(1, Math.abs(y(value) - y(0)));
    const bar = add(svg, "rect", { x: 66 + wide * at + wide * 0.14, y: top, width: wide * 0.72, height: tall, rx: 3, fill: "var(--c1)", "data-value": value });
    add(bar, "title", {}, `${label}: ${plain(value)}`);
    if (pairs.length <= 16) add(svg, "text", { x: 66 + wide * (at + 0.5), y: value < 0 ? top + tall + 16 : top - 6, "text-anchor": "middle" }, plain(value));
  });
}

function curve(svg, pairs) {
  const { y, wide } = axes(svg, pairs), place = at => 66 + wide * (at + 0.5);
  add(svg, "polyline", { points: pairs.map(([, value], at) => `${place(at)},${y(value)}`).join(" "), fill: "none", stroke: "var(--c1)", "stroke-width": 3, "stroke-linejoin": "round" });
  pairs.forEach(([label, value], at) => {
    const dot = add(svg, "circle", { cx: place(at), cy: y(value), r: 6, fill: "var(--c1)", "data-value": value });
    add(dot, "title", {}, `${label}: ${plain(value)}`);
    if (pairs.length <= 16) add(svg, "text", { x: place(at), y: y(value) - 12, "text-anchor": "middle" }, plain(value));
  });
}

function pie(svg, pairs) {
  const sum = pairs.reduce((total, p) => total + Math.max(0, p[1]), 0) || 1;
  let from = -Math.PI / 2;
  pairs.forEach(([label, value], at) => {
    const part = 2 * Math.PI * Math.max(0, value) / sum, to = from + Math.min(part, 2 * Math.PI - 0.0001), paint = `var(--c${at % 8 + 1})`;
    const place = angle => `${200 + 150 * Math.cos(angle)} ${172 + 150 * Math.sin(angle)}`;
    const slice = add(svg, "path", { d: `M200 172L${place(from)}A150 150 0 ${part > Math.PI ? 1 : 0} 1 ${place(to)}Z`, fill: paint, stroke: "var(--paper)", "stroke-width": 2, "data-value": value });
    add(slice, "title", {}, `${label}: ${plain(value)}`);
    if (at < 11) {
      add(svg, "rect", { x: 410, y: 30 + at * 28, width: 16, height: 16, rx: 3, fill: paint });
      add(svg, "text", { x: 434, y: 43 + at * 28 }, `${short(label)}: ${plain(value)} (${Math.round(100 * Math.max(0, value) / sum)} %)`);
    }
    from += part;
  });
}

function draw() {
  const { good, bad } = read(), svg = document.createElementNS(NS, "svg");
  svg.setAttribute("viewBox", "0 0 720 344");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${settings.title}: ${good.map(p => p.join(" ")).join(", ")}`);
  if (good.length) ({ bar: bars, line: curve, pie })[state.kind](svg, good);
  by("chart").replaceChildren(svg);
  by("note").textContent = bad.length ? `I could not read “${bad[0].slice(0, 30)}”. Write a label, then a number.` : "One a line: a label, then a number.";
  by("note").classList.toggle("wrong", bad.length > 0);
  by("table").replaceChildren(...good.slice(0, 8).map(([label, value]) => {
    const row = document.createElement("tr");
    row.append(Object.assign(document.createElement("td"), { textContent: label }), Object.assign(document.createElement("td"), { textContent: plain(value), className: "n" }));
    return row;
  }));
}

/* The picture carries its colours with it: elsewhere there is no style sheet. */
function saved() {
  const copy = by("chart").firstChild.cloneNode(true), style = getComputedStyle(document.documentElement);
  copy.setAttribute("xmlns", NS);
  copy.setAttribute("width", 1440);
  const probe = document.body.appendChild(document.createElement("i"));
  const resolved = name => { probe.style.color = `var(${name})`; return getComputedStyle(probe).color; };
  let text = new XMLSerializer().serializeToString(copy).replace(/var\((--[\w]+)\)/g, (_, name) => resolved(name));
  const css = `text{fill:${resolved("--ink")};font:15px ${style.fontFamily.replace(/"/g, "'")}}.quiet{fill:${resolved("--quiet")};font-size:13px}.axis{stroke:${resolved("--rule")}}`;
  text = text.replace(">", `><style>${css}</style><rect width="720" height="344" fill="${resolved("--paper")}"/>`);
  probe.remove();
  return text;
}

by("save").onclick = () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([saved()], { type: "image/svg+xml" }));
  link.download = "chart.svg";
  link.click();
};
by("numbers").value = state.text;
by("kind").value = state.kind;
by("numbers").oninput = () => { state.text = by("numbers").value; keep(); draw(); };
by("kind").onchange = () => { state.kind = by("kind").value; keep(); draw(); };
draw();
