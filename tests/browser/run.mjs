// Opens reports in a headless Chromium as people do: with and without script, wide, narrow, dark, on paper, by keyboard.
//
//   node run.mjs PAGES PICTURES
//
// PAGES holds `fleet.html` (the shipped fleet's report), `report-large.html` (100,000 assets), further `report-*.html`,
// `hostile-*.html`, whose texts are payloads, beside the same with plain text, and the workbook of one of them. PICTURES gets the pictures, to be
// looked at.
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { launch } from "./chrome.mjs";
import { parts } from "./zip.mjs";

const [pages, pictures] = process.argv.slice(2).map((p) => resolve(p));
const MAX_BYTES = 2_000_000;
const MAX_SECONDS = 1;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
mkdirSync(pictures, { recursive: true });

let failed = 0;
const check = (name, good, found = "") => {
  if (!good) failed += 1;
  console.log(`${good ? "ok    " : "FAILED"} ${name}${good && found === "" ? "" : `: ${typeof found === "string" ? found : JSON.stringify(found)}`}`);
};
const url = (name) => pathToFileURL(join(pages, name)).href;
const save = (name, bytes) => writeFileSync(join(pictures, name), bytes);
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const all = readdirSync(pages).filter((f) => f.endsWith(".html")).sort();
const reports = all.filter((f) => !f.startsWith("hostile-"));

const browser = await launch(process.env.CHROMIUM ?? "chromium");

let opened = 0;
const outsiders = (page, own) => page.requests.filter((r) => r.split("#")[0] !== own && !r.startsWith("data:"));

/** A tab with the page open; at its end nothing may have left it, and nothing was complained about. */
async function on(name, options, use) {
  const page = await browser.page(options);
  await page.open(url(name));
  const said = await use(page);
  const outside = outsiders(page, url(name));
  opened += 1;
  if (outside.length) check(`${name}: no request leaves`, false, outside);
  if (page.complaints.length) check(`${name}: the browser has nothing to complain about`, false, page.complaints);
  await page.close();
  return said;
}

// Read in the page: the rows that are seen of the table of all assets, by the text of a column.
const column = (at) => {
  const rows = [...document.querySelectorAll("#all tbody tr")].filter((row) => !row.hidden);
  return rows.map((row) => row.cells[at].textContent.trim());
};
const count = () => document.querySelector("#all .said").textContent;

try {
  await watch();
  for (const name of reports) {
    const bytes = statSync(join(pages, name)).size;
    check(`${name}: at most ${MAX_BYTES} bytes`, bytes <= MAX_BYTES, `${bytes} bytes`);
    await on(name, {}, async (page) => {
      check(`${name}: opens`, await page.evaluate(() => document.querySelectorAll("main h1").length === 1));
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      check(`${name}: not wider than the window`, wide <= 0, `${wide} px`);
      const doubled = await page.evaluate(() => {
        const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
        return ids.filter((id, i) => ids.indexOf(id) !== i);
      });
      check(`${name}: no id twice`, doubled.length === 0, doubled);
      const lost = await page.evaluate(() => [...document.querySelectorAll("a[href^='#']")]
        .map((a) => a.getAttribute("href").slice(1)).filter((id) => !document.getElementById(id)));
      check(`${name}: every link leads somewhere`, lost.length === 0, lost);
    });
    await on(name, { width: 390, height: 844 }, async (page) => {
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      check(`${name}: not wider than a phone`, wide <= 0, `${wide} px`);
    });
  }
  await without();
  await sorting();
  await cards();
  await speed();
  await faults();
  await hostile();
  workbook();
  await paper();
  await looks();
  check("no request left, and nothing was complained about, unless said above", opened > 50, `${opened} times a page was opened`);
} finally {
  await browser.close();
}
console.log(failed ? `${failed} failed` : "all passed");
process.exitCode = failed ? 1 : 0;

/** The watch itself: a page into which something foreign got is noticed, and its policy stops what got in. */
async function watch() {
  const foreign = '<script>document.title = "run"</script><img src="https://127.0.0.1:9/x.png" onerror="document.title = \'run\'">';
  const control = join(pictures, "control.html");
  writeFileSync(control, readFileSync(join(pages, "report-demo.html"), "utf8").replace("</main>", `${foreign}</main>`));
  const page = await browser.page();
  await page.open(pathToFileURL(control).href);
  const title = await page.evaluate(() => document.title);
  const stopped = ["script", "img"].every((what) => page.complaints.some((c) => c.startsWith("log:") && c.includes(what)));
  check("what gets into a page is stopped and noticed", title !== "run" && stopped, page.complaints.filter((c) => c.startsWith("log:")).map((c) => c.slice(0, 90)));
  const asked = await browser.page();
  await asked.send("Page.setBypassCSP", { enabled: true });
  await asked.open(pathToFileURL(control).href);
  check("a request that leaves is noticed", outsiders(asked, pathToFileURL(control).href).length === 1, outsiders(asked, pathToFileURL(control).href));
  await page.close();
  await asked.close();
}

/** Without script all is there, and nothing is offered that would not work. */
async function without() {
  for (const name of ["fleet.html", "report-large.html"]) {
    const read = () => ({
      rows: [...document.querySelectorAll("main tbody tr")].filter((row) => !row.hidden).length,
      words: document.querySelector("main").textContent.split(/\s+/).filter(Boolean).length,
      controls: document.querySelectorAll("main button, main input, main select").length,
    });
    const bare = await on(name, { script: false }, (page) => page.evaluate(read));
    const full = await on(name, {}, (page) => page.evaluate(read));
    check(`${name}: all rows without script`, bare.rows === full.rows && bare.rows > 100, `${bare.rows} of ${full.rows}`);
    check(`${name}: no control without script`, bare.controls === 0 && full.controls > 0, `${bare.controls}, ${full.controls}`);
    check(`${name}: all words without script`, bare.words > 1000 && bare.words <= full.words, `${bare.words}, ${full.words}`);
  }
}

/** Sorting, filtering and copying, by keyboard alone. */
async function sorting() {
  for (const name of ["fleet.html", "report-large.html"]) {
    await on(name, {}, async (page) => {
      const ids = await page.evaluate(column, 1);
      const heads = await page.evaluate(() => [...document.querySelectorAll("#all thead th")].map((th) => th.textContent.trim()));
      const press = async (at, key) => {
        await page.evaluate((i) => document.querySelectorAll("#all thead th")[i].querySelector("button").focus(), at);
        await page.press(key);
      };
      const state = () => page.evaluate(() => [...document.querySelectorAll("#all thead th")].map((th) => th.getAttribute("aria-sort")));
      await press(0, "Enter");
      const ranks = (await page.evaluate(column, 0)).map((r) => Number(r.replace(/,/g, "")));
      check(`${name}: sorts by rank`, ranks.every((r, i) => i === 0 || r < ranks[i - 1]), ranks.slice(0, 3));
      check(`${name}: says how it is sorted`, JSON.stringify(await state()) === JSON.stringify(heads.map((_, i) => (i ? null : "descending"))), await state());
      await press(0, " ");
      check(`${name}: and back`, JSON.stringify(await page.evaluate(column, 1)) === JSON.stringify(ids));
      const likely = heads.findIndex((h) => h.startsWith("Probability"));
      await press(likely, "Enter");
      const given = await page.evaluate((i) => [...document.querySelectorAll("#all tbody tr")].map((r) => Number(r.cells[i].dataset.v)), likely);
      check(`${name}: sorts by probability`, given.length > 10 && given.every((v, i) => i === 0 || v <= given[i - 1]), given.slice(0, 3));

      await page.evaluate(() => document.querySelector("#all input[type=search]").focus());
      const first = await page.evaluate(() => document.querySelector("#all tbody bdi.id").textContent);
      await page.type(first.toUpperCase());
      const found = await page.evaluate(column, 1);
      check(`${name}: filters`, found.length >= 1 && found.length < ids.length && found.every((t) => t.includes(first)), `${found.length} for ${first}`);
      check(`${name}: says how many it shows`, (await page.evaluate(count)) === `${found.length} of ${ids.length} rows`, await page.evaluate(count));
      check(`${name}: says so to those who listen`, await page.evaluate(() => document.querySelector("#all .said").getAttribute("aria-live") === "polite"));
      await page.evaluate(() => document.querySelector("#all input[type=search]").select());
      await page.press("Backspace");
      check(`${name}: and shows all again`, (await page.evaluate(column, 1)).length === ids.length);

      const picked = await page.evaluate(() => {
        const select = document.querySelector("#all select");
        select.value = select.options[1].value;
        select.dispatchEvent(new Event("change"));
        const rows = [...document.querySelectorAll("#all tbody tr")].filter((row) => !row.hidden);
        return { value: select.value, label: select.closest("label").textContent, texts: rows.map((r) => r.textContent) };
      });
      check(`${name}: picks`, picked.texts.length > 0 && picked.texts.length < ids.length && picked.texts.every((t) => t.includes(picked.value)), `${picked.texts.length} of ${picked.value}`);

      const copied = await page.evaluate(async () => {
        let text = "";
        Object.defineProperty(navigator, "clipboard", { value: { writeText: async (t) => { text = t; } } });
        document.querySelector("#all .copy").click();
        await new Promise((done) => setTimeout(done, 50));
        return text;
      });
      const lines = copied.split("\n").map((l) => l.split("\t"));
      check(`${name}: copies what is seen`, lines.length === picked.texts.length + 1 && lines.every((l) => l.length === heads.length), `${lines.length} lines`);
    });
  }
  const formulas = await on("hostile-formula.html", {}, (page) => page.evaluate(async () => {
    const texts = [];
    Object.defineProperty(navigator, "clipboard", { value: { writeText: async (t) => { texts.push(t); } } });
    for (const fold of document.querySelectorAll("details")) fold.open = true;
    await new Promise((done) => setTimeout(done, 100));
    for (const press of document.querySelectorAll(".copy")) press.click();
    await new Promise((done) => setTimeout(done, 200));
    return texts.join("\n").split(/[\n\t]/);
  }));
  const bad = formulas.filter((c) => /^\s*[=+\-@]/.test(c) && !/^[+-]?[\d.,]+(\s?%)?$/.test(c.trim()));
  check("no formula is copied", formulas.length > 500 && bad.length === 0, bad.slice(0, 5));
}

/** The card that a link leads to opens and takes the focus; all open and close. */
async function cards() {
  await on("fleet.html", {}, async (page) => {
    await page.evaluate(() => document.querySelectorAll("#first tbody a")[2].focus());
    await page.press("Enter");
    await page.evaluate(() => new Promise((done) => setTimeout(done, 200)));
    const open = await page.evaluate(() => ({
      open: [...document.querySelectorAll("details.card")].map((card) => card.open),
      focus: document.activeElement.closest("details.card")?.querySelector(".id").textContent,
      want: document.querySelectorAll("#first tbody a")[2].textContent,
    }));
    check("a link opens its card alone", open.open[2] && open.open.filter(Boolean).length === 1 && open.focus === open.want, open.focus);
    const folds = await page.evaluate(() => {
      const [open, close] = document.querySelectorAll("#cards > .tools button");
      const state = () => [...document.querySelectorAll("details.card")].filter((card) => card.open).length;
      open.click();
      const after = state();
      close.click();
      return [after, state(), document.querySelectorAll("details.card").length];
    });
    check("all cards open and close", folds[0] === folds[2] && folds[1] === 0, folds);
  });
  await on("fleet.html", {}, async (page) => {
    // From the top by Tab alone: the skip link, the parts, then what stands in the page.
    const met = [];
    for (let i = 0; i < 40; i += 1) {
      await page.press("Tab");
      met.push(await page.evaluate(() => {
        const at = document.activeElement;
        const style = getComputedStyle(at);
        return { what: at.tagName, seen: style.outlineStyle !== "none" || at.matches(".skip") };
      }));
    }
    check("the keyboard reaches links, buttons and boxes, and shows where it is",
      ["A", "BUTTON"].every((what) => met.some((m) => m.what === what)) && met.every((m) => m.seen || m.what === "BODY"),
      [...new Set(met.map((m) => (m.seen ? m.what : `${m.what} unseen`)))].join(", "));
  });
}

/** Seconds until the page of 100,000 assets can be used: the median of three times. */
async function speed() {
  const times = [];
  for (let i = 0; i < 3; i += 1) {
    times.push(await on("report-large.html", {}, (page) => page.evaluate(() => new Promise((done) => {
      setTimeout(() => {
        const [load] = performance.getEntriesByType("navigation");
        const paint = performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0;
        const long = [];
        new PerformanceObserver((list) => long.push(...list.getEntries())).observe({ type: "longtask", buffered: true });
        setTimeout(() => done(Math.max(load.loadEventEnd, paint, ...long.map((t) => t.startTime + t.duration)) / 1000), 50);
      }, 300);
    }))));
  }
  check(`report-large.html: can be used within ${MAX_SECONDS} s`, median(times) < MAX_SECONDS, `${median(times).toFixed(2)} s, of ${times.map((t) => t.toFixed(2)).join(", ")}`);
}

/** Faults that axe-core finds, serious or critical. */
async function faults() {
  const light = { "prefers-color-scheme": "light" };
  const dark = { "prefers-color-scheme": "dark" };
  const looks = [["light", 1300, light], ["dark", 1300, dark], ["narrow", 390, light], ["narrow and dark", 390, dark]];
  for (const name of ["fleet.html", "report-demo.html", "report-empty.html", "report-large.html"]) {
    for (const [look, width, media] of name === "report-large.html" ? looks.slice(0, 1) : looks) {
      const found = await on(name, { width, media }, async (page) => {
        await page.evaluate(() => {
          document.querySelectorAll("details").forEach((fold, i) => { fold.open = i < 8; });
          document.querySelectorAll(".tall").forEach((table) => { table.style.contentVisibility = "visible"; });
        });
        await page.evaluate(`${axe}; 0`);
        return page.evaluate(async () => {
          const { violations } = await axe.run(document, { resultTypes: ["violations"] });
          return violations.filter((v) => ["serious", "critical"].includes(v.impact))
            .map((v) => `${v.id} (${v.nodes.length}): ${v.nodes[0].target} ${v.nodes[0].failureSummary.slice(0, 300)}`);
        });
      });
      check(`${name}: no serious fault, ${look}`, found.length === 0, found);
    }
  }
}

/** Payloads in every field make no element, no attribute and no script of their own. */
async function hostile() {
  const census = () => {
    const parsed = new DOMParser().parseFromString(document.documentElement.outerHTML, "text/html");
    const out = {};
    for (const e of parsed.querySelectorAll("*")) {
      const names = [...e.attributes].map((a) => a.name).sort();
      // A label in a plot takes one line or two, and plots drop labels that would overlap.
      if (e.tagName === "text" && names.every((n) => ["class", "dy", "font-size", "font-weight", "text-anchor", "x", "y"].includes(n))) continue;
      const key = `${e.tagName} ${names.join(" ")}`;
      out[key] = (out[key] ?? 0) + 1;
    }
    return out;
  };
  const read = (name) => on(name, { script: false }, (page) => page.evaluate(census));
  const plain = await read("hostile-plain.html");
  for (const name of all.filter((f) => /^hostile-\d/.test(f))) {
    const found = await read(name);
    const keys = [...new Set([...Object.keys(plain), ...Object.keys(found)])];
    const differ = keys.filter((k) => plain[k] !== found[k]).map((k) => `${k}: ${plain[k] ?? 0} became ${found[k] ?? 0}`);
    check(`${name}: the same elements as with plain text`, differ.length === 0, differ);
  }
  // From the inputs on, what is learned differs with the words: the kinds of elements must not.
  for (const name of all.filter((f) => f.startsWith("hostile-inputs"))) {
    const [found, base] = [await read(name), await read("hostile-input-plain.html")];
    const extra = Object.keys(found).filter((k) => !(k in base) && !(k in plain));
    check(`${name}: no other kind of element`, extra.length === 0, extra);
    const one = Object.entries(found).filter(([k]) => k.startsWith("SCRIPT") || k.startsWith("STYLE"));
    check(`${name}: one script, one style sheet`, one.length === 2 && one.every(([, n]) => n === 1), one);
    await on(name, {}, async (page) => check(`${name}: opens`, await page.evaluate(() => document.querySelectorAll("main button").length > 0)));
  }
}

/** Payloads in every input make no formula and no link in the workbook. */
function workbook() {
  const name = "hostile-inputs.xlsx";
  const sheets = parts(readFileSync(join(pages, name))).filter(([part]) => part.startsWith("xl/"));
  const bad = sheets.filter(([part, text]) => /<f[ >]|<hyperlink|TargetMode="External"/.test(text) || part.includes("externalLink"));
  const cells = sheets.map(([, text]) => text.match(/<(?:c|si)[ >]/g)?.length ?? 0).reduce((a, b) => a + b, 0);
  check(`${name}: no formula, no link`, bad.length === 0 && cells > 1000, bad.length ? bad.map(([part]) => part) : `${cells} cells`);
}

/** On paper: A4, a number of pages that somebody would print, no control. */
async function paper() {
  for (const name of ["fleet.html", "report-large.html"]) {
    await on(name, {}, async (page) => {
      const bytes = await page.pdf();
      save(name.replace(".html", ".pdf"), bytes);
      const text = bytes.toString("latin1");
      const n = (text.match(/\/Type\s*\/Page\b(?!s)/g) ?? []).length;
      const box = text.match(/\/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)/);
      check(`${name}: prints to A4`, box && Math.abs(box[1] - 595) < 1.5 && Math.abs(box[2] - 842) < 1.5, box?.slice(1).join(" by "));
      check(`${name}: prints to few pages`, n > 2 && n <= 60, `${n} pages`);
    });
  }
}

/** Pictures to be looked at. */
async function looks() {
  const views = [["wide", 1440, "light"], ["dark", 1440, "dark"], ["middle", 1000, "light"], ["narrow", 390, "light"]];
  for (const [view, width, scheme] of views) {
    await on("fleet.html", { width, height: 1000, media: { "prefers-color-scheme": scheme } }, async (page) => {
      save(`${view}.png`, await page.picture());
      await page.evaluate(() => document.querySelectorAll("details.card").forEach((card, i) => { card.open = i < 2; }));
      for (const part of await page.evaluate(() => [...document.querySelectorAll("main section[id]")].map((s) => s.id))) {
        await page.evaluate((id) => document.getElementById(id).scrollIntoView(), part);
        await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
        save(`${view}-${part}.png`, await page.picture());
      }
    });
  }
  console.log(`pictures are in ${pictures}`);
}
