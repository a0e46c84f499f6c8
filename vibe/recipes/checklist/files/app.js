const settings = JSON.parse(document.getElementById("settings").textContent);
const by = id => document.getElementById(id);
document.querySelector("h1").textContent = settings.title;

let list = settings.items.map(text => ({ text, done: false }));
try { list = JSON.parse(localStorage.getItem("list")) || list; } catch { /* begins anew */ }
const keep = () => { try { localStorage.setItem("list", JSON.stringify(list)); } catch { /* not kept, still works */ } };

function button(text, label, act, className = "plain") {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: text, className, ariaLabel: label });
  made.onclick = act;
  return made;
}

function count() {
  const done = list.filter(item => item.done).length;
  by("count").textContent = list.length ? `${done} of ${list.length} done` : "Nothing on the list";
  document.querySelector(".bar > i").style.width = list.length ? 100 * done / list.length + "%" : "0";
}

function draw() {
  by("list").replaceChildren(...list.map((item, at) => {
    const line = document.createElement("li"), label = document.createElement("label");
    const tick = Object.assign(document.createElement("input"), { type: "checkbox", checked: item.done });
    tick.onchange = () => { item.done = tick.checked; line.toggleAttribute("data-done", item.done); keep(); count(); };
    line.toggleAttribute("data-done", item.done);
    label.append(tick, Object.assign(document.createElement("span"), { textContent: item.text }));
    const tools = Object.assign(document.createElement("div"), { className: "tools" });
    if (at) tools.append(button("↑", `Move ${item.text} up`, () => { list.splice(at - 1, 0, list.splice(at, 1)[0]); keep(); draw(); }));
    tools.append(button("×", `Remove ${item.text}`, () => { list.splice(at, 1); keep(); draw(); }, "plain out"));
    line.append(label, tools);
    return line;
  }));
  count();
}

by("new").addEventListener("submit", event => {
  event.preventDefault();
  const text = by("add").value.trim();
  by("add").value = "";
  by("add").focus();
  if (!text) return;
  list.push({ text, done: false });
  keep();
  draw();
});
by("untick").onclick = () => { list.forEach(item => { item.done = false; }); keep(); draw(); };
draw();
