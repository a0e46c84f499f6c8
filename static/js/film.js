/* A film: the pictures of one check, played under it. Without this file they stand in a row. It starts where the
   check failed; one that held plays once. Whoever asked for little motion starts it by hand. */
const PACE = 900, calm = matchMedia("(prefers-reduced-motion: reduce)");

function part(name, all, ...inside) {
  const node = Object.assign(document.createElement(name), all);
  node.append(...inside);
  return node;
}

/* On a phone a square of the picture is shown, large enough to read: this keeps the hand in it. */
const SEEN = .625;
const follow = part => Math.round(100 * Math.max(0, Math.min(1, (part - SEEN / 2) / (1 - SEEN))));

function build(film) {
  const frames = [...film.querySelectorAll(".reel > li")], last = frames.length - 1;
  const sign = film.querySelector("summary svg").cloneNode(true), use = sign.querySelector("use");
  const icons = use.getAttribute("href").split("#")[0];
  const button = part("button", { type: "button", className: "btn square" }, sign);
  const range = part("input", { type: "range", min: 0, max: last, step: 1 });
  const count = part("span", { className: "fact" });
  range.setAttribute("aria-label", "Moment");
  film.append(part("div", { className: "reel-bar" }, button, range, count));
  film.dataset.ready = "";
  const pictures = frames.map(frame => frame.querySelector("img")); /* a moment of a tool may have none */
  for (const picture of pictures.filter(Boolean)) picture.loading = "eager"; /* a lazy one below the fold would never come */
  let at = 0, timer = 0;

  const words = n => frames[n].querySelector("figcaption").textContent.trim();

  function show(n) {
    at = Math.max(0, Math.min(last, n));
    frames.forEach((frame, m) => frame.toggleAttribute("data-now", m === at));
    const hand = pictures.slice(at).find(one => one?.dataset.x);
    if (hand) for (const picture of pictures.filter(Boolean)) picture.style.objectPosition = `${follow(hand.dataset.x)}% ${follow(hand.dataset.y)}%`;
    range.value = at;
    range.setAttribute("aria-valuetext", `${at + 1} of ${last + 1}: ${words(at)}`);
    count.textContent = `${at + 1} of ${last + 1}`;
  }

  function sets(playing) {
    clearTimeout(timer);
    timer = 0;
    use.setAttribute("href", `${icons}#${playing ? "pause" : "play"}`);
    button.setAttribute("aria-label", playing ? "Pause" : "Play");
    film.toggleAttribute("data-playing", playing);
  }

  function play() {
    sets(true);
    timer = setTimeout(async () => {
      await pictures[at + 1]?.decode().catch(() => {}); /* never a blank where a picture is on its way */
      if (!timer) return;
      show(at + 1);
      if (at < last) play();
      else sets(false);
    }, PACE);
  }

  const go = n => { sets(false); show(n); };
  const toggle = () => {
    if (timer) { sets(false); return; }
    if (at === last) show(0);
    play();
  };
  button.onclick = toggle;
  film.querySelector(".reel").onclick = toggle;
  range.oninput = () => go(Number(range.value));
  film.onkeydown = event => {
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: last }[event.key];
    if (to === undefined || event.target === range || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    go(to);
  };
  film.vibeFilm = {
    open() {
      const bad = frames.findIndex(frame => "bad" in frame.dataset);
      sets(false);
      show("bad" in film.dataset ? (bad < 0 ? last : bad) : 0);
      film.scrollIntoView({ block: "nearest", behavior: calm.matches ? "auto" : "smooth" });
      if (!("bad" in film.dataset) && !calm.matches) play();
    },
    close() { sets(false); },
  };
}

addEventListener("toggle", event => {
  const film = event.target;
  if (!film.matches?.("[data-film]")) return;
  if (!film.vibeFilm) build(film);
  if (film.open) film.vibeFilm.open(); else film.vibeFilm.close();
}, true); /* toggle does not bubble */
