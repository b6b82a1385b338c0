// The API's reference, made from its own document: every call with its fields, an example, and a form to try it.

import { key } from "./api.js";
import { $, attempt, make, table } from "./parts.js";

const EXAMPLES = {
  NewTask: { model: "seedream-4.5", prompt: "a lighthouse in a snow storm", size: "16:9" },
  NewBatch: { tasks: [{ model: "seedream-4.5", prompt: "a lighthouse" }, { model: "seedream-4.5", prompt: "a fox" }] },
  NewKey: { owner: "acme", name: "web shop", open_tasks: 100 },
  AccountTerms: { prepaid: true, monthly_budget: "500" },
  Credit: { amount: "250.00", reference: "invoice-2026-117" },
};

let openapi = null;

const named = (ref) => ref.split("/").at(-1);
const resolved = (thing) => (thing.$ref ? thing.$ref.slice(2).split("/").reduce((at, name) => at[name], openapi) : thing);

function* operations() {
  for (const [path, calls] of Object.entries(openapi.paths)) {
    for (const method of ["get", "post", "put", "patch", "delete"]) {
      if (!calls[method]) continue;
      const parameters = [...(calls.parameters ?? []), ...(calls[method].parameters ?? [])].map(resolved);
      const schema = calls[method].requestBody?.content["application/json"].schema;
      yield { path, method: method.toUpperCase(), call: calls[method], parameters, body: schema ? named(schema.$ref) : null };
    }
  }
}

function kind(schema) {
  const one = resolved(schema);
  if (one.enum) return one.enum.join(" | ");
  if (one.const) return JSON.stringify(one.const);
  if (one.anyOf) return one.anyOf.map(kind).join(" or ");
  if (one.type === "array") return `array of ${kind(one.items ?? {})}`;
  return [one.type ?? (schema.$ref ? named(schema.$ref) : "anything")].flat().join(" or ");
}

function fields(name) {
  const schema = openapi.components.schemas[name];
  const required = new Set(schema.required ?? []);
  return table(["Field", "Type", "Default", "Meaning"], Object.entries(schema.properties ?? {}).map(([field, about]) =>
    [field + (required.has(field) ? " (required)" : ""), kind(about), about.default === undefined ? "" : JSON.stringify(about.default), about.description ?? ""]));
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

export const WRITERS = {
  curl: ({ method, url, body }) => [
    `curl -sS -X ${method} ${quoted(url)}`,
    '  -H "Authorization: Bearer $DARKROOM_KEY"',
    ...(body ? ["  -H 'Content-Type: application/json'", `  -d ${quoted(body)}`] : []),
  ].join(" \\\n"),
  python: ({ method, url, body }) => [
    "import json, os, urllib.request",
    "",
    `request = urllib.request.Request(${JSON.stringify(url)}, method=${JSON.stringify(method)})`,
    'request.add_header("Authorization", f"Bearer {os.environ[\'DARKROOM_KEY\']}")',
    ...(body ? ['request.add_header("Content-Type", "application/json")', `request.data = json.dumps(json.loads(${JSON.stringify(body)})).encode()`] : []),
    "with urllib.request.urlopen(request) as answer:",
    "    print(answer.read().decode())",
  ].join("\n"),
  javascript: ({ method, url, body }) => [
    `const answer = await fetch(${JSON.stringify(url)}, {`,
    `  method: ${JSON.stringify(method)},`,
    "  headers: {",
    "    authorization: `Bearer ${process.env.DARKROOM_KEY}`,",
    ...(body ? ['    "content-type": "application/json",'] : []),
    "  },",
    ...(body ? [`  body: JSON.stringify(${body}),`] : []),
    "});",
    "console.log(await answer.text());",
  ].join("\n"),
};

// What a person has filled in, as one request.
function request(operation, form) {
  let path = operation.path;
  const query = new URLSearchParams();
  const headers = {};
  for (const parameter of operation.parameters) {
    const value = form.elements.namedItem(parameter.name)?.value ?? "";
    if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(value));
    else if (value && parameter.in === "query") query.set(parameter.name, value);
    else if (value) headers[parameter.name] = value;
  }
  const search = query.size ? `?${query}` : "";
  const body = operation.body ? form.elements.namedItem("body").value : null;
  return { method: operation.method, url: `${location.origin}${path}${search}`, headers, body };
}

async function send(operation, form, place) {
  const wanted = request(operation, form);
  const answer = await fetch(wanted.url, {
    method: wanted.method,
    cache: "no-store",
    headers: { ...wanted.headers, authorization: `Bearer ${key.get()}`, ...(wanted.body ? { "content-type": "application/json" } : {}) },
    body: wanted.body ?? undefined,
  });
  const text = await answer.text();
  let shown = text;
  try {
    shown = JSON.stringify(JSON.parse(text), null, 2);
  } catch { /* it is no JSON, and is shown as it came */ }
  place.replaceChildren(make("p", {}, `${answer.status} ${answer.statusText}`), make("pre", {}, shown.slice(0, 20_000)));
}

function section(operation) {
  const id = operation.call.operationId;
  const answer = make("div", { class: "answer", "aria-live": "polite" });
  const example = make("pre", { class: "example" });
  const inputs = operation.parameters.map((parameter) => make("div", {},
    make("label", { for: `${id}-${parameter.name}` }, `${parameter.name} (${parameter.in})`),
    make("input", { id: `${id}-${parameter.name}`, name: parameter.name, required: parameter.required, spellcheck: "false" }),
    parameter.description ? make("small", { class: "hint" }, parameter.description) : null));
  const body = operation.body
    ? [make("label", { for: `${id}-body` }, "body"),
       make("textarea", { id: `${id}-body`, name: "body", rows: 6, spellcheck: "false" }, JSON.stringify(EXAMPLES[operation.body] ?? {}, null, 2))]
    : [];
  const form = make("form", {
    onsubmit: (event) => {
      event.preventDefault();
      attempt(() => send(operation, form, answer), event.submitter);
    },
    oninput: () => write(),
  }, make("div", { class: "fields" }, ...inputs), ...body, make("button", { type: "submit" }, "Try it"));
  const write = () => { example.textContent = WRITERS[$("language").value](request(operation, form)); };
  $("language").addEventListener("change", write);
  write();
  return make("details", { id },
    make("summary", {}, make("strong", {}, `${operation.method} ${operation.path}`), ` – ${operation.call.summary}`),
    ...(operation.body ? [fields(operation.body)] : []),
    table(["Status", "Answer"], Object.entries(operation.call.responses).map(([status, about]) => [status, resolved(about).description])),
    make("h3", {}, "Example"), example, make("h3", {}, "Try it"), form, answer);
}

export async function begin() {
  $("try-key").value = key.get();
  $("try-key").addEventListener("input", () => key.set($("try-key").value.trim()));
  $("try-form").addEventListener("submit", (event) => event.preventDefault());
  openapi = await (await fetch("/openapi.json")).json();
  $("operations").replaceChildren(...[...operations()].map(section));
  if (location.hash) $(location.hash.slice(1))?.setAttribute("open", "");
}
