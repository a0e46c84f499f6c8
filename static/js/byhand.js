/* Files edited by hand: leaving the page asks first while something typed is not kept. Without it nothing asks. */
let sent = false;

function typed() {
  const fields = document.querySelectorAll("[data-byhand] :is(textarea, input[name=path])");
  return [...fields].some(field => field.value !== field.defaultValue);
}

addEventListener("submit", event => { if (event.target.matches("[data-byhand]")) sent = true; });
addEventListener("pageshow", () => { sent = false; });
addEventListener("beforeunload", event => { if (!sent && typed()) event.preventDefault(); });
