/* Point at something: a part of the preview is picked, and its words go with the request. Without it one describes it. */
const KINDS = {
  a: "link", button: "button", img: "picture", svg: "drawing", canvas: "drawing", video: "film", select: "list to choose from",
  textarea: "field", label: "label", li: "line", td: "cell", th: "cell", table: "table", p: "text", span: "text", form: "form", body: "whole page",
  "input button": "button", "input submit": "button", "input checkbox": "tick box", "input radio": "choice", "input range": "slider",
};
const button = document.getElementById("point-at"), field = document.getElementById("pointed"), shelf = document.getElementById("pointed-clip");
const host = () => document.querySelector("#part-preview [data-point]");

function say(words) { document.getElementById("live").textContent = words; }

/* A made page says what it is: plain characters only, whatever it sent. */
function inWords({ text, label }) {
  const kind = Object.hasOwn(KINDS, label) ? KINDS[label] : /^h[1-6]$/.test(label) ? "heading" : label.startsWith("input") ? "field" : "part";
  const plain = text.replace(/\p{C}/gu, "").trim();
  return plain ? `the ${kind} “${plain}”` : `the ${kind}`;
}

function turn(on) {
  const preview = host();
  if (!preview?.vibePoint) on = false;
  if (preview) { preview.dataset.point = on ? "on" : "off"; preview.vibePoint?.(on); }
  button.setAttribute("aria-pressed", String(on));
  if (on) { preview.querySelector("iframe").focus(); say("Pick a part of the preview: click it, or Tab to it and press Enter. Escape ends it."); }
}

function clip(words, selector) {
  field.value = words ? `${words} (${selector})`.slice(0, 300) : "";
  if (!words) { shelf.replaceChildren(); return; }
  const out = Object.assign(document.createElement("button"), { type: "button", textContent: "×" });
  out.setAttribute("aria-label", `Remove ${words}`);
  out.onclick = () => { clip("", ""); document.getElementById("say").focus(); };
  const one = Object.assign(document.createElement("span"), { className: "clip" });
  one.append(Object.assign(document.createElement("span"), { textContent: words }), out);
  shelf.replaceChildren(one);
}

if (button) {
  button.hidden = false;
  button.addEventListener("click", () => turn(button.getAttribute("aria-pressed") !== "true"));
  addEventListener("keydown", event => { if (event.key === "Escape" && button.getAttribute("aria-pressed") === "true") { turn(false); button.focus(); } });
  addEventListener("vibe:pointed", event => {
    if (event.target !== host()) return;
    const { ended, picked, selector } = event.detail, words = inWords(event.detail);
    if (ended) { turn(false); button.focus(); return; }
    if (!picked) { say(words); return; }
    turn(false);
    clip(words, selector.replace(/\p{C}/gu, ""));
    say(`You pointed at ${words}. Say what to change.`);
    document.getElementById("say").focus();
  });
}
