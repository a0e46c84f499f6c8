/* A form is sent once: a second press while the first travels does nothing. Ctrl+Enter sends; in a composer Enter does. */
addEventListener("submit", event => {
  const form = event.target;
  if (!form.matches("[data-once]") || event.defaultPrevented) return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "1";
  for (const button of form.querySelectorAll("button:not([type=button])")) button.setAttribute("aria-busy", "true");
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("[data-sent]")) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
  }
});
addEventListener("keydown", event => {
  if (event.key !== "Enter" || event.isComposing || !(event.target instanceof HTMLTextAreaElement)) return;
  const form = event.target.form;
  if (!form?.matches("[data-once]")) return;
  const sends = form.matches("[data-enter]") ? !event.shiftKey : event.ctrlKey || event.metaKey;
  if (!sends) return;
  event.preventDefault();
  if (event.target.value.trim()) form.requestSubmit();
});
