/* Chosen files are shown by name and can be taken out again; what is too much is said before anything is sent. */
const MOST = 300, FILE = 25 * 1024 * 1024, ALL = 100 * 1024 * 1024;

const size = count => count < 1000 ? `${count} B` : count < 1e6 ? `${Math.round(count / 1000)} kB` : `${(count / 1e6).toFixed(1)} MB`;

function trouble(files) {
  if (files.length > MOST) return `Add at most ${MOST} files. These are ${files.length}.`;
  const large = files.find(file => file.size > FILE);
  if (large) return `“${large.name}” is larger than 25 MB. Add a smaller file.`;
  if (files.reduce((sum, file) => sum + file.size, 0) > ALL) return "All files together are larger than 100 MB. Add fewer or smaller ones.";
  return "";
}

function show(input) {
  const shelf = document.getElementById(input.dataset.clips), files = [...input.files];
  shelf.replaceChildren(...files.slice(0, 12).map((file, at) => {
    const clip = Object.assign(document.createElement("span"), { className: "clip", textContent: file.name + " " });
    clip.append(Object.assign(document.createElement("span"), { className: "fact", textContent: size(file.size) }));
    const out = Object.assign(document.createElement("button"), { type: "button", textContent: "×" });
    out.setAttribute("aria-label", `Remove ${file.name}`);
    out.onclick = () => {
      const rest = new DataTransfer();
      files.forEach((one, number) => { if (number !== at) rest.items.add(one); });
      input.files = rest.files;
      show(input);
    };
    clip.append(out);
    return clip;
  }));
  if (files.length > 12) shelf.append(Object.assign(document.createElement("span"), { className: "fact", textContent: `and ${files.length - 12} more` }));
  const words = trouble(files);
  input.setCustomValidity(words);
  if (words) shelf.append(Object.assign(document.createElement("span"), { className: "wrong", role: "alert", textContent: words }));
}

addEventListener("change", event => { if (event.target.matches?.("[data-clips]")) show(event.target); });
for (const input of document.querySelectorAll("[data-clips]")) if (input.files.length) show(input);

const box = document.querySelector("[data-ask]");
if (box) {
  const input = box.querySelector("[data-clips]");
  const carries = event => [...event.dataTransfer?.types || []].includes("Files");
  box.addEventListener("dragover", event => { if (carries(event)) { event.preventDefault(); box.dataset.over = "1"; } });
  box.addEventListener("dragleave", () => delete box.dataset.over);
  box.addEventListener("drop", event => {
    if (!carries(event)) return;
    event.preventDefault();
    delete box.dataset.over;
    input.files = event.dataTransfer.files;
    show(input);
  });
}
