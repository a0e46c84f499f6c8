/* A form is sent once: a second press while the first travels does nothing. Ctrl+Enter sends; in a composer Enter does. */
addEventListener("submit", event => {
  const form = event.target;
  if (!form.matches("[data-once]") || event.defaultPrevented) return;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "1";
  for (const button of form.querySelectorAll("button:not([type=button])")) button.setAttribute("aria-busy", "true");
});
function ready(form) {
  delete form.dataset.sent;
  for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
}
addEventListener("pageshow", () => document.querySelectorAll("[data-sent]").forEach(ready));
document.addEventListener("htmx:afterRequest", event => {
  if (!event.target.matches("[data-sent]")) return;
  if (!event.detail.successful) ready(event.target);
});
document.addEventListener("htmx:sendError", event => {
  const place = document.querySelector(event.target.getAttribute("hx-target"));
  if (place) place.textContent = "The line dropped, so nothing was sent. What you typed is still here: try again.";
});
document.addEventListener("htmx:responseError", event => {
  const place = document.querySelector(event.target.getAttribute("hx-target"));
  if (place) place.textContent = event.detail.xhr.status === 413 ? "That is more than I can take at once. Add at most 300 files, 25 MB each and 100 MB in all." : "That did not go through. What you typed is still here: reload the page in another tab, then try again.";
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
