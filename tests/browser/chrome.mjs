// Drives a headless Chromium over a pipe in its own protocol: no library, no port. It does not know reports.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A browser with a folder of its own; `close` ends it and removes the folder. */
export async function launch(program) {
  const home = mkdtempSync(join(tmpdir(), "forewarn-browser-"));
  const child = spawn(program, [
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--force-color-profile=srgb", "--remote-debugging-pipe", `--user-data-dir=${home}`, "about:blank",
  ], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
  const [, , , to, from] = child.stdio;
  const waiting = new Map();
  const listeners = new Set();
  let last = 0;
  const fail = (why) => {
    for (const { no } of waiting.values()) no(new Error(why));
    waiting.clear();
  };
  child.on("error", (e) => fail(`could not start ${program}: ${e.message}`));
  child.on("exit", () => fail("the browser ended"));
  to.on("error", () => {});
  const parts = [];
  from.on("data", (chunk) => {
    let start = 0;
    for (let end = chunk.indexOf(0); end >= 0; end = chunk.indexOf(0, start)) {
      parts.push(chunk.subarray(start, end));
      const message = JSON.parse(Buffer.concat(parts.splice(0)).toString());
      start = end + 1;
      const asked = waiting.get(message.id);
      if (asked) {
        waiting.delete(message.id);
        if (message.error) asked.no(new Error(`${asked.method}: ${message.error.message}`));
        else asked.yes(message.result);
      } else {
        for (const listener of [...listeners]) listener(message);
      }
    }
    if (start < chunk.length) parts.push(chunk.subarray(start));
  });
  const send = (method, params = {}, sessionId) => new Promise((yes, no) => {
    const id = ++last;
    waiting.set(id, { yes, no, method });
    to.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
  });
  return {
    /** A new tab. `width` and `height` in CSS pixels; `media` are features such as `prefers-color-scheme`. */
    async page({ width = 1300, height = 900, media = {}, script = true } = {}) {
      const { targetId } = await send("Target.createTarget", { url: "about:blank" });
      const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
      const page = new Page((method, params) => send(method, params, sessionId), (listener) => {
        listeners.add((m) => m.sessionId === sessionId && listener(m.method, m.params));
      }, () => send("Target.closeTarget", { targetId }));
      for (const domain of ["Page", "Runtime", "Log", "Network", "Audits"]) await page.send(`${domain}.enable`);
      await page.resize(width, height);
      await page.media("", media);
      if (!script) await page.send("Emulation.setScriptExecutionDisabled", { value: true });
      return page;
    },
    async close() {
      const ended = new Promise((yes) => child.once("exit", yes));
      await send("Browser.close").catch(() => {});
      await Promise.race([ended, new Promise((yes) => setTimeout(yes, 3000))]);
      if (child.exitCode === null) child.kill();
      rmSync(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

class Page {
  /** Addresses that were asked for, and everything that the browser complained about. */
  requests = [];
  complaints = [];

  constructor(send, listen, close) {
    Object.assign(this, { send, listen, close });
    listen((method, p) => {
      if (method === "Network.requestWillBeSent") this.requests.push(p.request.url);
      if (method === "Network.webSocketCreated") this.requests.push(p.url);
      if (method === "Runtime.consoleAPICalled") this.complaints.push(`console.${p.type}: ${JSON.stringify(p.args.map((a) => a.value ?? a.description))}`);
      if (method === "Runtime.exceptionThrown") this.complaints.push(`exception: ${p.exceptionDetails.exception?.description ?? p.exceptionDetails.text}`);
      if (method === "Log.entryAdded") this.complaints.push(`log: ${p.entry.text}`);
      if (method === "Audits.issueAdded") this.complaints.push(`issue: ${p.issue.code} ${JSON.stringify(p.issue.details).slice(0, 300)}`);
    });
  }

  resize(width, height) {
    return this.send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
  }

  media(media, features = {}) {
    const list = Object.entries(features).map(([name, value]) => ({ name, value }));
    return this.send("Emulation.setEmulatedMedia", { media, features: list });
  }

  async open(url) {
    const loaded = new Promise((yes) => this.listen((method) => method === "Page.loadEventFired" && yes()));
    await this.send("Page.navigate", { url });
    await loaded;
  }

  /** What an expression, or a function called with `args`, gives in the page; promises are waited for. */
  async evaluate(code, ...args) {
    const expression = typeof code === "function" ? `(${code})(...${JSON.stringify(args)})` : code;
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  /** A key as a person presses it: `Tab`, `Enter`, ` `, or a letter. */
  async press(key, modifiers = 0) {
    const text = { Enter: "\r", " ": " " }[key] ?? (key.length === 1 ? key : undefined);
    const code = { Tab: 9, Enter: 13, " ": 32, Escape: 27, Backspace: 8 }[key];
    await this.send("Input.dispatchKeyEvent", { type: "keyDown", key, text, modifiers, windowsVirtualKeyCode: code, code: key === " " ? "Space" : key });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", key, modifiers, windowsVirtualKeyCode: code });
  }

  type(text) {
    return this.send("Input.insertText", { text });
  }

  async picture(whole = false) {
    const options = { format: "png", captureBeyondViewport: whole };
    if (whole) {
      const { cssContentSize: size } = await this.send("Page.getLayoutMetrics");
      options.clip = { x: 0, y: 0, width: size.width, height: Math.min(size.height, 16_000), scale: 1 };
    }
    return Buffer.from((await this.send("Page.captureScreenshot", options)).data, "base64");
  }

  async pdf() {
    const { data } = await this.send("Page.printToPDF", { preferCSSPageSize: true, printBackground: true });
    return Buffer.from(data, "base64");
  }
}
