const settings = JSON.parse(document.getElementById("settings").textContent);
const by = id => document.getElementById(id);
const money = cents => `${settings.currency}${settings.currency.length > 1 ? " " : ""}${(cents / 100).toFixed(2)}`;
const fresh = () => ({ people: settings.people.map(name => ({ name, had: "", shares: true })), shared: settings.amount ? String(settings.amount) : "", tip: String(settings.tip) });

let bill = fresh();
try { bill = JSON.parse(localStorage.getItem("bill")) || bill; } catch { /* begins anew */ }
const keep = () => { try { localStorage.setItem("bill", JSON.stringify(bill)); } catch { /* not kept, still works */ } };

/* "12,50 + 4" → 1650. NaN when it is no sum of money. */
function cents(text) {
  const parts = String(text).replace(/[€$£]|CHF/g, "").split("+").map(part => part.trim().replace(",", "."));
  if (parts.every(part => part === "")) return 0;
  return parts.reduce((sum, part) => sum + (/^\d{1,6}(\.\d{1,2})?$/.test(part) ? Math.round(Number(part) * 100) : NaN), 0);
}

/* Whole cents that add up to `total`, in proportion to `weights`: the largest remainders get the last ones. */
function portion(total, weights) {
  const sum = weights.reduce((a, b) => a + b, 0);
  if (!sum) return weights.map(() => 0);
  const exact = weights.map(weight => total * weight / sum), given = exact.map(Math.floor);
  let left = total - given.reduce((a, b) => a + b, 0);
  exact.map((value, at) => [value - given[at], at]).sort((a, b) => b[0] - a[0] || a[1] - b[1]).forEach(([, at]) => { if (left-- > 0) given[at]++; });
  return given;
}

function reckon() {
  const had = bill.people.map(person => cents(person.had)), shared = cents(bill.shared), tip = Number(String(bill.tip).replace(",", ".") || 0);
  if (had.some(Number.isNaN) || Number.isNaN(shared)) return { wrong: "Use amounts like 12.50, or 12.50 + 4." };
  if (!(tip >= 0 && tip <= 100)) return { wrong: "Use a tip from 0 to 100." };
  const ticked = bill.people.map(person => person.shares ? 1 : 0);
  const nobody = shared > 0 && !ticked.some(Boolean);
  const parts = portion(nobody ? 0 : shared, ticked), before = had.map((sum, at) => sum + parts[at]);
  const bare = before.reduce((a, b) => a + b, 0), whole = Math.round(bare * (1 + tip / 100));
  return { owes: portion(whole, before), whole, bare, wrong: nobody ? "Nobody is ticked, so what is shared is not counted." : "" };
}

function draw() {
  by("people").replaceChildren(...bill.people.map((person, at) => {
    const row = document.createElement("div");
    row.className = "person";
    const name = Object.assign(document.createElement("input"), { className: "who", value: person.name, ariaLabel: `Name of person ${at + 1}` });
    const had = Object.assign(document.createElement("input"), { className: "had", value: person.had, inputMode: "decimal", placeholder: "0.00", ariaLabel: `What ${person.name} had` });
    const tick = document.createElement("label");
    tick.className = "tick";
    tick.append(Object.assign(document.createElement("input"), { type: "checkbox", checked: person.shares, ariaLabel: `${person.name} shares` }));
    const owes = Object.assign(document.createElement("span"), { className: "owes" });
    const out = Object.assign(document.createElement("button"), { type: "button", className: "plain", textContent: "×", ariaLabel: `Remove ${person.name}` });
    name.oninput = () => { person.name = name.value; keep(); reckonAndShow(); };
    had.oninput = () => { person.had = had.value; keep(); reckonAndShow(); };
    tick.firstChild.onchange = event => { person.shares = event.target.checked; keep(); reckonAndShow(); };
    out.onclick = () => { bill.people.splice(at, 1); keep(); draw(); };
    row.append(name, had, tick, owes, out);
    return row;
  }));
  by("shared").value = bill.shared;
  by("tip").value = bill.tip;
  reckonAndShow();
}

function reckonAndShow() {
  const result = reckon();
  by("note").textContent = result.wrong;
  document.querySelectorAll(".owes").forEach((cell, at) => { cell.textContent = result.owes ? money(result.owes[at]) : "–"; });
  by("total").textContent = result.owes ? money(result.whole) : "–";
  by("proof").textContent = result.owes ? `Shares together: ${money(result.owes.reduce((a, b) => a + b, 0))}. Before the tip: ${money(result.bare)}.` : "";
  paint(result.owes || []);
}

function paint(owes) {
  const canvas = by("chart"), pen = canvas.getContext("2d"), most = Math.max(...owes, 1), style = getComputedStyle(document.documentElement);
  const wide = Math.min(160, canvas.width / Math.max(owes.length, 1) - 24);
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.font = "26px system-ui";
  pen.textAlign = "center";
  owes.forEach((sum, at) => {
    const x = 20 + at * (wide + 24), tall = 200 * sum / most;
    pen.fillStyle = getComputedStyle(by("new").querySelector("button")).color;
    pen.fillText(bill.people[at].name.slice(0, 10), x + wide / 2, 276);
    pen.fillStyle = style.getPropertyValue("--bar") || "#4a6fdc";
    pen.fillRect(x, 244 - tall, wide, Math.max(tall, 3));
  });
}

by("new").addEventListener("submit", event => {
  event.preventDefault();
  const name = by("name").value.trim();
  if (!name) { by("name").focus(); return; }
  bill.people.push({ name, had: "", shares: true });
  by("name").value = "";
  keep();
  draw();
});
by("shared").oninput = () => { bill.shared = by("shared").value; keep(); reckonAndShow(); };
by("tip").oninput = () => { bill.tip = by("tip").value; keep(); reckonAndShow(); };
for (const [id, on] of [["all", true], ["none", false]]) by(id).onclick = () => { bill.people.forEach(person => { person.shares = on; }); keep(); draw(); };
by("clear").onclick = () => { bill = fresh(); keep(); draw(); };
draw();
