"use strict";
(function () {
  const stored = document.getElementById("evidence");
  const evidence = stored ? JSON.parse(stored.textContent) : { samples: [], clones: [] };
  const all = (selector, root) => Array.from((root || document).querySelectorAll(selector));

  function save(name, type, text) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: type }));
    link.download = name;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  /* Paper shows what is folded. */
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = all("details:not([open])");
    folded.forEach((part) => { part.open = true; });
  });
  window.addEventListener("afterprint", () => {
    folded.forEach((part) => { part.open = false; });
  });

  /* A link leads into what is folded, and a figure that is unfolded in one history is so in all. */
  all("details[data-fold]").forEach((part) => {
    part.addEventListener("toggle", () => {
      all('details[data-fold="' + part.dataset.fold + '"]').forEach((other) => { other.open = part.open; });
    });
  });
  function unfold() {
    const target = location.hash ? document.getElementById(location.hash.slice(1)) : null;
    const parts = target ? all(":scope > details", target) : [];
    if (parts.length === 1) parts[0].open = true;
  }
  window.addEventListener("hashchange", unfold);
  unfold();

  /* Tables: sort, filter, download. */
  function cellText(cell) {
    return cell.textContent.replace(/[\t\r\n]+/g, " ");
  }

  function sortTable(table, column, header) {
    const descending = header.getAttribute("aria-sort") === "ascending";
    const body = table.tBodies[0];
    const numeric = header.classList.contains("number");
    const rows = Array.from(body.rows).map((row) => {
      const text = row.cells[column].textContent;
      return { row: row, text: text, value: numeric ? Number(text) : NaN };
    });
    rows.sort((a, b) => (numeric ? a.value - b.value : a.text.localeCompare(b.text, "en", { numeric: true })));
    if (descending) rows.reverse();
    all("th", table).forEach((th) => th.setAttribute("aria-sort", "none"));
    header.setAttribute("aria-sort", descending ? "descending" : "ascending");
    body.append(...rows.map((item) => item.row));
  }

  all(".table-block").forEach((block) => {
    const table = block.querySelector("table");
    const count = block.querySelector(".row-count");
    const rows = () => Array.from(table.tBodies[0].rows);
    all("th", table).forEach((header, column) => {
      header.querySelector(".sort").addEventListener("click", () => sortTable(table, column, header));
    });
    block.querySelector(".filter").addEventListener("input", (event) => {
      const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows().forEach((row) => {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        if (!row.hidden) shown += 1;
      });
      count.textContent = words.length ? shown + " of " + rows().length + " rows" : "";
    });
    block.querySelector(".download-tsv").addEventListener("click", () => {
      const lines = [all("th", table), ...rows().filter((row) => !row.hidden).map((row) => Array.from(row.cells))];
      const text = lines.map((cells) => cells.map(cellText).join("\t")).join("\n") + "\n";
      save(block.dataset.table + ".tsv", "text/tab-separated-values", text);
    });
  });

  /* Cards of patients: filter and sort. */
  const cards = document.getElementById("cards");
  if (cards) {
    const count = document.getElementById("cards-count");
    document.getElementById("cards-filter").addEventListener("input", (event) => {
      const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      Array.from(cards.children).forEach((card) => {
        const text = card.textContent.toLowerCase();
        card.hidden = !words.every((word) => text.includes(word));
        if (!card.hidden) shown += 1;
      });
      count.textContent = words.length ? shown + " of " + cards.children.length + " patients" : "";
    });
    document.getElementById("cards-sort").addEventListener("change", (event) => {
      const key = event.target.value;
      const sorted = Array.from(cards.children);
      sorted.sort((a, b) => {
        if (key === "patient") return a.dataset.patient.localeCompare(b.dataset.patient, "en", { numeric: true });
        if (key === "order") return Number(a.dataset.order) - Number(b.dataset.order);
        return Number(b.dataset[key]) - Number(a.dataset[key]);
      });
      cards.append(...sorted);
    });
  }

  /* Figures. */
  all(".download-svg").forEach((button) => {
    button.addEventListener("click", () => {
      const figure = button.closest("figure");
      const text = new XMLSerializer().serializeToString(figure.querySelector("svg"));
      save(figure.dataset.name + ".svg", "image/svg+xml", text);
    });
  });

  /* Histories. */
  const slider = document.getElementById("frame");
  function showFrame(index) {
    const frames = all(".frame");
    const bounded = Math.min(Math.max(index, 0), frames.length - 1);
    frames.forEach((frame, i) => { frame.hidden = i !== bounded; });
    slider.value = String(bounded);
    slider.setAttribute("aria-valuetext", frames[bounded].dataset.caption);
    document.getElementById("frame-caption").textContent = frames[bounded].dataset.caption;
  }
  if (slider) {
    slider.addEventListener("input", () => showFrame(Number(slider.value)));
    document.getElementById("previous").addEventListener("click", () => showFrame(Number(slider.value) - 1));
    document.getElementById("next").addEventListener("click", () => showFrame(Number(slider.value) + 1));
    showFrame(0);
  }

  /* One clone, highlighted everywhere. */
  let selected = "";
  const menu = document.getElementById("clone");
  function select(clone) {
    selected = clone;
    if (menu) menu.value = clone;
    all("[data-clone]").forEach((item) => {
      const isIt = clone !== "" && item.dataset.clone === clone;
      item.classList.toggle("is-selected", isIt);
      item.classList.toggle("is-dimmed", clone !== "" && !isIt && item.namespaceURI.endsWith("svg"));
      if (item.getAttribute("role") === "button") item.setAttribute("aria-pressed", String(isIt));
    });
  }
  if (menu) menu.addEventListener("change", () => select(menu.value));
  all(".trace").forEach((link) => link.addEventListener("click", () => select(link.dataset.trace)));

  /* What stands behind a clone or a migration. */
  const tip = document.getElementById("tip");
  function addRow(table, cells, tag) {
    const row = table.insertRow();
    cells.forEach((text) => {
      const cell = document.createElement(tag || "td");
      cell.textContent = text;
      row.append(cell);
    });
  }

  function fillTip(item) {
    const heading = document.createElement("p");
    heading.textContent = item.dataset.tip;
    tip.replaceChildren(heading);
    const clone = evidence.clones[Number(item.dataset.clone)];
    if (item.dataset.clone === undefined || !clone || !clone.reads) return;
    const reads = document.createElement("table");
    addRow(reads, ["sample", "reads of its mutations", "CCF (95 % interval)"], "th");
    evidence.samples.forEach((name, s) => {
      const ccf = clone.ccf[s];
      addRow(reads, [
        name,
        clone.reads[s][0] + " of " + clone.reads[s][1],
        ccf ? ccf[0].toFixed(2) + " (" + ccf[1].toFixed(2) + " to " + ccf[2].toFixed(2) + ")" : "no reads",
      ]);
    });
    tip.append(reads);
    if (!clone.mutations.length) return;
    const list = document.createElement("table");
    addRow(list, ["mutation", "gene", ...evidence.samples], "th");
    clone.mutations.forEach((mutation) => {
      addRow(list, [mutation.id, mutation.gene, ...mutation.reads.map((pair) => (pair ? pair.join("/") : "–"))]);
    });
    tip.append(list);
    if (clone.n > clone.mutations.length) {
      const more = document.createElement("div");
      more.textContent = "and " + (clone.n - clone.mutations.length) + " more";
      tip.append(more);
    }
  }

  function showTip(item) {
    fillTip(item);
    tip.hidden = false;
    const box = item.getBoundingClientRect();
    const room = document.documentElement.clientWidth;
    const left = Math.min(Math.max(box.left, 8), Math.max(8, room - tip.offsetWidth - 8));
    const below = box.bottom + 6 + tip.offsetHeight < window.innerHeight || box.top < tip.offsetHeight + 6;
    tip.style.left = left + window.scrollX + "px";
    tip.style.top = (below ? box.bottom + 6 : box.top - tip.offsetHeight - 6) + window.scrollY + "px";
  }

  function hideTip() {
    tip.hidden = true;
  }

  /* The browser's own tooltip would cover ours: titles of groups become data. */
  all("svg g > title").forEach((title) => {
    const item = title.parentNode;
    item.dataset.tip = title.textContent;
    title.remove();
    item.addEventListener("mouseenter", () => showTip(item));
    item.addEventListener("mouseleave", hideTip);
    item.addEventListener("focus", () => showTip(item));
    item.addEventListener("blur", hideTip);
    if (item.dataset.clone === undefined) return;
    const toggle = () => {
      select(selected === item.dataset.clone ? "" : item.dataset.clone);
    };
    item.addEventListener("click", toggle);
    item.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        toggle();
      }
    });
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      hideTip();
      select("");
    }
  });
})();
