// Small helpers for the page. Text goes in as text nodes only.

export function find(id) {
  return document.getElementById(id);
}

export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  Object.assign(made, properties);
  made.append(...children);
  return made;
}

export function show(node, shown) {
  node.hidden = !shown;
}

export function say(node, sentence, problem = false) {
  node.textContent = sentence;
  node.classList.toggle("problem", problem);
}

export function copies(button, text) {
  button.addEventListener("click", async () => {
    const label = button.textContent;
    button.textContent = (await copied(text())) ? "Copied" : "Select and copy by hand";
    setTimeout(() => { button.textContent = label; }, 1500);
  });
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // The clipboard needs https or this machine; a page by http from another one has none.
    return false;
  }
}

export function percent(share) {
  return share.toFixed(3);
}

export function counted(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}
