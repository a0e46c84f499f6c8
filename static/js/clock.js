/* Time that passes while something is made, counted here: the server sends only when it began. And moments, which the
   server knows in UTC alone. */
function here(at) {
  const hour = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  const today = at.toDateString() === new Date().toDateString();
  return at.toLocaleString("en-GB", today ? hour : { day: "numeric", month: "short", ...hour });
}

function tick() {
  for (const clock of document.querySelectorAll("[data-clock]")) {
    const passed = Math.max(0, Math.floor((Date.now() - Date.parse(clock.dataset.clock)) / 1000));
    clock.textContent = `${Math.floor(passed / 60)}:${String(passed % 60).padStart(2, "0")}`;
  }
  for (const moment of document.querySelectorAll("[data-moment]")) {
    moment.textContent = here(new Date(moment.dateTime));
    moment.removeAttribute("data-moment");
  }
}

tick();
setInterval(tick, 500);
