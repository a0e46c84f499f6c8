/* The page is painted while it is written: its text so far goes into a sealed frame in which no script runs. */
import { attach, draft } from "./frame.js";

let painter = null, painted = null;

export function prepare() {
  const stage = document.getElementById("part-preview");
  if (!stage) return;
  if (stage.dataset.draft === undefined) { painter = null; painted = null; attach(stage.parentElement); return; }
  if (painted === stage) return;
  painted = stage;
  painter = draft(stage, stage.dataset.draft, stage.dataset.title || "Preview, still being drawn");
  const code = document.getElementById(stage.dataset.code);
  if (code?.textContent) painter.write(code.textContent);
}

/* Called by live.js after a frame of the log was applied. */
export function paint(type, id, text) {
  const stage = document.getElementById("part-preview");
  if (!painter || stage?.dataset.code !== id) return;
  if (type === "open") painter.reset();
  if (type === "text") painter.write(text);
}

prepare();
