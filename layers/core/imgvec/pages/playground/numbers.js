// Arithmetic on vectors. No DOM in here.

// Vectors have norm 1, so their product is the cosine.
export function cosine(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += a[i] * b[i];
  return sum;
}

export function norm(vector) {
  return Math.sqrt(cosine(vector, vector));
}

// Where the bars of a plot end: starter's vectors have one value far above the others.
export function reach(vector) {
  const sizes = Array.from(vector, Math.abs).sort((a, b) => a - b);
  return sizes[Math.floor((sizes.length - 1) * 0.99)] || 1;
}

// Complete linkage: the merges from the closest to the farthest, each with the lowest cosine
// between the members of its two groups. Every pair of a group reaches that, so nothing chains.
export function merges(vectors) {
  const groups = new Map(vectors.map((_, index) => [index, index]));
  const lowest = vectors.map((a) => vectors.map((b) => cosine(a, b)));
  const found = [];
  while (groups.size > 1) {
    const [a, b] = closest([...groups.keys()], lowest);
    found.push({ a, b, at: lowest[a][b] });
    groups.delete(b);
    for (const other of groups.keys()) {
      lowest[a][other] = lowest[other][a] = Math.min(lowest[a][other], lowest[b][other]);
    }
  }
  return found;
}

function closest(names, lowest) {
  let best = [names[0], names[1]];
  for (let i = 0; i < names.length; i += 1) {
    for (let j = i + 1; j < names.length; j += 1) {
      if (lowest[names[i]][names[j]] > lowest[best[0]][best[1]]) best = [names[i], names[j]];
    }
  }
  return best;
}

// The groups of two or more in which every pair reaches `at`, the largest first.
export function groupsAt(found, count, at) {
  const members = new Map(Array.from({ length: count }, (_, index) => [index, [index]]));
  const reached = new Map();
  for (const merge of found) {
    if (merge.at < at) break;
    members.set(merge.a, [...members.get(merge.a), ...members.get(merge.b)]);
    members.delete(merge.b);
    reached.set(merge.a, merge.at);
  }
  return [...members]
    .filter(([, inside]) => inside.length > 1)
    .map(([name, inside]) => ({ members: inside.sort((a, b) => a - b), lowest: reached.get(name) }))
    .sort((a, b) => b.members.length - a.members.length || b.lowest - a.lowest);
}
