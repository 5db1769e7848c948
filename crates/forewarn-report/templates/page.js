// Sorts, filters and copies the tables of the page, and opens the card that a link leads to. The page says everything
// without it; the buttons that need it are made here. It reads the page and nothing else: no request, no storage.
"use strict";
(() => {
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const make = (tag, props = {}, ...inside) => {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...inside);
  return node;
};
const button = (text, run, props = {}) => {
  const node = make("button", { type: "button", ...props }, text);
  node.addEventListener("click", run);
  return node;
};
const order = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

// What a reader sees of a cell, on one line; drawings, their axes and marks say the same as the words beside them.
const APART = "li, dd, dt, br, .what, .hint, .range, .chip, .feature";
const words = (node) => {
  let out = "";
  for (const child of node.childNodes) {
    if (child.nodeType === Node.TEXT_NODE) out += child.data;
    else if (child.nodeType === Node.ELEMENT_NODE && !child.matches("svg, .axis, .sortmark, [aria-hidden=true]")) {
      const inner = words(child);
      out += child.matches(APART) ? ` ${inner} ` : inner;
    }
  }
  return out;
};
const line = (node) => words(node).replace(/\s+/g, " ").trim();

// The number that a cell is sorted by: as it is given, or the first one that it shows.
const number = (cell) => {
  if (!cell) return NaN;
  if (cell.dataset.v !== undefined) return cell.dataset.v === "" ? NaN : Number(cell.dataset.v);
  const shown = line(cell).replace(/\u2212/g, "-").replace(/,(?=\d{3})/g, "");
  const found = shown.match(/-?\d+(?:\.\d+)?(?:e-?\d+)?/i);
  return found ? Number(found[0]) : NaN;
};

// A spreadsheet would run what starts like a formula; numbers may start with their sign.
const cell = (text) =>
  /^['\s\u200b\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]/.test(text) && !/^[+-]?[\d.,]+(?:\s?%)?$/.test(text) ? `'${text}` : text;

const copy = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const box = make("textarea", { value: text, className: "sr" });
    document.body.append(box);
    box.select();
    const done = document.execCommand("copy");
    box.remove();
    return done;
  }
};

const SORTED = { ascending: "\u25b2", descending: "\u25bc" };
const UNSORTED = "\u2195";
const sortable = (table, changed) => {
  const body = table.tBodies[0];
  const first = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  const marks = new Map();
  const forget = () => {
    for (const [head, mark] of marks) {
      head.removeAttribute("aria-sort");
      mark.textContent = UNSORTED;
    }
  };
  const isNumeric = (th, column) => th.classList.contains("num") || first.some((row) => row.cells[column]?.dataset.v !== undefined);
  const sort = (th, column, way) => {
    const numeric = isNumeric(th, column);
    const sign = way === "ascending" ? 1 : -1;
    const keys = first.map((row, at) => ({ row, at, key: numeric ? number(row.cells[column]) : line(row.cells[column]) }));
    const missing = (k) => (numeric ? Number.isNaN(k) : k === "" || k === "\u2013");
    // Stable: equal ones stay in the order of the report. What is not known comes last either way.
    keys.sort((a, b) =>
      missing(a.key) - missing(b.key) ||
      (missing(a.key) ? 0 : sign * (numeric ? a.key - b.key : order.compare(a.key, b.key))) ||
      a.at - b.at);
    body.append(...keys.map((k) => k.row));
    forget();
    th.setAttribute("aria-sort", way);
    marks.get(th).textContent = SORTED[way];
    changed();
  };
  heads.forEach((th, column) => {
    if (!line(th) || th.colSpan > 1) return;
    const mark = make("span", { className: "sortmark" }, UNSORTED);
    mark.setAttribute("aria-hidden", "true");
    marks.set(th, mark);
    const press = button("", () => {
      const was = th.getAttribute("aria-sort");
      // Of numbers the largest matter first.
      const [one, other] = isNumeric(th, column) ? ["descending", "ascending"] : ["ascending", "descending"];
      sort(th, column, was === one ? other : one);
    }, { className: "sort" });
    press.append(...[...th.childNodes].filter((n) => n.nodeType === Node.TEXT_NODE || !n.matches(".axis")));
    press.insertBefore(mark, press.querySelector(".hint"));
    th.prepend(press);
  });
  // Where the heads are not shown, on a phone, a list of them does the same.
  const names = [...marks.keys()].map((th) => th.querySelector(".sort"));
  const pick = make("select", { name: "sort" }, new Option("as in the report", ""), ...names.map((press, i) => new Option(line(press), i)));
  pick.addEventListener("change", () => {
    if (pick.value !== "") names[pick.value].click();
    else {
      body.append(...first);
      forget();
      changed();
    }
  });
  return make("label", { className: "phone" }, "Sort by ", pick);
};

const PICKS = { kind: "kind", site: "site", owner: "owner" };
const tooled = (table) => {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const name = table.caption ? line(table.caption).split(/(?<=\.) /)[0] : "table";
  const bar = make("div", { className: "tools" });
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", `Tools for: ${name}`);
  const said = make("output", { className: "said" });
  said.setAttribute("aria-live", "polite");
  const beyond = rows.filter((row) => row.classList.contains("beyond")).length;
  const paper = beyond ? rows.length - beyond : rows.length;
  let narrowed = () => false;
  // On paper stand the first of those that are seen, in the order in which they are seen.
  const changed = () => {
    if (!beyond) return;
    let shown = 0;
    for (const row of body.rows) if (!row.hidden) row.classList.toggle("beyond", ++shown > paper);
  };
  const pick = rows.length > 3 && !table.closest(".card") ? sortable(table, changed) : null;
  if (rows.length >= 10 && !table.classList.contains("brief")) {
    const texts = new Map();
    const text = (row) => {
      if (!texts.has(row)) texts.set(row, [...row.cells].map(line).join(" ").toLowerCase());
      return texts.get(row);
    };
    const box = make("input", { type: "search", name: "filter", autocomplete: "off", spellcheck: false });
    const selects = Object.keys(PICKS).flatMap((key) => {
      const values = [...new Set(rows.map((row) => row.dataset[key]).filter(Boolean))].sort(order.compare);
      if (values.length < 2) return [];
      const select = make("select", { name: key }, new Option("all", ""), ...values.map((value) => new Option(value, value)));
      return [{ key, select }];
    });
    const filter = () => {
      const wanted = box.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const seen = selects.every(({ key, select }) => !select.value || row.dataset[key] === select.value) &&
          wanted.every((word) => text(row).includes(word));
        row.hidden = !seen;
        shown += seen;
      }
      narrowed = () => shown < rows.length;
      said.textContent = narrowed() ? `${shown} of ${rows.length} rows` : `${rows.length} rows`;
      bar.classList.toggle("narrowed", narrowed());
      changed();
    };
    box.addEventListener("input", filter);
    bar.append(make("label", {}, "Filter ", box));
    for (const { key, select } of selects) {
      select.addEventListener("change", filter);
      bar.append(make("label", {}, `${PICKS[key][0].toUpperCase()}${PICKS[key].slice(1)} `, select));
    }
    filter();
  } else {
    bar.classList.add("bare");
  }
  if (pick && table.classList.contains("stack")) bar.append(pick);
  bar.append(said, button("Copy table", async () => {
    const shown = [table.tHead?.rows[0], ...[...body.rows].filter((row) => !row.hidden)].filter(Boolean);
    const done = await copy(shown.map((row) => [...row.cells].map((c) => cell(line(c))).join("\t")).join("\n"));
    said.textContent = done ? `${shown.length - 1} rows copied` : "The browser did not allow copying";
  }, { className: "copy" }));
  const shown = table.closest(".scroll") ?? table;
  if (shown.parentElement.classList.contains("side")) {
    // Each child of a grid has a cell of its own: the bar shares that of its table.
    const cell = make("div", {});
    shown.before(cell);
    cell.append(bar, shown);
  } else {
    shown.before(bar);
  }
};

const isTable = (table) => table.tHead && table.tBodies.length === 1 && table.tBodies[0].rows.length > 0;
for (const table of all("main table")) {
  if (!isTable(table)) continue;
  const closed = table.closest("details:not([open])");
  // What is folded away costs nothing until it is looked at.
  if (closed) closed.addEventListener("toggle", () => tooled(table), { once: true });
  else tooled(table);
}

const cards = all("details.card");
const byId = new Map(cards.map((card) => [line(card.querySelector("bdi.id")), card.querySelector(".body").id]));
for (const id of all("main bdi.id")) {
  if (!id.closest("a, summary") && byId.has(id.textContent)) {
    const link = make("a", { href: `#${byId.get(id.textContent)}` });
    id.replaceWith(link);
    link.append(id);
  }
}
if (cards.length > 1) {
  const fold = (open) => () => cards.forEach((card) => { card.open = open; });
  const bar = make("div", { className: "tools" }, button("Open all cards", fold(true)), button("Close all cards", fold(false)));
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "Cards");
  cards[0].before(bar);
}

// The place that the address names, unfolded; a card takes the keyboard's focus with it.
const go = () => {
  let place = null;
  try {
    place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  } catch {
    return;
  }
  if (!place) return;
  for (let fold = place.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  const card = place.closest("details.card");
  if (card) {
    card.querySelector("summary").focus({ preventScroll: true });
    card.scrollIntoView();
  }
};
window.addEventListener("hashchange", go);
document.addEventListener("click", (event) => {
  // The same place twice changes no address.
  const link = event.target.closest?.("a[href^='#']");
  if (link && link.hash === location.hash) setTimeout(go);
});
go();

// Paper shows what is folded; afterwards it is as it was.
let unfolded = [];
window.addEventListener("beforeprint", () => {
  unfolded = all("details:not([open]):not(.beyond)");
  unfolded.forEach((fold) => { fold.open = true; });
});
window.addEventListener("afterprint", () => {
  unfolded.forEach((fold) => { fold.open = false; });
  unfolded = [];
});

// The part that is read is marked in the list of parts.
const links = new Map(all("nav a").map((link) => [link.hash.slice(1), link]));
const seen = new Set();
const mark = () => {
  const at = [...links.keys()].filter((id) => seen.has(id)).pop();
  for (const [id, link] of links) {
    if (id === at) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  // On a phone the list is one line that is longer than the window.
  const strip = links.get(at)?.closest("nav");
  if (strip && strip.scrollWidth > strip.clientWidth) strip.scrollLeft = links.get(at).offsetLeft - strip.offsetLeft - 40;
};
const watch = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (entry.isIntersecting) seen.add(entry.target.id);
    else seen.delete(entry.target.id);
  }
  mark();
}, { rootMargin: "0px 0px -75% 0px" });
all("main section[id]").forEach((part) => watch.observe(part));
})();
