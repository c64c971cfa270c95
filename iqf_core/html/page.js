"use strict";
// Sort by a click on a heading, filter by words, show more rows on demand.
for (const box of document.querySelectorAll(".table")) {
  const body = box.querySelector("tbody");
  const heads = [...box.querySelectorAll("thead th")];
  const page = Number(box.dataset.page);
  const more = box.querySelector("button.more");
  const field = box.querySelector("input[type=search]");
  const count = box.querySelector("output");
  const data = box.querySelector("script");
  const plain = (html) => html.replace(/<[^>]*>/g, " ");
  const number = (key) => (key === null || key === "" || Number.isNaN(Number(key)) ? null : Number(key));
  let rows = data
    ? JSON.parse(data.textContent).map((cells) => ({ cells, text: plain(cells.map((c) => c[0]).join(" ")).toLowerCase() }))
    : [...body.rows].map((element) => ({
        element,
        cells: [...element.cells].map((c) => [null, "key" in c.dataset ? c.dataset.key : null]),
        text: element.textContent.toLowerCase(),
      }));
  let limit = page;
  const element = (row) => {
    if (!row.element) {
      row.element = document.createElement("tr");
      row.cells.forEach(([html], index) => {
        const cell = row.element.insertCell();
        cell.className = heads[index].className;
        cell.innerHTML = html;
      });
    }
    return row.element;
  };
  const show = () => {
    const words = field ? field.value.toLowerCase().split(/\s+/).filter(Boolean) : [];
    const found = rows.filter((row) => words.every((word) => row.text.includes(word)));
    body.replaceChildren(...found.slice(0, limit).map(element));
    if (more) more.hidden = found.length <= limit;
    if (count) count.textContent = found.length < rows.length ? `${found.length} of ${rows.length}` : `${rows.length} rows`;
  };
  heads.forEach((head, index) => {
    head.querySelector("button").addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const down = before ? before === "ascending" : head.classList.contains("number");
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const numeric = head.classList.contains("number");
      const key = (row) => (numeric ? number(row.cells[index][1]) : row.cells[index][1]);
      const sign = down ? -1 : 1;
      rows = rows
        .map((row) => [key(row), row])
        .sort(([a], [b]) => {
          if (a === null || b === null) return (a === null) - (b === null); // nothing comes last
          return sign * (numeric ? a - b || 0 : String(a).localeCompare(String(b), undefined, { numeric: true }));
        })
        .map(([, row]) => row);
      show();
    });
  });
  field?.addEventListener("input", () => { limit = page; show(); });
  more?.addEventListener("click", () => { limit += page; show(); });
  show();
}
