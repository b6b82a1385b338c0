// The gallery: tasks as they are, moving while they are open.

import { ask } from "./api.js";
import { $, attempt, make, moment } from "./parts.js";

const tasks = new Map();
let cursor = null;

const open = (task) => task.status === "queued" || task.status === "processing";

export function picture(task, image, words) {
  return make("img", { src: image.url, loading: "lazy", alt: words ?? `Picture ${image.index + 1} of ${task.task_id}` });
}

function card(task) {
  const stored = task.images.filter((image) => image.status === "stored");
  return make("li", { id: `card-${task.task_id}` },
    make("a", { class: "card", href: `#task/${task.task_id}` },
      make("div", { class: "pictures" }, ...stored.slice(0, 3).map((image) => picture(task, image))),
      make("div", { class: "words" },
        make("span", { class: `status ${task.status}` }, task.status),
        open(task)
          ? make("progress", { max: 100, value: task.progress, "aria-label": `${task.progress} percent` })
          : null,
        make("div", {}, `${task.model} at ${task.provider}`),
        task.error ? make("div", {}, task.error.message) : null,
        make("small", {}, moment(task.created_at)))));
}

function show(task) {
  tasks.set(task.task_id, task);
  const before = $(`card-${task.task_id}`);
  if (before) before.replaceWith(card(task));
}

export function add(task) {
  tasks.set(task.task_id, task);
  $("cards").prepend(card(task));
  $("nothing").hidden = true;
}

export async function load(further = false) {
  const query = new URLSearchParams({ limit: "24" });
  if ($("by-status").value) query.set("status", $("by-status").value);
  if ($("by-model").value) query.set("model", $("by-model").value);
  if (further && cursor) query.set("cursor", cursor);
  const page = await ask(`/v1/tasks?${query}`);
  if (!further) {
    tasks.clear();
    $("cards").replaceChildren();
  }
  for (const task of page.data) {
    tasks.set(task.task_id, task);
    $("cards").append(card(task));
  }
  cursor = page.next_cursor;
  $("more").hidden = !cursor;
  $("nothing").hidden = tasks.size > 0;
}

// Looks at the open ones, each by itself and with its tag: what has not changed costs next to nothing.
export async function refresh() {
  for (const task of [...tasks.values()].filter(open)) {
    const now = await ask(`/v1/tasks/${task.task_id}`);
    if (JSON.stringify(now) !== JSON.stringify(task)) show(now);
  }
}

export function listen() {
  for (const id of ["by-status", "by-model"]) $(id).addEventListener("change", () => attempt(() => load()));
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  $("more").addEventListener("click", (event) => attempt(() => load(true), event.currentTarget));
}
