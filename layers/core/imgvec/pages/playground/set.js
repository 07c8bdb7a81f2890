// A set of photos, in this tab only: search, more like this, near-duplicates, download.

import { cosine, groupsAt, merges } from "./numbers.js";
import { counted, element, find, percent, say, show } from "./page.js";
import { forget, pictureOf, takesFiles, thumbnail, tooLarge } from "./pictures.js";
import { embedAll } from "./queue.js";
import { Problem, alone, hasKey, sendList } from "./server.js";

const MOST = 200;

let photos = [];
let set = {};
let running = null;
let found = null;
// Against which the photos are ranked: { vector, title }.
let query = null;

export function startSet(wished) {
  takesFiles(find("set-zone"), add);
  find("cancel").addEventListener("click", () => running?.abort());
  find("clear").addEventListener("click", clear);
  find("download").addEventListener("click", download);
  find("floor").addEventListener("input", rank);
  find("threshold").addEventListener("input", group);
  find("show-all").addEventListener("click", () => ranked(null));
  takesFiles(find("search-zone"), ([file]) => searchImage(file));
  find("search-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const text = find("search").value.trim();
    if (text) search({ text }, `“${text}”`);
  });

  async function add(files) {
    if (!hasKey()) return say(find("set-said"), "Give your key first, at the top of this page.", true);
    if (running) return say(find("set-said"), "Wait until the photos before are embedded, or cancel.", true);
    const room = MOST - photos.length;
    const taken = files.slice(0, room).map((file) => ({ ...pictureOf(file), problem: tooLarge(file) }));
    photos.push(...taken);
    if (!set.dimensions) set = { dimensions: wished() };
    const over = files.length > room ? `A set has ${MOST} photos at most: ${files.length - room} left out. ` : "";
    await embed(taken.filter((photo) => !photo.problem), over);
  }

  async function embed(fresh, note) {
    running = new AbortController();
    const began = performance.now();
    // The words of a wait stay until it is over.
    let said = "";
    const progress = (words) => {
      said = words ?? said;
      advance(fresh, said);
    };
    show(find("progress"), true);
    progress();
    try {
      await embedAll(fresh, set.dimensions, set, running.signal, progress);
      const seconds = ((performance.now() - began) / 1000).toFixed(1);
      const done = fresh.filter((photo) => photo.vector).length;
      say(find("set-said"), `${note}${counted(done, "photo")} embedded in ${seconds} s.`);
    } catch (problem) {
      running.abort();
      const cancelled = problem.name === "AbortError";
      say(find("set-said"), note + (cancelled ? "Cancelled." : problem.message), !cancelled);
      drop(fresh.filter((photo) => !photo.vector && !photo.problem));
    }
    running = null;
    show(find("progress"), false);
    changed();
  }

  function searchImage(file) {
    const problem = tooLarge(file);
    if (problem) return say(find("search-said"), problem, true);
    return search({ file }, file.name || "the pasted image");
  }

  async function search(input, title) {
    say(find("search-said"), "Searching …");
    try {
      const { vectors } = await sendList([input], set.dimensions, set.revision);
      ranked({ vector: vectors[0], title, floor: input.text === undefined ? 0.8 : 0.24 });
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem;
      say(find("search-said"), alone(problem.message), true);
    }
  }
}

function advance(fresh, words) {
  const done = fresh.filter((photo) => photo.vector || photo.problem).length;
  find("bar").max = fresh.length;
  find("bar").value = done;
  say(find("set-said"), `${done} of ${fresh.length} photos${words}`);
}

function drop(gone) {
  gone.forEach(forget);
  photos = photos.filter((photo) => !gone.includes(photo));
}

function clear() {
  running?.abort();
  drop(photos);
  set = {};
  say(find("set-said"), "");
  changed();
}

function usable() {
  return photos.filter((photo) => photo.vector);
}

// Everything that follows from the photos.
function changed() {
  const bad = photos.filter((photo) => photo.problem);
  find("problems").replaceChildren(...bad.map((photo) =>
    element("li", { textContent: `${photo.name}: ${photo.problem}` })));
  found = merges(usable().map((photo) => photo.vector));
  show(find("set-tools"), usable().length > 0);
  show(find("clear"), photos.length > 0);
  ranked(null);
  group();
}

function ranked(next) {
  query = next;
  say(find("search-said"), "");
  show(find("show-all"), query !== null);
  show(find("floor-field"), query !== null);
  if (query) find("floor").value = query.floor;
  rank();
}

function rank() {
  const all = usable().map((photo) => ({ photo, score: query && cosine(query.vector, photo.vector) }));
  const floor = Number(find("floor").value);
  find("floor-value").textContent = floor.toFixed(2);
  const kept = query ? all.filter((one) => one.score >= floor).sort((a, b) => b.score - a.score) : all;
  find("results-title").textContent = query
    ? `${query.title}: ${kept.length} of ${counted(all.length, "photo")} reach ${floor.toFixed(2)}`
    : `${counted(all.length, "photo")}, ${set.dimensions ?? 0} dimensions`;
  find("results").replaceChildren(...kept.map(({ photo, score }) => cell(photo, score)));
}

function cell(photo, score = null) {
  const button = element("button", { type: "button", className: "photo" }, thumbnail(photo));
  button.setAttribute("aria-label", `More like ${photo.name}`);
  button.addEventListener("click", () => {
    ranked({ vector: photo.vector, title: `Like ${photo.name}`, floor: 0.8 });
    find("results-title").focus();
  });
  const caption = element("figcaption", {}, element("span", { className: "name", textContent: photo.name }));
  if (score !== null) caption.append(element("span", { className: "score", textContent: percent(score) }));
  return element("li", {}, element("figure", {}, button, caption));
}

function group() {
  const at = Number(find("threshold").value);
  find("threshold-value").textContent = at.toFixed(2);
  const all = usable();
  const groups = groupsAt(found ?? [], all.length, at);
  const inside = groups.reduce((sum, one) => sum + one.members.length, 0);
  find("groups-title").textContent = groups.length
    ? `${counted(groups.length, "group")} with ${inside} photos: each pair in a group reaches ${at.toFixed(2)}`
    : `No two photos reach ${at.toFixed(2)}`;
  find("groups").replaceChildren(...groups.map((one, index) => {
    const title = `Group ${index + 1}: ${one.members.length} photos, lowest cosine ${percent(one.lowest)}`;
    const list = element("ul", { className: "grid" }, ...one.members.map((member) => cell(all[member])));
    return element("li", {}, element("h4", { textContent: title }), list);
  }));
}

function download() {
  const lines = usable().map((photo) => JSON.stringify({
    name: photo.name,
    model: set.model,
    revision: set.revision,
    dimensions: set.dimensions,
    embedding: photo.vector,
  }));
  const source = URL.createObjectURL(new Blob([`${lines.join("\n")}\n`], { type: "application/jsonl" }));
  element("a", { href: source, download: "vectors.jsonl" }).click();
  setTimeout(() => URL.revokeObjectURL(source), 1000);
}
