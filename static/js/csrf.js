/* A form that came over the socket carries no CSRF field: it is filled in when it is sent. */
addEventListener("submit", event => {
  const form = event.target;
  if (form.method !== "post" || form.elements.csrfmiddlewaretoken) return;
  const field = Object.assign(document.createElement("input"), { type: "hidden", name: "csrfmiddlewaretoken", value: document.body.dataset.csrf });
  form.append(field);
}, true);
