/* Tabs by click, arrows and Alt+1..5; on a phone, which side of the workbench is seen; the size of the preview. */
export function openTab(name) {
  const tab = document.getElementById("tab-" + name);
  if (tab) show(tab);
}

function show(tab) {
  for (const other of tab.parentElement.querySelectorAll("[role=tab]")) {
    const on = other === tab;
    other.setAttribute("aria-selected", String(on));
    other.tabIndex = on ? 0 : -1;
    document.getElementById(other.getAttribute("aria-controls")).toggleAttribute("data-on", on);
  }
}

export function look(side) {
  const there = document.querySelector(".switch .news")?.textContent && side === "talk" ? waiting() : null;
  document.body.dataset.view = side;
  for (const button of document.querySelectorAll("[data-go]")) button.setAttribute("aria-pressed", String(button.dataset.go === side));
  if (there?.matches("[data-turn]")) there.focus(); /* and is seen */
  else there?.scrollIntoView({ block: "center" });
  if (there?.dataset.news) delete there.dataset.news; /* it is read once; a question stays one */
  news();
}

/* What is under Steps for the person. Looks to choose from stand on the other side. */
function waiting() {
  const at = words => document.querySelector(`.talk ${words}`);
  return !document.querySelector(".panel.looks") && at("[data-turn]") || at("[data-late-note]:not([hidden])") || at("#part-end [data-news]");
}

/* A phone shows one side: what came on the other is told on its button. */
export function news() {
  const mark = document.querySelector(".switch .news"), there = document.body.dataset.view === "look" ? waiting() : null;
  if (mark) mark.textContent = !there ? "" : there.matches("[data-turn]") ? "your turn" : there.dataset.news || "not sent";
}

addEventListener("click", event => {
  const tab = event.target.closest?.("[role=tab]"), go = event.target.closest?.("[data-go]"), link = event.target.closest?.("[data-tab]");
  if (tab) show(tab);
  if (go) look(go.dataset.go);
  if (link) { openTab(link.dataset.tab); look("look"); }
  const leads = event.target.closest?.("[data-focus]");
  if (leads) { look("talk"); document.getElementById(leads.dataset.focus)?.focus(); }
});
addEventListener("keydown", event => {
  const tabs = [...document.querySelectorAll("[role=tab]")];
  if (event.altKey && /^[1-5]$/.test(event.key) && tabs[event.key - 1]) { event.preventDefault(); show(tabs[event.key - 1]); return; }
  const at = tabs.indexOf(event.target), step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (at < 0 || !step) return;
  const next = tabs[(at + step + tabs.length) % tabs.length];
  show(next);
  next.focus();
});
