/* A form is sent once: a second press while the first travels does nothing. Ctrl+Enter sends; in a composer Enter does. */
addEventListener("submit", event => {
  const form = event.target;
  if (!form.matches("[data-once]")) return;
  if (form.dataset.sent) { event.preventDefault(); event.stopImmediatePropagation(); return; }
  form.dataset.sent = "1";
  for (const button of form.querySelectorAll("button:not([type=button])")) button.setAttribute("aria-busy", "true");
}, true); /* on the way down: htmx listens at the form itself and would send it a second time */

function ready(form) {
  delete form.dataset.sent;
  for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
}
addEventListener("pageshow", () => document.querySelectorAll("[data-sent]").forEach(ready));

/* The sentences under a form that htmx sends, when the server could not say them itself. */
const DROPPED = "The line dropped, so nothing was sent. What you typed is still here: try again.";
const TOO_MUCH = "That is more than I can take at once. Add at most 300 files, 25 MB each and 100 MB in all.";
const REFUSED = "That did not go through. What you typed is still here: copy it, reload the page and try again.";

function complain(form, words) {
  const place = form.matches("[data-once]") && document.querySelector(form.getAttribute("hx-target"));
  if (place) place.replaceChildren(Object.assign(document.createElement("p"), { className: "wrong well", textContent: words }));
}

document.addEventListener("htmx:afterRequest", event => {
  if (event.target.matches("[data-sent]") && !event.detail.xhr.getResponseHeader("HX-Redirect")) ready(event.target);
});
document.addEventListener("htmx:sendError", event => complain(event.target, DROPPED));
document.addEventListener("htmx:responseError", event => {
  const { status, responseText } = event.detail.xhr;
  if (![422, 429].includes(status)) complain(event.target, status === 413 ? TOO_MUCH : status === 503 ? responseText : REFUSED);
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
