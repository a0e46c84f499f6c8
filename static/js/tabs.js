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
  document.body.dataset.view = side;
  for (const button of document.querySelectorAll("[data-go]")) button.setAttribute("aria-pressed", String(button.dataset.go === side));
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
