// The form: only what some provider can do is offered, and what it may cost is said before it is sent.

import { ask } from "./api.js";
import { $, attempt, options, say } from "./parts.js";

let models = [];

const offersInQuestion = () => {
  const model = models.find((each) => each.id === $("model").value);
  const wanted = $("provider").value;
  return (model?.offers ?? []).filter((offer) => !wanted || offer.provider === wanted);
};

const union = (lists) => [...new Set(lists.flat())];

export async function prepare() {
  models = (await ask("/v1/models")).data;
  options($("model"), models.map((model) => [model.id, model.id]), "seedream-4.5");
  options($("by-model"), [["", "all"], ...models.map((model) => [model.id, model.id])]);
  offer();
}

function offer() {
  const model = models.find((each) => each.id === $("model").value);
  const providers = union((model?.offers ?? []).map((each) => each.provider)).sort();
  options($("provider"), [["", "any (the cheapest)"], ...providers.map((name) => [name, name])]);
  const offers = offersInQuestion();
  const ratios = union(offers.map((each) => each.sizes.ratios));
  const resolutions = union(offers.map((each) => each.sizes.resolutions)).sort();
  options($("ratio"), [["", "the model's own"], ...ratios.map((ratio) => [ratio, ratio])]);
  options($("resolution"), [["", "the model's own"], ...resolutions.map((each) => [each, each])]);
  const most = Math.max(1, ...offers.map((each) => each.max_n));
  $("number").max = most;
  if (Number($("number").value) > most) $("number").value = most;
  $("references").hidden = !offers.some((each) => each.max_image_urls > 0 && each.features.includes("edit"));
  price();
}

function price() {
  const offers = offersInQuestion();
  const each = offers.map((one) => Number(one.credits_per_image));
  const number = Number($("number").value) || 1;
  const seconds = Math.min(...offers.map((one) => one.measured.seconds_p50 ?? one.usual_seconds));
  const [low, high] = [Math.min(...each) * number, Math.max(...each) * number];
  $("price").textContent = offers.length
    ? `${low === high ? low.toFixed(2) : `${low.toFixed(2)} to ${high.toFixed(2)}`} credits; usually ${Math.round(seconds)} s`
    : "";
}

const asData = (file) => new Promise((resolve, reject) => {
  const reader = new FileReader();
  reader.onload = () => resolve(reader.result);
  reader.onerror = () => reject(new Error(`${file.name} can't be read`));
  reader.readAsDataURL(file);
});

async function wish() {
  const links = $("links").value.split("\n").map((line) => line.trim()).filter(Boolean);
  const files = $("references").hidden ? [] : await Promise.all([...$("files").files].map(asData));
  const references = $("references").hidden ? [] : [...links, ...files];
  const body = { model: $("model").value, prompt: $("prompt").value, n: Number($("number").value) };
  if ($("provider").value) body.provider = $("provider").value;
  if ($("ratio").value) body.size = $("ratio").value;
  if ($("resolution").value) body.resolution = $("resolution").value;
  if (references.length) body.image_urls = references;
  return body;
}

export function listen(posted) {
  for (const id of ["model", "provider"]) $(id).addEventListener("change", offer);
  $("number").addEventListener("input", price);
  $("make-form").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(async () => {
      // One wish is one task, however often the network makes us ask.
      const headers = { "idempotency-key": crypto.randomUUID() };
      const task = await ask("/v1/tasks", { method: "POST", body: await wish(), headers });
      say("The task was taken.");
      posted(task);
    }, event.submitter);
  });
}
