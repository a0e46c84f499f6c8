/* The lines of a plan, steps and checks alike: moved, removed, added. A list keeps a hidden blank line to copy.
   What the person made of a plan and has not sent stays on the page, whatever the server says of the plan meanwhile. */
const moved = new WeakSet(), sending = new WeakMap(), sent = new WeakMap(); /* forms, and what they said when they were sent */
const said = form => new URLSearchParams(new FormData(form)).toString();
const waits = form => Boolean(form.querySelector("[name=yes]"));
const differs = field => field.type === "checkbox" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue;

/* The forms in `part` that say something of the person's that nobody heard yet. */
export function unsent(part) {
  return [...part.querySelectorAll("form[data-plan]")].filter(form => said(form) !== sent.get(form)
    && (moved.has(form) || [...form.querySelectorAll("textarea, input[type=checkbox]")].some(differs)));
}

/* Whether `old` may stay as it is: what the person made of it can be sent as before. */
export function stays(old, fresh) {
  const next = fresh.querySelector("form[data-plan]");
  return Boolean(next) && unsent(old).some(form => !("late" in form.dataset) && waits(form) === waits(next));
}

/* These came too late: they stand below the plan as it is now, to be read and copied. Whether one of them was not late before. */
export function keep(forms, part) {
  const fresh = forms.some(form => !("late" in form.dataset));
  for (const form of forms) {
    form.querySelector("[data-turn]")?.parentElement.remove();
    form.removeAttribute("aria-labelledby");
    form.dataset.late = "";
    form.querySelector("[data-late-note]").hidden = false;
    for (const button of form.querySelectorAll("button:not([type=button])")) button.hidden = true;
    part.append(form);
  }
  return fresh;
}

document.addEventListener("htmx:beforeRequest", ({ detail: { elt } }) => { if (elt.matches("[data-plan]")) sending.set(elt, said(elt)); });
document.addEventListener("htmx:afterRequest", ({ detail: { elt, successful } }) => {
  if (!successful || !elt.matches("[data-plan]")) return;
  sent.set(elt, sending.get(elt));
  if ("late" in elt.dataset && !unsent(elt.parentElement).includes(elt)) elt.remove();
});

function number(list) {
  [...list.children].filter(line => line.dataset.blank === undefined).forEach((line, at) => {
    const words = line.querySelector("textarea"), noun = words.name === "check" ? "check" : "step";
    words.setAttribute("aria-label", `${noun === "check" ? "Check" : "Step"} ${at + 1}`);
    line.querySelector("[data-up]")?.setAttribute("aria-label", `Move ${noun} ${at + 1} up`);
    line.querySelector("[data-down]")?.setAttribute("aria-label", `Move ${noun} ${at + 1} down`);
    line.querySelector("[data-remove]").setAttribute("aria-label", `Remove ${noun} ${at + 1}`);
  });
}

function add(list) {
  const blank = list.querySelector("[data-blank]"), fresh = (blank || list.lastElementChild).cloneNode(true);
  delete fresh.dataset.blank;
  fresh.hidden = false;
  fresh.querySelector("textarea").value = "";
  if (blank) blank.before(fresh); else list.append(fresh);
  fresh.querySelector("textarea").focus();
}

addEventListener("click", event => {
  const button = event.target.closest?.("[data-plan] button[type=button]");
  if (!button) return;
  if ("forget" in button.dataset) { button.closest("form").remove(); return; }
  moved.add(button.closest("form"));
  const list = button.closest("[data-lines]").querySelector(".plan"), line = button.closest("li");
  if ("up" in button.dataset) line.previousElementSibling?.before(line);
  if ("down" in button.dataset) line.nextElementSibling?.after(line);
  if ("remove" in button.dataset && (list.querySelector("[data-blank]") || list.children.length > 1)) line.remove();
  if ("add" in button.dataset) add(list);
  number(list);
  if ("up" in button.dataset || "down" in button.dataset) button.focus();
});
