// Embeds many photos: batches of 16, two at a time, each photo's own error in words.

import { counted } from "./page.js";
import { MOST_BYTES } from "./pictures.js";
import { Problem, sendList } from "./server.js";

const BATCH = 16;
const AT_A_TIME = 2;
const LONGEST_WAIT = 60;
// The key or the plan: no other photo would fare better.
const HOPELESS = [401, 402, 403, 412];

// `photos` get a `vector` or a `problem`; `progress` is called after each batch and before a wait.
export async function embedAll(photos, dimensions, set, signal, progress) {
  const batches = inBatches(photos);
  const work = async () => {
    while (batches.length) {
      await embedBatch(batches.shift(), dimensions, set, signal, progress);
      progress();
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
}

function inBatches(photos) {
  const batches = [];
  let bytes = Infinity;
  for (const photo of photos) {
    if (bytes + photo.file.size > MOST_BYTES || batches.at(-1).length === BATCH) {
      batches.push([]);
      bytes = 0;
    }
    batches.at(-1).push(photo);
    bytes += photo.file.size;
  }
  return batches;
}

// A list is answered whole or not at all: the photo at fault is taken out, the others go again.
async function embedBatch(batch, dimensions, set, signal, progress) {
  let left = batch;
  while (left.length) {
    try {
      const answer = await sendList(left, dimensions, set.revision, signal);
      set.revision ??= answer.revision;
      set.model ??= answer.model;
      left.forEach((photo, index) => { photo.vector = answer.vectors[index]; });
      return;
    } catch (problem) {
      if (!(problem instanceof Problem) || HOPELESS.includes(problem.status) || !problem.status) throw problem;
      if (problem.status === 429 || problem.status === 503) {
        await waited(problem, signal, progress);
      } else {
        left = await without(left, problem, (half) => embedBatch(half, dimensions, set, signal, progress));
      }
    }
  }
}

async function without(photos, problem, embed) {
  const place = /^input\[(\d+)\]: (.*)/s.exec(problem.message);
  if (photos.length === 1 || (place && photos[place[1]])) {
    photos[place?.[1] ?? 0].problem = place?.[2] ?? problem.message;
    return photos.filter((photo) => !photo.problem);
  }
  // It is the list as a whole, such as one with too many bytes for this server.
  const half = Math.ceil(photos.length / 2);
  await embed(photos.slice(0, half));
  return photos.slice(half);
}

async function waited(problem, signal, progress) {
  const seconds = problem.wait ?? 1;
  if (seconds > LONGEST_WAIT) throw problem;
  progress(`. The server asks to wait ${counted(seconds, "second")} …`);
  await new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
  progress("");
}
