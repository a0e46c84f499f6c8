/* Dialogs open and close; a link is copied. */
addEventListener("click", async event => {
  const opener = event.target.closest?.("[data-opens]"), copy = event.target.closest?.("[data-copy]");
  if (opener) document.getElementById(opener.dataset.opens)?.showModal();
  if (event.target.closest?.("[data-closes]")) event.target.closest("dialog").close();
  if (event.target instanceof HTMLDialogElement) event.target.close();
  if (!copy) return;
  const field = document.getElementById(copy.dataset.copy);
  field.select();
  try { await navigator.clipboard.writeText(field.value); } catch { document.execCommand("copy"); }
  copy.textContent = "Copied";
});
