// One request as text to copy: curl, Python, JavaScript, the vendor's own client. They run as they
// stand once $KEY is set. No DOM in here: tests read this module in Node.

import { dimensionsOf } from "./dialects.js";

// Stand for the key and the image in a body until a language writes it. From Unicode's private
// use area, so no body has them by itself.
const KEY = "\uE000";
const IMAGE = "\uE001";

export const LANGUAGES = [
  { id: "curl", name: "curl", write: curl },
  { id: "python", name: "Python", write: python },
  { id: "javascript", name: "JavaScript", write: javascript },
  { id: "client", name: "Vendor's client", write: vendor },
];

// `picture` is { url } or { name, type }, with `address` where the server has the photo itself.
export function textOf(language, dialect, picture, root, wished) {
  return language.write(described(dialect, picture, root, wished));
}

export function languagesOf(dialect) {
  return LANGUAGES.filter((one) => one.id !== "client" || dialect.client || dialect.id === "weaviate");
}

function described(dialect, picture, root, wished) {
  const dimensions = dimensionsOf(dialect, wished);
  const form = dialect.upload !== undefined && picture.url === undefined;
  const before = dialect.written === "data" ? `data:${picture.type || "image/jpeg"};base64,` : "";
  const image = picture.url ?? (form ? undefined : before + IMAGE);
  const body = dialect.body(image, dimensions);
  return {
    dialect,
    picture,
    root,
    dimensions,
    form,
    url: root + dialect.path(dimensions),
    body: dialect.key.field ? { [dialect.key.field]: KEY, ...body } : body,
  };
}

// curl

function curl(request) {
  const lines = [];
  if (request.picture.address) lines.push(`curl -fsO ${inShell(request.picture.address)}`);
  const head = [`curl -s ${inShell(request.url)}`];
  const { header, before } = request.dialect.key;
  if (header) head.push(`-H "${header}: ${before}$KEY"`);
  if (request.form) lines.push([...head, ...fieldsInShell(request)].join(" \\\n  "));
  else lines.push(jsonInShell(request, [...head, "-H 'Content-Type: application/json'"]));
  return `${lines.join("\n")}\n`;
}

function fieldsInShell({ body, picture }) {
  const fields = Object.entries(body).map(([name, value]) =>
    value === KEY ? `-F "${name}=$KEY"` : `-F ${inShell(`${name}=${value}`)}`);
  // curl reads the file's name in quotes of its own.
  const plain = /^[\w.-]+$/.test(picture.name);
  const file = plain ? picture.name : `"${picture.name.replace(/[\\"]/g, "\\$&")}"`;
  return [...fields, `-F ${inShell(`file=@${file}`)}`];
}

function jsonInShell({ body, picture }, head) {
  const text = JSON.stringify(body);
  const marks = [...text].filter((one) => one === KEY || one === IMAGE);
  if (!marks.length) return [...head, `-d ${inShell(text)}`].join(" \\\n  ");
  const format = text
    .replace(/\\/g, "\\\\")
    .replace(/%/g, "%%")
    .replace(/[\uE000\uE001]/g, "%s");
  const values = marks.map((mark) =>
    mark === KEY ? '"$KEY"' : `"$(base64 < ${inShell(picture.name)} | tr -d '\\n')"`);
  return [
    `printf ${inShell(format)}`,
    `${values.join(" ")} |`,
    [...head, "-d @-"].join(" \\\n    "),
  ].join(" \\\n  ").replace("| \\\n", "|\n");
}

function inShell(text) {
  return /^[\w./:@=+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

// Python

function python(request) {
  const { dialect, form, picture } = request;
  const base64 = !form && picture.url === undefined;
  const headers = dialect.key.header
    ? [`    headers={${quoted(dialect.key.header)}: ${added(dialect.key.before, PYTHON.key)}},`]
    : [];
  const sent = form
    ? [`    data=${literal(request.body, PYTHON, 4)},`, `    files={"file": (${quoted(picture.name)}, photo)},`]
    : [`    json=${literal(request.body, PYTHON, 4)},`];
  return lines(
    base64 && "import base64",
    "import os",
    pythonImports(picture),
    "",
    "import requests",
    "",
    photoInPython(picture, base64),
    "answer = requests.post(",
    `    ${quoted(request.url)},`,
    ...headers,
    ...sent,
    ")",
    "print(answer.text)",
  );
}

function vendor(request) {
  const { client } = request.dialect;
  if (!client) return weaviate(request);
  const base64 = request.picture.url === undefined;
  return lines(
    base64 && "import base64",
    client.standard,
    "import os",
    pythonImports(request.picture),
    "",
    client.imports,
    "",
    photoInPython(request.picture, base64),
    `client = ${client.make(request.root)}`,
    `answer = ${client.call(literal(request.body, PYTHON, 4), inKeywords(request.body))}`,
    `print(${client.read})`,
  );
}

function pythonImports(picture) {
  if (picture.url !== undefined) return false;
  return picture.address ? "from urllib.request import urlopen" : "from pathlib import Path";
}

function photoInPython(picture, base64) {
  if (picture.url !== undefined) return false;
  const bytes = picture.address
    ? `urlopen(${quoted(picture.address)}).read()`
    : `Path(${quoted(picture.name)}).read_bytes()`;
  return `photo = ${base64 ? `base64.b64encode(${bytes}).decode()` : bytes}`;
}

// JavaScript, as Node runs it

function javascript(request) {
  const { dialect, form, picture } = request;
  const file = picture.url === undefined;
  const read = picture.address
    ? `await (await fetch(${quoted(picture.address)})).arrayBuffer()`
    : `await readFile(${quoted(picture.name)})`;
  const photo = form
    ? `const photo = new Blob([${read}]);`
    : `const photo = Buffer.from(${read}).toString("base64");`;
  const headers = [
    !form && '"Content-Type": "application/json"',
    dialect.key.header && `"${dialect.key.header}": ${added(dialect.key.before, JAVASCRIPT.key)}`,
  ].filter(Boolean);
  return lines(
    file && !picture.address && 'import { readFile } from "node:fs/promises";\n',
    file && photo,
    ...(form ? formInJavaScript(request) : []),
    `const answer = await fetch(${quoted(request.url)}, {`,
    '  method: "POST",',
    headers.length > 0 && `  headers: { ${headers.join(", ")} },`,
    form ? "  body: form," : `  body: JSON.stringify(${literal(request.body, JAVASCRIPT, 2)}),`,
    "});",
    "console.log(await answer.text());",
  );
}

function formInJavaScript({ body, picture }) {
  const fields = Object.entries(body).map(([name, value]) =>
    `form.append(${quoted(name)}, ${value === KEY ? JAVASCRIPT.key : quoted(String(value))});`);
  return [
    "const form = new FormData();",
    ...fields,
    `form.append("file", photo, ${quoted(picture.name)});`,
  ];
}

// Weaviate calls by itself: its client is a setting.
function weaviate({ root, dimensions }) {
  const address = root.replace("://", "://imgvec:$KEY@");
  return lines(
    "# Weaviate's environment, such as in its Compose file:",
    "ENABLE_MODULES: multi2vec-clip",
    `CLIP_INFERENCE_API: ${address}/weaviate/${dimensions}`,
  );
}

const PYTHON = { key: 'os.environ["KEY"]', step: 4, inside: "" };
const JAVASCRIPT = { key: "process.env.KEY", step: 2, inside: " " };
const LINE = 68;

// A body as a literal of Python or JavaScript, which write these values alike.
function literal(value, language, indent) {
  if (typeof value === "string") return inCode(value, language);
  if (typeof value !== "object") return String(value);
  const inner = indent + language.step;
  const items = Array.isArray(value)
    ? value.map((one) => literal(one, language, inner))
    : Object.entries(value).map(([name, one]) => `${quoted(name)}: ${literal(one, language, inner)}`);
  const [open, close, inside] = Array.isArray(value) ? ["[", "]", ""] : ["{", "}", language.inside];
  const short = [open, items.join(", "), close].join(inside);
  if (short.length + indent < LINE && !short.includes("\n")) return short;
  const each = items.map((item) => `${" ".repeat(inner)}${item},\n`);
  return `${open}\n${each.join("")}${" ".repeat(indent)}${close}`;
}

function inCode(text, language) {
  if (text === KEY) return language.key;
  return text.endsWith(IMAGE) ? added(text.slice(0, -1), "photo") : quoted(text);
}

function inKeywords(body) {
  const each = Object.entries(body).map(([name, value]) => `    ${name}=${literal(value, PYTHON, 4)},\n`);
  return `\n${each.join("")}`;
}

function added(before, expression) {
  return before ? `${quoted(before)} + ${expression}` : expression;
}

function quoted(text) {
  return JSON.stringify(text);
}

function lines(...all) {
  return `${all.filter((one) => one !== false && one !== undefined).join("\n")}\n`;
}
