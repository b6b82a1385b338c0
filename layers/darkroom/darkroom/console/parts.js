// Pieces of the page. Text always goes in as text: nothing that a server says becomes markup.

export const $ = (id) => document.getElementById(id);

export function make(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (attribute.startsWith("on")) node.addEventListener(attribute.slice(2), value);
    else node.setAttribute(attribute, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

export function options(select, values, keep = select.value) {
  select.replaceChildren(...values.map(([value, text]) => make("option", { value }, text)));
  if (values.some(([value]) => value === keep)) select.value = keep;
}

export function table(head, rows) {
  const cell = (kind) => (value) => make(kind, {}, String(value ?? ""));
  return make("div", { class: "wide" },
    make("table", {},
      make("thead", {}, make("tr", {}, ...head.map(cell("th")))),
      make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map(cell("td")))))));
}

export const moment = (ms) => (ms ? new Date(ms).toLocaleString() : "–");

export const say = (text) => { $("news").textContent = text; };
export const complain = (error) => { $("problem").textContent = error ? error.message ?? String(error) : ""; };

// Runs what a person asked for: the problem of it is shown, and the button waits.
export async function attempt(work, button) {
  complain(null);
  if (button) button.disabled = true;
  try {
    return await work();
  } catch (error) {
    complain(error);
    return undefined;
  } finally {
    if (button) button.disabled = false;
  }
}
