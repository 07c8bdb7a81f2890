// Pictures that a person drops, pastes or chooses.

import { element } from "./page.js";

// A request body has 20 MB by default, and base64 takes four characters for three bytes.
export const MOST_BYTES = 14_000_000;

export function tooLarge(file) {
  if (file.size <= MOST_BYTES) return "";
  const size = (file.size / 1e6).toFixed(1);
  return `It has ${size} MB. This page sends ${MOST_BYTES / 1e6} MB at most, and changes no picture.`;
}

const zones = new Map();

// Lets a zone take files: dropped on it, pasted while it has the focus, or chosen.
export function takesFiles(zone, take) {
  zones.set(zone, take);
  const input = zone.querySelector("input[type=file]");
  input.addEventListener("change", () => {
    const files = [...input.files];
    input.value = "";
    if (files.length) take(files);
  });
}

// Files that miss a zone go to that of their section, else to `several` or `single`.
export function listen(single, several) {
  const target = (node, files) => {
    const within = node?.closest?.(".zone, section");
    const zone = within?.matches("section") ? within.querySelector(".zone") : within;
    return zone ?? (files.length > 1 ? several : single);
  };
  const give = (node, files) => {
    if (files.length) zones.get(target(node, files))?.(files);
  };
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    mark(event.target.closest?.(".zone"));
  });
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) mark(null);
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    mark(null);
    give(event.target, [...event.dataTransfer.files]);
  });
  document.addEventListener("paste", (event) => {
    give(document.activeElement, [...event.clipboardData.files]);
  });
}

function mark(zone) {
  for (const one of zones.keys()) one.classList.toggle("over", one === zone);
}

// A thumbnail from the file itself. A URL has none: only the server fetches it.
export function thumbnail(picture) {
  if (picture.url !== undefined) return element("span", { className: "no-picture", textContent: picture.url });
  const image = element("img", { src: picture.source, alt: picture.name, loading: "lazy", decoding: "async" });
  image.addEventListener("error", () => {
    image.replaceWith(element("span", { className: "no-picture", textContent: picture.name }));
  });
  return image;
}

export function pictureOf(file) {
  return { name: file.name || "pasted.png", type: file.type, file, source: URL.createObjectURL(file) };
}

export function forget(picture) {
  if (picture?.source) URL.revokeObjectURL(picture.source);
}
