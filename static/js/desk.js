/* The shape button says what was chosen. */
document.querySelector(".shapes")?.addEventListener("change", event => {
  const label = event.target.closest("label"), button = document.getElementById("shape-now");
  button.querySelector("[data-shape-label]").textContent = label.querySelector("b").textContent;
  button.querySelector("use").setAttribute("href", label.querySelector("use").getAttribute("href"));
  document.getElementById("shapes").hidePopover();
});
