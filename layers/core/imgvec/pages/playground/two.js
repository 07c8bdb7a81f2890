// Two images and their cosine.

import { cosine } from "./numbers.js";
import { find, percent, say, show } from "./page.js";
import { forget, pictureOf, takesFiles, thumbnail, tooLarge } from "./pictures.js";
import { hasKey, sendList } from "./server.js";

const SIDES = ["left", "right"];
// As the vendors' documents have them; starter keeps to that scale.
const DUPLICATE = 0.95;
const ALIKE = 0.85;
// Where the scale begins.
const LOW = 0.5;

export function startTwo(wished) {
  const pictures = {};
  let turn = 0;
  for (const side of SIDES) {
    takesFiles(find(`${side}-zone`), (files) => {
      const rest = SIDES.filter((one) => one !== side);
      take(side, files[0]);
      if (files.length > 1) take(rest[0], files[1]);
      compare();
    });
  }

  function take(side, file) {
    const problem = tooLarge(file);
    say(find("two-said"), problem, true);
    if (problem) return;
    forget(pictures[side]);
    pictures[side] = pictureOf(file);
    find(`${side}-picture`).replaceChildren(thumbnail(pictures[side]));
    find(`${side}-zone`).classList.add("filled");
  }

  async function compare() {
    if (SIDES.some((side) => !pictures[side])) return;
    if (!hasKey()) {
      say(find("two-said"), "Give your key first, at the top of this page.", true);
      return;
    }
    turn += 1;
    const own = turn;
    say(find("two-said"), "Comparing …");
    try {
      const { vectors } = await sendList(SIDES.map((side) => pictures[side]), wished());
      if (own !== turn) return;
      say(find("two-said"), "");
      draw(cosine(...vectors), vectors[0].length);
    } catch (problem) {
      if (own !== turn) return;
      show(find("similarity"), false);
      say(find("two-said"), problem.message, true);
    }
  }

  return { compare };
}

function draw(similarity, dimensions) {
  show(find("similarity"), true);
  find("cosine").textContent = percent(similarity);
  find("verdict").textContent = `${verdict(similarity)}, at ${dimensions} dimensions`;
  const place = (similarity - LOW) / (1 - LOW);
  find("needle").style.insetInlineStart = `${Math.max(0, Math.min(1, place)) * 100}%`;
}

function verdict(similarity) {
  if (similarity >= DUPLICATE) return "Near-duplicates";
  return similarity >= ALIKE ? "Alike" : "Different";
}
