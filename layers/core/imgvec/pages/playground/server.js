// Requests to the server that the page came from, and to nobody else.

import { dimensionsOf } from "./dialects.js";

// Relative to the page: a proxy may have put it below a prefix that the server knows nothing of.
export const ROOT = new URL(".", document.baseURI).href.replace(/[#?].*$/, "").replace(/\/$/, "");

export const UNREACHED = "The server cannot be reached. Is it still running?";

// In memory only.
let key = "";
const watchers = [];
const plan = { sent: 0 };

export function setKey(text) {
  key = text.trim();
}

export function hasKey() {
  return key !== "";
}

// Calls back with the units sent, and with what is left where a plan sets a limit.
export function watchPlan(callback) {
  watchers.push(callback);
}

// A sentence about the only input, without its place.
export function alone(sentence) {
  return sentence.replace(/^\w+\[0\]: /, "");
}

export class Problem extends Error {
  constructor(message, answer = {}) {
    super(message);
    this.status = answer.status ?? 0;
    this.wait = answer.wait ?? null;
  }
}

// Sends one picture in a dialect: { url } or { name, file }.
export async function sendPicture(dialect, picture, wished) {
  const dimensions = dimensionsOf(dialect, wished);
  const headers = {};
  let fields = {};
  if (dialect.key.field) fields[dialect.key.field] = key;
  else headers[dialect.key.header] = dialect.key.before + key;
  const form = dialect.upload !== undefined && picture.url === undefined;
  const image = picture.url ?? (form ? undefined : await written(picture.file, dialect.written));
  fields = { ...fields, ...dialect.body(image, dimensions) };
  let body = JSON.stringify(fields);
  if (form) {
    body = new FormData();
    for (const [name, value] of Object.entries(fields)) body.append(name, value);
    body.append(dialect.upload, picture.file, picture.name);
  } else {
    headers["Content-Type"] = "application/json";
  }
  return post(dialect.path(dimensions), headers, body, 1);
}

// Embeds a list of texts and pictures in one request. Gives the vectors in its order.
export async function sendList(inputs, dimensions, revision, signal) {
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${key}` };
  if (revision) headers["X-Embedding-Revision"] = revision;
  const input = await Promise.all(inputs.map(async (one) =>
    one.text === undefined ? { image: one.url ?? await written(one.file, "base64") } : { text: one.text }));
  const body = JSON.stringify({ model: "jina-clip-v2", dimensions, input });
  const answer = await post("/v1/embeddings", headers, body, inputs.length, signal);
  if (answer.status !== 200) throw new Problem(answer.problem, answer);
  return { ...answer, vectors: answer.content.data.map((one) => one.embedding) };
}

async function post(path, headers, body, units, signal) {
  const began = performance.now();
  const { answer, text } = await reached(path, { method: "POST", headers, body, signal });
  const milliseconds = performance.now() - began;
  const content = parsed(text);
  const given = (name) => answer.headers.get(name);
  if (answer.ok) plan.sent += units;
  plan.limit = given("RateLimit-Limit");
  plan.left = given("RateLimit-Remaining");
  plan.renewed = given("RateLimit-Reset");
  watchers.forEach((callback) => callback(plan));
  return {
    status: answer.status,
    milliseconds,
    text,
    content,
    problem: answer.ok ? "" : problemIn(content, answer.status),
    wait: given("Retry-After") === null ? null : Number(given("Retry-After")),
    model: given("X-Embedding-Model"),
    revision: given("X-Embedding-Revision"),
  };
}

async function reached(path, options) {
  try {
    const answer = await fetch(ROOT + path, { ...options, referrerPolicy: "no-referrer", credentials: "omit" });
    return { answer, text: await answer.text() };
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
    throw new Problem(UNREACHED);
  }
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// Each vendor has a place of its own for the sentence.
function problemIn(content, status) {
  if (status === 401) return "The server does not know this key. Paste the one that it printed at its start.";
  const places = [content?.detail, content?.error?.message, content?.message, content?.error, content?.msg];
  return places.find((one) => typeof one === "string") ?? `The server answered ${status}.`;
}

function written(file, form) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onerror = () => reject(new Problem(`${file.name} cannot be read.`));
    reader.onload = () => {
      const base64 = reader.result.slice(reader.result.indexOf(",") + 1);
      resolve(form === "data" ? `data:${file.type || "image/jpeg"};base64,${base64}` : base64);
    };
    reader.readAsDataURL(file);
  });
}
