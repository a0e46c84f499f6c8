const settings = JSON.parse(document.getElementById("settings").textContent);
const by = id => document.getElementById(id);
let phase = "work", round = 1, running = false, left = 0, endsAt = 0, rung = 0;

for (const name of ["work", "rest"]) {
  try { settings[name] = Number(localStorage.getItem(name)) || settings[name]; } catch { /* the default will do */ }
  by(name).value = settings[name];
  by(name).addEventListener("change", () => {
    const number = Math.round(Number(by(name).value));
    if (!(number >= 1 && number <= Number(by(name).max))) { by(name).value = settings[name]; return; }
    settings[name] = number;
    try { localStorage.setItem(name, number); } catch { /* not kept */ }
    if (!running && phase === name) begin();
  });
}

function begin() { left = settings[phase] * 60; endsAt = Date.now() + left * 1000; show(); }

function show() {
  by("minutes").textContent = Math.floor(left / 60);
  by("seconds").textContent = String(left % 60).padStart(2, "0");
  by("phase").textContent = phase === "work" ? "Work" : "Rest: stand up, look far away";
  by("round").textContent = `Round ${round} of ${settings.rounds}`;
  by("start").textContent = running ? "Pause" : "Start";
  document.querySelector(".bar > i").style.width = 100 - 100 * left / (settings[phase] * 60) + "%";
  document.body.dataset.phase = phase;
  const dots = document.querySelector(".dots");
  dots.replaceChildren(...Array.from({ length: settings.rounds }, (_, at) => {
    const dot = document.createElement("i");
    if (at < round - 1 || at === round - 1 && phase === "rest") dot.dataset.done = "1";
    return dot;
  }));
  document.title = `${by("minutes").textContent}:${by("seconds").textContent} ${phase}`;
}

function next() {
  if (phase === "work") phase = "rest";
  else { phase = "work"; round = round >= settings.rounds ? 1 : round + 1; if (round === 1) running = false; }
  document.body.dataset.bell = "1";
  clearTimeout(rung);
  rung = setTimeout(() => delete document.body.dataset.bell, 1500);
  begin();
}

by("start").addEventListener("click", () => { running = !running; endsAt = Date.now() + left * 1000; show(); });
by("skip").addEventListener("click", next);
by("reset").addEventListener("click", () => { phase = "work"; round = 1; running = false; begin(); });
setInterval(() => {
  if (!running) return;
  left = Math.max(0, Math.round((endsAt - Date.now()) / 1000));
  if (left === 0) next(); else show();
}, 250);
begin();
