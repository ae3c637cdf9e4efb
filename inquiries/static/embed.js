// Puts the framed form where this tag stands:
//   <script src="https://forms.example.com/embed.js" data-type="support" data-language="ko" async></script>
// Asks the frame for its height, and believes an answer only from the frame that it made.
"use strict";

(() => {
  const tag = document.currentScript;
  const home = new URL(tag.src).origin;
  const frame = document.createElement("iframe");
  const address = new URL(`/embed/${encodeURIComponent(tag.dataset.type || "")}`, home);
  if (tag.dataset.language) address.searchParams.set("lang", tag.dataset.language);
  if (tag.dataset.next) address.searchParams.set("_next", tag.dataset.next);
  frame.src = address.href;
  frame.title = tag.dataset.title || "Inquiry";
  frame.width = "100%";
  frame.height = "1200";
  frame.setAttribute("frameborder", "0");
  let loads = 0;
  frame.addEventListener("load", () => {
    frame.contentWindow.postMessage({ inquiries: "measure" }, home);
    loads += 1;
    if (loads > 1) frame.scrollIntoView(); // she has sent it: what she must read next stands on top
  });
  window.addEventListener("message", (event) => {
    if (event.source !== frame.contentWindow || event.origin !== home) return;
    if (event.data?.inquiries === "height" && Number.isFinite(event.data.height)) {
      frame.height = String(Math.ceil(event.data.height));
    }
  });
  tag.after(frame);
})();
