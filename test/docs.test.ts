// Pages that are made from tables of the code are what the tables say. To write them anew: VIPCAST_WRITE_DOCS=1 npx vitest run
// --project unit test/docs.test.ts
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { fillPage, type SavedDrill } from "../drill/page.ts";
import { renderAnnotationsDoc } from "../src/announce/annotations.ts";
import { renderReasonsDoc } from "../src/announce/reasons.ts";
import { renderLimitsDoc } from "../src/app/limits.ts";
import { renderMessagesDoc } from "../src/app/messagesDoc.ts";
import { renderConfigDoc } from "../src/config/configDoc.ts";
import { renderInjectDoc } from "../src/inject/doc.ts";
import { renderMetricsDoc } from "../src/observe/metrics.ts";
import { renderCompatibilityDoc } from "./compat/register.ts";

const root = join(import.meta.dirname, "..");

describe("generated pages", () => {
  test.each([
    ["docs/metrics.md", renderMetricsDoc],
    ["docs/configuration.md", renderConfigDoc],
    ["docs/limits.md", renderLimitsDoc],
    ["docs/reasons.md", renderReasonsDoc],
    ["docs/annotations.md", renderAnnotationsDoc],
    ["docs/compatibility.md", renderCompatibilityDoc],
    ["docs/messages.md", renderMessagesDoc],
    ["docs/inject.md", renderInjectDoc],
  ])("%s says what the table says", (name, render) => {
    const path = join(root, name);
    if (process.env.VIPCAST_WRITE_DOCS === "1") writeFileSync(path, render());
    expect(existsSync(path) ? readFileSync(path, "utf8") : "").toBe(render());
  });
});

test("docs/disaster-recovery.md shows the lab and the newest result that was kept", () => {
  const path = join(root, "docs", "disaster-recovery.md");
  const results = join(root, "bench", "results");
  const newest = readdirSync(results)
    .filter((name) => name.endsWith("-drill.json"))
    .sort()
    .at(-1);
  const kept = newest === undefined ? null : (JSON.parse(readFileSync(join(results, newest), "utf8")) as SavedDrill);
  const page = readFileSync(path, "utf8");
  const filled = fillPage(page, kept);
  if (process.env.VIPCAST_WRITE_DOCS === "1") writeFileSync(path, filled);
  expect(process.env.VIPCAST_WRITE_DOCS === "1" ? filled : page).toBe(filled);
});

describe("links", () => {
  const pages = ["README.md", "CHANGELOG.md"].concat(
    readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".md"))
      .map((name) => join("docs", name)),
  );
  test.each(pages)("%s links only to what is there", (page) => {
    const text = readFileSync(join(root, page), "utf8");
    const targets = [...text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map((m) => m[1] ?? "");
    const own = targets.filter((t) => !/^[a-z]+:/.test(t));
    expect(own.filter((t) => !existsSync(join(root, dirname(page), t)))).toEqual([]);
  });
});
