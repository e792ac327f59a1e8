/* Shortcuts only: every page works without this file. */
"use strict";

// Live regions ask again only while somebody can see the page and has not paused it.
let paused = false;
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.matches("[data-live]") && (document.hidden || paused)) event.preventDefault();
});

document.addEventListener("click", (event) => {
  const live = event.target.closest("[data-live-toggle]");
  if (live) {
    paused = !paused;
    live.setAttribute("aria-pressed", String(paused));
    live.textContent = paused ? "Resume updates" : "Pause updates";
  }
  const copy = event.target.closest("[data-copy]");
  if (copy) copyText(copy);
});

// A second press while the first is under way sends nothing. A courtesy: the key in the form is
// what makes two of them one.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-once]")) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("[data-sent]")) delete form.dataset.sent;
});

// The clipboard needs https; over plain http the older way still works.
async function copyText(button) {
  const text = button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    button.focus();
  }
  document.getElementById("announce").textContent = "Copied.";
}

// Nothing that is being typed in, ticked or held open is replaced by a live update.
if (window.Idiomorph) {
  Idiomorph.defaults.ignoreActiveValue = true;
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) =>
    !(name === "open" && node.tagName === "DETAILS");
}
