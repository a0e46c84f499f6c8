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

/* The sentences under a form that htmx sends, when the server could not say them itself. A button without a place for
   them (Stop, an answer, a pin) says them above the composer, or at the foot of the window. */
const DROPPED = "The line dropped, so nothing was sent. What you typed is still here: try again.";
const UNHEARD = "The line dropped, so that did not reach me. Try again when it is back.";
const UNDONE = "That did not go through. Reload the page and try again.";
const TOO_MUCH = "That is more than I can take at once. Add at most 300 files, 25 MB each and 100 MB in all.";
const REFUSED = "That did not go through. What you typed is still here: copy it, reload the page and try again.";

let said = null; /* of a button */

function complain(form, words, short) {
  hush();
  const own = form.matches("[data-once]") && document.querySelector(form.getAttribute("hx-target"));
  const place = own || document.getElementById("say-wrong"), line = Object.assign(document.createElement("p"), { className: "wrong well", textContent: own ? words : short });
  if (!own) said = line;
  if (place) { place.replaceChildren(line); return; }
  line.classList.add("toast");
  line.setAttribute("role", "alert");
  document.body.append(line);
}

/* What was said of a button is over: something went through, or what was to be stopped has ended. */
export function hush() { said?.remove(); said = null; }

document.addEventListener("htmx:afterRequest", event => {
  if (event.target.matches("[data-sent]") && !event.detail.xhr.getResponseHeader("HX-Redirect")) ready(event.target);
});
document.addEventListener("htmx:afterRequest", event => { if (event.detail.successful) hush(); });
document.addEventListener("htmx:sendError", event => complain(event.target, DROPPED, UNHEARD));
document.addEventListener("htmx:responseError", event => {
  const { status, responseText } = event.detail.xhr;
  if (![422, 429].includes(status)) complain(event.target, status === 413 ? TOO_MUCH : status === 503 ? responseText : REFUSED, status === 503 ? responseText : UNDONE);
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
