// Starts the page: the key, the plan, the dimensions, and the three parts.

import { leave } from "./dialects.js";
import { counted, find, show } from "./page.js";
import { listen } from "./pictures.js";
import { startOne } from "./one.js";
import { hasKey, setKey, watchPlan } from "./server.js";
import { startSet } from "./set.js";
import { startTwo } from "./two.js";

// `make run` prints a link with the key in the fragment, which no server sees. It leaves the
// address bar at once, and stays in memory alone.
function keyInFragment() {
  const given = new URLSearchParams(location.hash.slice(1)).get("key");
  if (given === null) return;
  history.replaceState(null, "", location.pathname + location.search);
  find("key").value = given;
  setKey(given);
}

function shownPlan({ sent, limit, left, renewed }) {
  const used = `${counted(sent, "image or text", "images and texts")} sent`;
  find("plan").textContent = left === null
    ? used
    : `${used}; ${left} of ${limit} left in this plan, all again in ${duration(Number(renewed))}`;
}

function duration(seconds) {
  if (seconds < 120) return counted(seconds, "second");
  if (seconds < 7200) return counted(Math.round(seconds / 60), "minute");
  return counted(Math.round(seconds / 3600), "hour");
}

// The server has written its dimensions into the page.
leave([...find("dimensions").options].map((one) => Number(one.value)));
const wished = () => Number(find("dimensions").value);

keyInFragment();
addEventListener("hashchange", keyInFragment);
find("key").addEventListener("input", () => {
  setKey(find("key").value);
  show(find("key-hint"), !hasKey());
});
find("key-form").addEventListener("submit", (event) => event.preventDefault());
watchPlan(shownPlan);

const one = startOne(wished);
const two = startTwo(wished);
startSet(wished);
find("dimensions").addEventListener("change", () => {
  one.outdated();
  two.compare();
});
listen(find("one-zone"), find("set-zone"));
show(find("key-hint"), !hasKey());
if (!hasKey()) find("key").focus();
