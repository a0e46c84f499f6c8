/* The lines of a plan: moved, removed, added. */
function number(list) {
  list.querySelectorAll("li").forEach((line, at) => {
    line.querySelector("textarea").setAttribute("aria-label", `Step ${at + 1}`);
    line.querySelector("[data-up]").setAttribute("aria-label", `Move step ${at + 1} up`);
    line.querySelector("[data-down]").setAttribute("aria-label", `Move step ${at + 1} down`);
    line.querySelector("[data-remove]").setAttribute("aria-label", `Remove step ${at + 1}`);
  });
}

addEventListener("click", event => {
  const button = event.target.closest?.("[data-plan] button[type=button]");
  if (!button) return;
  const list = button.closest("[data-plan]").querySelector(".plan"), line = button.closest("li");
  if ("up" in button.dataset) line.previousElementSibling?.before(line);
  if ("down" in button.dataset) line.nextElementSibling?.after(line);
  if ("remove" in button.dataset && list.children.length > 1) line.remove();
  if ("add" in button.dataset && list.lastElementChild) {
    const fresh = list.lastElementChild.cloneNode(true);
    fresh.querySelector("textarea").value = "";
    list.append(fresh);
    fresh.querySelector("textarea").focus();
  }
  number(list);
  if ("up" in button.dataset || "down" in button.dataset) button.focus();
});
