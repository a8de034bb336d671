// Drives Chromium for tests/browser/browser.py: a request a line on standard input, an answer a line on standard output.
// Arguments: the folder of node_modules, the path of Chromium.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const [modules, executablePath] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
const pages = [];

async function open({ options, timeout }) {
  const context = await browser.newContext({ acceptDownloads: false, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(timeout);
  const seen = { console: [], errors: [], dialogs: [], requests: [], statuses: [] };
  page.on("console", (message) => seen.console.push([message.type(), message.text()]));
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  page.on("dialog", (dialog) => { seen.dialogs.push(dialog.message()); dialog.dismiss(); });
  context.on("request", (request) => { if (!request.url().startsWith("data:")) seen.requests.push(request.url()); });
  context.on("response", (response) => seen.statuses.push([response.status(), response.url()]));
  context.on("page", () => seen.dialogs.push("another page was opened"));
  pages.push({ page, context, seen });
  return pages.length - 1;
}

const actions = {
  goto: (page, { url }) => page.goto(url, { waitUntil: "load" }).then(() => null),
  reload: (page) => page.reload({ waitUntil: "load" }).then(() => null),
  press: (page, { keys }) => keys.reduce((done, key) => done.then(() => page.keyboard.press(key)), Promise.resolve()),
  type: (page, { text }) => page.keyboard.type(text),
  click: (page, { selector }) => page.click(selector),
  fill: (page, { selector, text }) => page.fill(selector, text),
  drag: async (page, { from, to }) => {
    await page.mouse.move(...from);
    await page.mouse.down();
    await page.mouse.move((from[0] + to[0]) / 2, (from[1] + to[1]) / 2);
    await page.mouse.move(...to);
    await page.mouse.up();
  },
  wheel: async (page, { at, by }) => { await page.mouse.move(...at); await page.mouse.wheel(...by); },
  wait: async (page, { expression, timeout }) => { // waitForFunction would use eval, which policies forbid
    for (const end = Date.now() + timeout; !(await page.evaluate(expression)); ) {
      if (Date.now() > end) throw new Error(`never true: ${expression}`);
      await page.waitForTimeout(25);
    }
  },
  js: (page, { expression }) => page.evaluate(expression),
  screenshot: (page, { path, selector, full }) =>
    (selector ? page.locator(selector).screenshot({ path }) : page.screenshot({ path, fullPage: full })).then(() => null),
  axe: async (page, { rules }) => {
    await page.evaluate(axe); // by the debugger: the page's own policy would forbid a script
    const found = await page.evaluate((given) => globalThis.axe.run(document, given), rules);
    return found.violations.map((one) => [one.id, one.nodes.slice(0, 5).map((node) => `${node.html} ${node.failureSummary}`)]);
  },
};

async function answer({ action, page, ...given }) {
  if (action === "open") return open(given);
  const { page: its, context, seen } = pages[page];
  if (action === "seen") return seen;
  if (action === "close") return context.close();
  return (await actions[action](its, given)) ?? null;
}

for await (const line of createInterface({ input: process.stdin })) {
  let said;
  try {
    said = { value: (await answer(JSON.parse(line))) ?? null };
  } catch (error) {
    said = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(said)}\n`);
}
await browser.close();
