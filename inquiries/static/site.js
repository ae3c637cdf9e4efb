// Comforts only: every page works without this file. Copying a code, printing, waiting.
"use strict";

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    await navigator.clipboard.writeText(source.textContent.trim());
    const before = button.textContent;
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = before; }, 2000);
  });
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}


// What was asked for is under way: ask again every two seconds, for a minute, and then show it.
for (const form of document.querySelectorAll("form[data-await]")) {
  form.querySelector("[data-waiting]").hidden = false;
  const ends = Date.now() + 60000;
  const ask = async () => {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form) }).catch(() => null);
    if (answer?.status === 200) form.submit();
    else if (Date.now() < ends) setTimeout(ask, 2000);
  };
  setTimeout(ask, 1000);
}
