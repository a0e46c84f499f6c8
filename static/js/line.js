/* What is said of the line to the server: nothing for two seconds, then that it is down, and how old the page is. */
const PATIENCE = 2000, note = document.getElementById("dropped");
let since = null, showing = 0;

/* When something was last heard. A clock that is set back, and one that stands still while a laptop sleeps, are both wrong
   in one way only: too young. So the older of the two counts. */
export const heard = {
  at: Date.now(),
  ticks: performance.now(),
  now() { this.at = Date.now(); this.ticks = performance.now(); },
  ago() { return Math.max(Date.now() - this.at, performance.now() - this.ticks); },
};

function ago(ms) {
  const seconds = Math.max(1, Math.round(ms / 1000)), minutes = Math.round(seconds / 60), hours = Math.round(minutes / 60);
  return seconds < 90 ? `${seconds} s` : minutes < 90 ? `${minutes} minutes` : `${hours} hours`;
}

function show() {
  if (!note || document.querySelector("#part-end h2")) return; /* the making has ended: there is nothing to miss */
  const offline = navigator.onLine === false, goes = document.querySelector("[data-turn]") ? "I still wait for your answer." : note.dataset.goes;
  note.querySelector("b").textContent = `${offline ? "You’re offline." : "The line dropped."} ${goes}`;
  note.querySelector(".dim").textContent = `${offline ? "I go on when you’re back." : "I am trying again by myself."} What you see is from ${ago(heard.ago())} ago.`;
  note.querySelector("a").hidden = offline;
  note.hidden = false;
}

export function dropped() {
  if (since !== null) return;
  since = performance.now();
  showing = setInterval(() => { if (performance.now() - since >= PATIENCE) show(); }, 500);
}

export function stands() {
  clearInterval(showing);
  since = null;
  if (note && !note.hidden) note.hidden = true;
}
