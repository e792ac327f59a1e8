/* A run as it happens, and step by step afterwards. Without this file the page is whole, too: it
   shows what had been recorded when it was loaded, and is loaded again while the run plays. */
"use strict";

const EVERY_MS = 250;
const RETRY_MS = 1000;
const PAUSE_MAX_MS = 700;
const lists = () => [...document.querySelectorAll(".seq")];
const announce = (text) => { document.getElementById("announce").textContent = text; };

// Live: ask for the rows after the last one that is here. A row is known by its number, so an
// answer that comes twice, or late, draws nothing twice.
function follow(list) {
  const last = () => Number(list.lastElementChild?.dataset.seq ?? 0);
  const add = ({ seq, html }) => {
    if (seq <= last()) return;
    const made = document.createElement("template");
    made.innerHTML = html;
    made.content.firstElementChild.classList.add("new");
    list.append(made.content);
  };
  const ask = async () => {
    if (document.hidden) return setTimeout(ask, EVERY_MS);
    try {
      const answer = await fetch(`${list.dataset.rows}?after=${last()}`);
      if (!answer.ok) throw new Error(answer.status);
      const told = await answer.json();
      told.rows.forEach(add);
      badge("Live");
      if (told.running || told.rows.length) return setTimeout(ask, EVERY_MS);
      delete list.dataset.running;
      if (!document.querySelector(".seq[data-running]")) finish();
    } catch {
      badge("Reconnecting…");
      setTimeout(ask, RETRY_MS);
    }
  };
  ask();
}

function badge(text) {
  const chip = document.querySelector("#live-badge .st");
  if (chip && chip.lastChild.textContent !== text) chip.lastChild.textContent = text;
}

// The end: what the page says now replaces what it could not say yet. Rows stay as they are.
async function finish() {
  const answer = await fetch(location.href);
  if (!answer.ok) return setTimeout(finish, RETRY_MS);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const id of ["live-badge", "again", "verdicts", "findings"]) {
    document.getElementById(id).replaceWith(page.getElementById(id));
  }
  // Left where they are, so that nothing jumps under somebody's eyes.
  for (const button of document.querySelectorAll("[data-controls] :is(button, select)")) button.disabled = true;
  announce([...document.querySelectorAll("[data-verdict]")].map((v) => v.dataset.verdict).join(" "));
  play.open();
}

// Buttons of a run under way: pressed without leaving the page.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-press]")) return;
  event.preventDefault();
  const fields = new FormData(form, event.submitter);
  const answer = await fetch(form.action, { method: "POST", body: fields, redirect: "manual" });
  const done = answer.type === "opaqueredirect" || answer.ok;
  announce(done ? `${event.submitter.textContent.trim()}: sent.` : "It was refused.");
});

// Afterwards: both columns by one clock. A position is a moment at which something happened.
const play = {
  moments: [], position: 0, timer: 0,

  open() {
    const times = lists().flatMap((list) => [...list.children].map((row) => Number(row.dataset.at)));
    this.moments = [...new Set(times)].sort((a, b) => a - b);
    this.bar = document.getElementById("player");
    this.slider = document.getElementById("position");
    this.bar.inert = this.moments.length === 0;
    this.slider.max = this.moments.length;
    for (const row of document.querySelectorAll(".seq .new")) row.classList.remove("new");
    this.show(this.moments.length);
  },

  show(position, { follows = false } = {}) {
    this.position = Math.max(0, Math.min(position, this.moments.length));
    const until = this.position ? this.moments[this.position - 1] : -1;
    const isPart = this.position < this.moments.length;
    for (const row of document.querySelectorAll(".seq > li")) {
      const at = Number(row.dataset.at);
      row.hidden = at > until;
      row.classList.toggle("now", isPart && at === until);
      if (follows && at === until) row.scrollIntoView({ block: "nearest" });
    }
    const words = `Moment ${this.position} of ${this.moments.length}`;
    document.getElementById("where").textContent =
      until < 0 ? words : `${words}, +${(until / 1000).toFixed(3)} s`;
    this.slider.value = this.position;
    this.slider.setAttribute("aria-valuetext", document.getElementById("where").textContent);
  },

  move(by) { this.pause(); this.show(this.position + by, { follows: true }); },

  toggle() {
    if (this.timer) return this.pause();
    if (this.position >= this.moments.length) this.show(0);
    this.label("Pause");
    this.next();
  },

  next() {
    const gap = this.moments[this.position] - (this.moments[this.position - 1] ?? 0);
    const speed = Number(document.getElementById("speed").value);
    this.timer = setTimeout(() => {
      this.show(this.position + 1, { follows: true });
      if (this.position < this.moments.length) this.next(); else this.pause();
    }, Math.max(60, Math.min(gap, PAUSE_MAX_MS)) / speed);
  },

  pause() { clearTimeout(this.timer); this.timer = 0; this.label("Play"); },

  label(text) { this.bar.querySelector("[data-do=play] span").textContent = text; },

  do(what) {
    ({
      play: () => this.toggle(), step: () => this.move(1), back: () => this.move(-1),
      reset: () => { this.pause(); this.show(0); },
    })[what]?.();
  },
};

document.addEventListener("click", (event) => play.do(event.target.closest("[data-do]")?.dataset.do));
document.addEventListener("input", (event) => {
  if (event.target.id === "position") { play.pause(); play.show(Number(event.target.value)); }
});

// Keys: not while typing, not with modifiers, and only while the box is ticked (WCAG 2.1.4).
const KEYS = { " ": "play", ".": "step", ",": "back" };
document.addEventListener("keydown", (event) => {
  const what = KEYS[event.key];
  if (!what || event.ctrlKey || event.metaKey || event.altKey || !play.moments.length) return;
  if (!document.getElementById("keys").checked) return;
  if (event.target.closest("textarea, select, input:not([type=range])")) return;
  // Space presses whatever button has the focus; it must not do two things.
  if (event.key === " " && event.target.closest("button, summary, a, input")) return;
  event.preventDefault();
  play.do(what);
});

const running = document.querySelectorAll(".seq[data-running]");
running.forEach(follow);
if (!running.length && lists().length) play.open();
