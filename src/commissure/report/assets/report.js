"use strict";
// Copies the text beside a button; file:// pages of some browsers have no clipboard of their own.
for (const button of document.querySelectorAll(".copy-button")) {
  button.addEventListener("click", async () => {
    const box = button.parentElement;
    const raw = box.querySelector(".raw");
    let done = false;
    try {
      await navigator.clipboard.writeText(raw.value);
      done = true;
    } catch {
      raw.hidden = false;
      raw.select();
      done = document.execCommand("copy");
      raw.hidden = done;
    }
    box.querySelector(".copied").textContent = done
      ? "Copied."
      : "This browser does not allow it: copy the marked text.";
  });
}
// Printed, everything is unfolded.
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  for (const details of folded) details.open = true;
});
addEventListener("afterprint", () => {
  for (const details of folded) details.open = false;
});
