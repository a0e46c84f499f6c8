/* The lines of a plan, steps and checks alike: moved, removed, added. A list keeps a hidden blank line to copy. */
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
  const list = button.closest("[data-lines]").querySelector(".plan"), line = button.closest("li");
  if ("up" in button.dataset) line.previousElementSibling?.before(line);
  if ("down" in button.dataset) line.nextElementSibling?.after(line);
  if ("remove" in button.dataset && (list.querySelector("[data-blank]") || list.children.length > 1)) line.remove();
  if ("add" in button.dataset) add(list);
  number(list);
  if ("up" in button.dataset || "down" in button.dataset) button.focus();
});
