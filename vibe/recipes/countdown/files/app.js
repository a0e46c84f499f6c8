const settings = JSON.parse(document.getElementById("settings").textContent);
const by = id => document.getElementById(id);
const title = settings.title;
document.querySelector("h1").textContent = title;

function kept() {
  try { return localStorage.getItem("date") || ""; } catch { return ""; }
}

/* "--12-24" is the next 24 December; a whole date is that day. */
function target(text) {
  const now = new Date();
  if (text.startsWith("--")) {
    const [month, day] = text.slice(2).split("-").map(Number);
    let next = new Date(now.getFullYear(), month - 1, day);
    if (next <= now && !sameDay(next, now)) next = new Date(now.getFullYear() + 1, month - 1, day);
    return next;
  }
  const [year, month, day] = text.split("-").map(Number);
  return new Date(year, month - 1, day);
}

const sameDay = (a, b) => a.toDateString() === b.toDateString();
const iso = d => `${d.getFullYear()}-${String(d.getMonth() + 1).padStart(2, "0")}-${String(d.getDate()).padStart(2, "0")}`;

let wanted = kept() || settings.day;
by("date").value = iso(target(wanted));

function show() {
  const end = target(wanted), now = new Date();
  let left = Math.floor((end - now) / 1000);
  const past = left < 0 && !sameDay(end, now);
  if (sameDay(end, now)) left = 0;
  left = Math.abs(left);
  by("days").textContent = Math.floor(left / 86400);
  by("hours").textContent = Math.floor(left / 3600) % 24;
  by("minutes").textContent = Math.floor(left / 60) % 60;
  by("seconds").textContent = left % 60;
  const date = end.toLocaleDateString(undefined, { weekday: "long", day: "numeric", month: "long", year: "numeric" });
  by("when").textContent = sameDay(end, now) ? `${title}: that is today.` : past ? `${date} has passed: this counts the time since.` : `until ${date}`;
}

by("date").addEventListener("input", () => {
  if (!by("date").value) return;
  wanted = by("date").value;
  try { localStorage.setItem("date", wanted); } catch { /* not kept, still shown */ }
  show();
});
show();
setInterval(show, 1000);
