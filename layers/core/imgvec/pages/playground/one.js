// One image: its vector, the request in each dialect, and the raw answer.

import { DIALECTS, dimensionsOf } from "./dialects.js";
import { norm, reach } from "./numbers.js";
import { copies, element, find, say, show } from "./page.js";
import { forget, pictureOf, takesFiles, thumbnail, tooLarge } from "./pictures.js";
import { languagesOf, textOf } from "./requests.js";
import { ROOT, UNREACHED, alone, hasKey, sendPicture } from "./server.js";

const FIRST = 8;
const OURS = `${ROOT}/playground/cat.jpg`;
const SVG = "http://www.w3.org/2000/svg";

let picture = { name: "cat.jpg", type: "image/jpeg", address: OURS, example: true };
let answer = null;
let turn = 0;

export function startOne(wished) {
  fill(find("dialect"), DIALECTS);
  takesFiles(find("one-zone"), ([file]) => choose(file));
  find("ours").addEventListener("click", chooseOurs);
  find("url-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const url = find("url").value.trim();
    if (url) use({ url });
  });
  find("send").addEventListener("click", () => (picture.example ? chooseOurs() : send()));
  find("dialect").addEventListener("change", outdated);
  find("language").addEventListener("change", write);
  copies(find("copy-request"), requestText);
  copies(find("copy-answer"), () => answer?.text ?? "");
  outdated();

  function choose(file) {
    const problem = tooLarge(file);
    if (problem) say(find("one-said"), problem, true);
    else use(pictureOf(file));
  }

  async function chooseOurs() {
    try {
      const blob = await (await fetch(OURS)).blob();
      use({ ...pictureOf(new File([blob], "cat.jpg", { type: "image/jpeg" })), address: OURS });
    } catch {
      say(find("one-said"), UNREACHED, true);
    }
  }

  function use(next) {
    forget(picture);
    picture = next;
    find("one-picture").replaceChildren(thumbnail(picture));
    find("one-zone").classList.add("filled");
    outdated();
    send();
  }

  async function send() {
    if (!hasKey()) {
      say(find("one-said"), "Give your key first, at the top of this page.", true);
      find("key").focus();
      return;
    }
    turn += 1;
    const [own, dialect] = [turn, chosen()];
    say(find("one-said"), "Embedding …");
    try {
      const given = await sendPicture(dialect, picture, wished());
      if (own === turn) shown(given, dialect);
    } catch (problem) {
      if (own === turn) say(find("one-said"), problem.message, true);
    }
  }

  function shown(given, dialect) {
    answer = given;
    raw(`${given.status} in ${Math.round(given.milliseconds)} ms`, shortened(given.text));
    if (given.status !== 200) {
      show(find("vector"), false);
      say(find("one-said"), alone(given.problem), true);
      return;
    }
    say(find("one-said"), "");
    draw(dialect.vector(given.content), given);
  }

  // The request is another one: what was answered belongs to the one before.
  function outdated() {
    turn += 1;
    answer = null;
    const dialect = chosen();
    fill(find("language"), languagesOf(dialect));
    const dimensions = dimensionsOf(dialect, wished());
    const other = dimensions === wished() ? "" : `${dialect.name} has ${dialect.dimensions.join(" and ")} dimensions: ${dimensions} here.`;
    say(find("dialect-said"), other);
    raw("Not sent yet", "");
    write();
  }

  function write() {
    find("request").textContent = requestText();
  }

  function requestText() {
    const dialect = chosen();
    const language = languagesOf(dialect).find((one) => one.id === find("language").value);
    return textOf(language, dialect, picture, ROOT, wished());
  }

  return { outdated };
}

function chosen() {
  return DIALECTS.find((one) => one.id === find("dialect").value);
}

function fill(select, choices) {
  const before = select.value;
  select.replaceChildren(...choices.map((one) => element("option", { value: one.id, textContent: one.name })));
  select.value = choices.some((one) => one.id === before) ? before : choices[0].id;
}

function raw(title, text) {
  find("answer-title").textContent = title;
  find("answer").textContent = text;
  show(find("copy-answer"), text !== "");
}

// Long lists of numbers are cut for the eye; Copy gives the whole.
function shortened(text) {
  return text.replace(/\[((?:-?[\d.e-]+,){5})[-\d.e,]{40,}\]/g, "[$1 … ]");
}

function draw(vector, given) {
  show(find("vector"), true);
  find("fact-dimensions").textContent = vector.length;
  find("fact-model").textContent = given.model;
  find("fact-revision").textContent = given.revision;
  find("fact-time").textContent = `${Math.round(given.milliseconds)} ms`;
  find("fact-norm").textContent = norm(vector).toFixed(5);
  find("first").textContent = `[${vector.slice(0, FIRST).join(", ")}, …]`;
  const end = reach(vector);
  find("plot-said").textContent = `One bar for each value. The scale ends at ±${end.toFixed(3)}.`;
  find("plot").replaceChildren(bars(vector, end));
}

function bars(vector, end) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", `0 -1 ${vector.length} 2`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `Bar plot of ${vector.length} values`);
  const height = (value) => Math.max(-1, Math.min(1, value / end)).toFixed(3);
  path.setAttribute("d", vector.map((value, index) => `M${index + 0.5} 0V${-height(value)}`).join(""));
  svg.append(path);
  return svg;
}
