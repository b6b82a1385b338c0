// One task's page: its pictures, what happened to it, its webhooks, and the request as it was.

import { ask } from "./api.js";
import { $, attempt, make, moment, say, table } from "./parts.js";
import { picture } from "./gallery.js";

let shown = null;

export async function load(id) {
  shown = id;
  const [task, story] = await Promise.all([ask(`/v1/tasks/${id}`), ask(`/v1/tasks/${id}/events`)]);
  const webhook = await ask(`/v1/tasks/${id}/webhook`).catch((error) => {
    if (error.status === 404) return null;
    throw error;
  });
  if (shown === id) draw(task, story, webhook);
}

export async function refresh() {
  const status = $("task-body").dataset.status;
  if (shown && (status === "queued" || status === "processing")) await load(shown);
}

export const leave = () => { shown = null; };

function draw(task, story, webhook) {
  const open = task.status === "queued" || task.status === "processing";
  $("task-title").textContent = task.task_id;
  $("task-body").dataset.status = task.status;
  $("task-body").replaceChildren(
    make("p", {},
      make("span", { class: `status ${task.status}` }, task.status), " ",
      open ? make("progress", { max: 100, value: task.progress, "aria-label": `${task.progress} percent` }) : null),
    make("ul", { class: "large" }, ...task.images.map((image) => make("li", {}, ...imageParts(task, image)))),
    actions(task, open, webhook),
    facts(task),
    make("h3", {}, "What happened"),
    table(["When", "What", "By", "Details"], story.data.map((event) =>
      [moment(event.at), event.what, event.cause, details(event.details)])),
    ...webhookParts(webhook),
    make("h3", {}, "The request"),
    make("pre", { id: "curl" }, curl(story.request)));
}

function imageParts(task, image) {
  if (image.status === "stored") {
    return [
      make("a", { href: image.url, target: "_blank", rel: "noreferrer" }, picture(task, image)),
      make("small", {}, `${image.width} × ${image.height}, ${Math.round(image.bytes / 1024)} KB`),
    ];
  }
  return [make("span", {}, image.error ? image.error.message : "on its way")];
}

function facts(task) {
  const rows = [
    ["Model", task.model], ["Provider", task.provider], ["Posted", moment(task.created_at)],
    ["Ended", moment(task.completed_at)],
    ["Credits", `${task.usage.credits_charged} charged, ${task.usage.credits_reserved} held back at first`],
    ["Attempts", task.attempts.map((each) => `${each.provider}: ${each.status}`).join("; ") || "none"],
  ];
  if (task.error) rows.push(["Error", `${task.error.code}: ${task.error.message}`]);
  return make("dl", {}, ...rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

function actions(task, open, webhook) {
  const act = (text, path, method, done) => make("button", {
    type: "button", class: "quiet",
    onclick: (event) => attempt(async () => {
      await ask(`/v1/tasks/${task.task_id}${path}`, { method });
      say(done);
      if (method === "DELETE") location.hash = "#tasks";
      else await load(task.task_id);
    }, event.currentTarget),
  }, text);
  return make("div", { class: "actions" },
    open ? act("Cancel", "/cancel", "POST", "The task was cancelled.") : null,
    !open && webhook ? act("Send the webhook again", "/webhook", "POST", "The webhook will be sent again.") : null,
    !open ? act("Delete", "", "DELETE", "The task was deleted.") : null);
}

function webhookParts(webhook) {
  if (!webhook) return [];
  return [
    make("h3", {}, `Webhook: ${webhook.state}`),
    table(["Attempt", "When", "Status", "Error", "Next"], webhook.attempts.map((each) =>
      [each.attempt, moment(each.at), each.status ?? "", each.error ?? "", each.next_at ? moment(each.next_at) : ""])),
  ];
}

const details = (values) => Object.entries(values)
  .filter(([, value]) => value !== null && value !== "")
  .map(([name, value]) => `${name}: ${typeof value === "object" ? JSON.stringify(value) : value}`)
  .join(", ");

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

const curl = (request) => [
  `curl ${quoted(`${location.origin}/v1/tasks`)}`,
  "  -H \"Authorization: Bearer $DARKROOM_KEY\"",
  "  -H 'Content-Type: application/json'",
  `  -d ${quoted(JSON.stringify(request))}`,
].join(" \\\n");
