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
// Printed, everything is unfolded; annexes that nobody opened are left out.
let folded = [];
addEventListener("beforeprint", () => {
  folded = [...document.querySelectorAll("details:not([open])")];
  for (const details of folded) {
    details.open = true;
    details.classList.toggle("unasked", details.classList.contains("annex"));
  }
});
addEventListener("afterprint", () => {
  for (const details of folded) {
    details.open = false;
    details.classList.remove("unasked");
  }
});
// Sorts a table by a column: numbers as numbers, what has none last.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  for (const head of table.tHead.rows[0].cells) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const key = (row) => row.cells[head.cellIndex].textContent.trim();
      const isNumber = (text) => text !== "" && !Number.isNaN(Number(text));
      const compare = (a, b) => {
        const [x, y] = [key(a), key(b)];
        if (isNumber(x) && isNumber(y)) return (Number(x) - Number(y)) * (up ? 1 : -1);
        if (isNumber(x) !== isNumber(y)) return isNumber(x) ? -1 : 1;
        return x.localeCompare(y) * (up ? 1 : -1);
      };
      body.append(...[...body.rows].sort(compare));
    });
  }
}
// What was rated, as a file of settings.
for (const rating of document.querySelectorAll(".rating")) {
  const said = rating.querySelector(".ratings");
  const write = () => {
    const rated = [...rating.querySelectorAll("select")]
      .map((choice) => [
        choice.dataset.who,
        choice.value,
        choice.closest("li").querySelector("input").value.trim(),
      ])
      .filter(([, value]) => value);
    const comments = rated
      .filter(([, value]) => value !== "exclude")
      .map(([who, value, why]) => `# ${who}: ${value}${why ? `, ${why}` : ""}\n`);
    const out = rated
      .filter(([, value]) => value === "exclude")
      .map(([who, , why]) => `${JSON.stringify(who)} = ${JSON.stringify(why || "rated by eye")}`);
    said.value = `${comments.join("")}[quality]\nexclude = {${out.join(", ")}}\n`;
  };
  rating.addEventListener("input", write);
  rating.querySelector(".save-ratings").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([said.value], { type: "text/plain" }));
    link.download = "quality.toml";
    link.click();
    URL.revokeObjectURL(link.href);
  });
  write();
}
