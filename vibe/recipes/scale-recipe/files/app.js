const settings = JSON.parse(document.getElementById("settings").textContent);
const by = id => document.getElementById(id);
document.querySelector("h1").textContent = settings.title.charAt(0).toUpperCase() + settings.title.slice(1);
const FRACTIONS = { "½": 0.5, "⅓": 1 / 3, "⅔": 2 / 3, "¼": 0.25, "¾": 0.75, "⅛": 0.125 };
const SPOONS = /^(tsp|tbsp|teaspoons?|tablespoons?|cups?|el|tl|pinch(es)?)\b/i;

let state = { from: String(settings.from), to: String(settings.to), ingredients: settings.ingredients.join("\n") };
try { state = JSON.parse(localStorage.getItem("recipe")) || state; } catch { /* begins anew */ }
const keep = () => { try { localStorage.setItem("recipe", JSON.stringify(state)); } catch { /* not kept */ } };

/* "1 1/2" → 1.5, "½" → 0.5, "2,5" → 2.5 */
function amount(text) {
  const parts = text.trim().split(/\s+/);
  return parts.reduce((sum, part) => {
    const slash = /^(\d+)\/(\d+)$/.exec(part), mixed = /^(\d*)([½⅓⅔¼¾⅛])$/.exec(part);
    if (slash) return sum + slash[1] / slash[2];
    if (mixed) return sum + Number(mixed[1] || 0) + FRACTIONS[mixed[2]];
    return sum + Number(part.replace(",", "."));
  }, 0);
}

/* What one can measure: spoons and pieces in quarters, grams and millilitres in whole numbers. */
function shown(number, rest) {
  if (SPOONS.test(rest) || number < 10 && !/^(g|ml|kg|l|cl|dl)\b/i.test(rest)) {
    const quarters = Math.round(number * 4) / 4, whole = Math.floor(quarters), part = { 0: "", 0.25: "¼", 0.5: "½", 0.75: "¾" }[quarters - whole];
    return quarters === 0 ? "a little" : `${whole || (part ? "" : "0")}${whole && part ? " " : ""}${part}`;
  }
  if (/^(kg|l)\b/i.test(rest) || number < 10) return String(Math.round(number * 100) / 100);
  return String(number > 100 ? Math.round(number / 5) * 5 : Math.round(number));
}

function scaled(line, factor) {
  const found = /^((?:\d+\s+)?\d+\/\d+|\d+[½⅓⅔¼¾⅛]|[½⅓⅔¼¾⅛]|\d+(?:[.,]\d+)?)(?:\s*[-–]\s*(\d+(?:[.,]\d+)?))?\s*(.*)$/.exec(line.trim());
  if (!found) return { number: "", rest: line.trim() };
  const [, first, second, rest] = found;
  const number = factor === 1 ? line.trim().slice(0, line.trim().length - rest.length).trim() : shown(amount(first) * factor, rest) + (second ? "–" + shown(amount(second) * factor, rest) : "");
  return { number, rest };
}

function draw() {
  const from = amount(state.from || "x"), to = amount(state.to || "x"), good = from > 0 && to > 0 && from <= 500 && to <= 500;
  by("note").textContent = good ? `Everything times ${Math.round(100 * to / from) / 100}.` : "Use numbers from 1 to 500.";
  by("note").className = good ? "quiet" : "wrong";
  if (!good) return;
  by("list").replaceChildren(...state.ingredients.split("\n").filter(line => line.trim()).map(line => {
    const { number, rest } = scaled(line, to / from), item = document.createElement("li"), label = document.createElement("label"), words = document.createElement("span");
    if (number) words.append(Object.assign(document.createElement("b"), { textContent: number }), " ");
    words.append(rest);
    label.append(Object.assign(document.createElement("input"), { type: "checkbox" }), words);
    item.append(label);
    return item;
  }));
}

for (const name of ["from", "to", "ingredients"]) {
  by(name).value = state[name];
  by(name).oninput = () => { state[name] = by(name).value; keep(); draw(); };
}
draw();
