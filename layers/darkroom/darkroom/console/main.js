// The page: which section is shown, and what is looked at again and again.

import { ask, key } from "./api.js";
import * as compose from "./compose.js";
import * as gallery from "./gallery.js";
import { $, attempt, complain, say } from "./parts.js";
import * as task from "./task.js";
import * as usage from "./usage.js";

const SECTIONS = ["key-section", "make", "tasks", "task", "usage", "reference"];
const PAUSE = 1500;
const READING = location.pathname === "/docs";

function reveal(name) {
  for (const section of SECTIONS) $(section).hidden = section !== name;
  document.querySelector("nav").hidden = name === "key-section";
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${name}` || (name === "reference" && link.pathname === "/docs")) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

async function go() {
  complain(null);
  if (!key.get()) {
    reveal("key-section");
    $("key").focus();
    return;
  }
  const [name, id] = location.hash.slice(1).split("/");
  if (name === "task" && id) {
    reveal("task");
    await attempt(() => task.load(id));
    $("task-title").focus();
    return;
  }
  task.leave();
  const section = name === "tasks" || name === "usage" ? name : "make";
  reveal(section);
  if (section !== "tasks") say("");
  if (section === "tasks") await attempt(() => gallery.load());
  if (section === "usage") await attempt(usage.load);
}

async function enter() {
  try {
    await ask("/v1/account");
    await compose.prepare();
  } catch (error) {
    key.forget();
    complain(error);
    reveal("key-section");
    return;
  }
  await go();
}

async function keepLooking() {
  if (key.get() && document.visibilityState === "visible") {
    try {
      if (!$("tasks").hidden) await gallery.refresh();
      if (!$("task").hidden) await task.refresh();
    } catch (error) {
      complain(error);
    }
  }
  setTimeout(keepLooking, PAUSE);
}

$("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  key.set($("key").value.trim());
  $("key").value = "";
  enter();
});
$("leave").addEventListener("click", () => {
  key.forget();
  say("The key was forgotten.");
  if (READING) $("try-key").value = "";
  else go();
});

// At /docs the page is the API's reference, which needs no key to be read.
function read() {
  document.title = "Darkroom: the API";
  reveal("reference");
  import("./reference.js").then((reference) => reference.begin()).catch(complain);
}

function work() {
  compose.listen((posted) => { location.hash = `#task/${posted.task_id}`; });
  gallery.listen();
  usage.listen();
  window.addEventListener("hashchange", go);
  if (key.get()) enter();
  else go();
  keepLooking();
}

if (READING) read();
else work();
