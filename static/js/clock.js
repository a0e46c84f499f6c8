/* Time that passes while something is made, counted here: the server sends only when it began. */
setInterval(() => {
  for (const clock of document.querySelectorAll("[data-clock]")) {
    const passed = Math.max(0, Math.floor((Date.now() - Date.parse(clock.dataset.clock)) / 1000));
    clock.textContent = `${Math.floor(passed / 60)}:${String(passed % 60).padStart(2, "0")}`;
  }
}, 500);
