// Keys for people who read inquiries all day: j k o e / ?. Every page works without this file.
"use strict";

const rows = [...document.querySelectorAll("[data-row]")];
const help = document.getElementById("keys");
const hint = document.querySelector("[data-keys]");
const REMEMBERED = "inquiries.row"; // the address of the row last looked at, for this tab only

function move(step) {
  const now = rows.indexOf(document.activeElement);
  const next = now < 0 ? (step > 0 ? 0 : rows.length - 1) : now + step;
  rows[next]?.focus();
}

function press(selector) {
  const button = document.querySelector(selector);
  const missing = button?.form?.querySelector(":invalid");
  (missing ?? button)?.focus();
  if (button && !missing) button.click();
}

const keys = {
  j: () => move(1),
  k: () => move(-1),
  o: () => (rows.includes(document.activeElement) ? document.activeElement.click() : press("[data-open]")),
  e: () => press("[data-act=answer], [data-act=close]"),
  "/": () => document.querySelector(".filter select")?.focus(),
  "?": () => help?.showModal(),
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, dialog, [contenteditable]");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !(event.key in keys)) return;
  event.preventDefault();
  keys[event.key]();
});

if (hint && help) {
  hint.hidden = false;
  hint.addEventListener("click", () => help.showModal());
}

for (const row of rows) {
  row.addEventListener("click", () => sessionStorage.setItem(REMEMBERED, row.pathname));
  for (const time of row.closest("tr").querySelectorAll("time")) time.addEventListener("click", () => row.click());
}
rows.find((row) => row.pathname === sessionStorage.getItem(REMEMBERED))?.focus({ preventScroll: false });

// The menu of one's own name closes when one goes on elsewhere.
const me = document.querySelector("details.me");
document.addEventListener("click", (event) => { if (me && !me.contains(event.target)) me.open = false; });
document.addEventListener("keydown", (event) => { if (me && event.key === "Escape") me.open = false; });
