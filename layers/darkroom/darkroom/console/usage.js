// A month's usage as a chart and a table, and the account.

import { ask } from "./api.js";
import { $, attempt, make, table } from "./parts.js";

const SVG = "http://www.w3.org/2000/svg";

export async function load() {
  if (!$("month").value) $("month").value = new Date().toISOString().slice(0, 7);
  const [account, usage] = await Promise.all([ask("/v1/account"), ask(`/v1/usage?month=${$("month").value}`)]);
  const rows = account.metered
    ? [["Balance", `${account.balance} credits (${account.prepaid ? "prepaid" : "postpaid"})`],
       ["This month", `${account.spent_this_month} of ${account.monthly_budget ?? "no limit"}`],
       ["Open tasks", String(account.open_tasks)]]
    : [["Balance", "this owner is not limited by credits"]];
  $("account").replaceChildren(
    make("dl", {}, ...rows.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)])));
  $("chart").replaceChildren(chart(usage.data));
  $("usage-table").replaceChildren(table(
    ["Model", "Provider", "Tasks", "Completed", "Failed", "Images", "Credits"],
    [...usage.data.map((line) =>
      [line.model, line.provider, line.tasks, line.completed, line.failed, line.images, line.credits]),
     ["in all", "", usage.total.tasks, "", "", usage.total.images, usage.total.credits]]));
}

// The table beside it says the same to who can't see it.
function chart(lines) {
  const node = (name, attributes, text) => {
    const made = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text) made.textContent = text;
    return made;
  };
  const most = Math.max(0.01, ...lines.map((line) => Number(line.credits)));
  const svg = node("svg", { viewBox: `0 0 640 ${Math.max(1, lines.length) * 30}`, role: "img", "aria-label": "Credits by model and provider" });
  lines.forEach((line, place) => {
    const y = place * 30;
    const width = (330 * Number(line.credits)) / most;
    svg.append(
      node("text", { x: 0, y: y + 19 }, `${line.model}, ${line.provider}`),
      node("rect", { x: 210, y: y + 6, width: Math.max(1, width), height: 18, rx: 3 }),
      node("text", { x: 218 + width, y: y + 19 }, line.credits));
  });
  return svg;
}

export function listen() {
  $("month").addEventListener("change", () => attempt(load));
}
