/* Every page loads this; each part looks for its own attributes and does nothing where there are none. */
import "./frame.js";
import "./csrf.js";
import "./once.js";
import "./clips.js";
import "./desk.js";
import "./tabs.js";
import "./dialogs.js";
import "./plan.js";
import "./clock.js";
import "./film.js";
import "./preview.js";
import "./point.js";
import "./byhand.js";
import "./live.js";
