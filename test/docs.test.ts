// Pages that are made from tables of the code or from kept results are what these say, and what pages show and link to is there and
// sound. Owns no words of the pages. To write anew those made from tables: VIPCAST_WRITE_DOCS=1 npx vitest run --project unit
// test/docs.test.ts
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Report, renderText } from "../bench/report.ts";
import { withTable } from "../bench/save.ts";
import type { Summary } from "../bench/statistics.ts";
import { fillPage, type SavedDrill } from "../drill/page.ts";
import { renderAnnotationsDoc } from "../src/announce/annotations.ts";
import { renderReasonsDoc } from "../src/announce/reasons.ts";
import { renderLimitsDoc } from "../src/app/limits.ts";
import { renderMessagesDoc } from "../src/app/messagesDoc.ts";
import { renderConfigDoc } from "../src/config/configDoc.ts";
import { renderInjectDoc } from "../src/inject/doc.ts";
import { renderMetricsDoc } from "../src/observe/metrics.ts";
import { renderCompatibilityDoc } from "./compat/register.ts";
import { given, node } from "./compat/world.ts";

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

const results = join(root, "bench", "results");

/** `date-name` of the newest kept result of each bench, and of the drill. */
const newest: ReadonlyMap<string, string> = new Map(
  readdirSync(results)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => [name.slice("2026-11-22-".length, -".json".length), name.slice(0, -".json".length)]),
);
const keptIn = (base: string): unknown => JSON.parse(readFileSync(join(results, `${base}.json`), "utf8"));

describe("docs/benchmarks.md", () => {
  const page = readFileSync(join(root, "docs", "benchmarks.md"), "utf8");
  const benches = [...newest].filter(([name]) => name !== "drill");

  test.each(benches)("shows the newest result of %s that was kept, as does the text beside it", (name, base) => {
    const report = keptIn(base) as Report;
    expect(page).toContain(`<!-- ${name}: begin -->`);
    expect(withTable(page, report)).toBe(page);
    expect(readFileSync(join(results, `${base}.txt`), "utf8")).toBe(renderText(report));
  });

  test("has no table of figures without a result", () => {
    const marks = [...page.matchAll(/<!-- (\S+): begin -->/g)].map((mark) => mark[1]);
    expect(marks.sort()).toEqual(benches.map(([name]) => name).sort());
  });
});

test("docs/disaster-recovery.md shows the lab and the newest result that was kept", () => {
  const path = join(root, "docs", "disaster-recovery.md");
  const drill = newest.get("drill");
  const kept = drill === undefined ? null : (keptIn(drill) as SavedDrill);
  const page = readFileSync(path, "utf8");
  const filled = fillPage(page, kept);
  if (process.env.VIPCAST_WRITE_DOCS === "1") writeFileSync(path, filled);
  expect(process.env.VIPCAST_WRITE_DOCS === "1" ? filled : page).toBe(filled);
});

describe("the README's figures are those of the newest results", () => {
  const readme = readFileSync(join(root, "README.md"), "utf8").replace(/\s+/g, " ");
  const flip = "endpoint flip: rename of the manifest to the UPDATE at the peer";
  const slice = "10,000 services, at rest: slice change at the server to UPDATE";
  const lost = "sessions lost, seen at its end";
  const rows: readonly (readonly [bench: string, what: string, who: string, text: (of: Summary) => string])[] = [
    ["scale", flip, "vipcast", ({ p50, p99 }) => `${p50.toFixed(1)} ms (median; ${p99.toFixed(1)} ms for 99 of 100)`],
    ["kube", slice, "vipcast", ({ p50, p99 }) => `${p50.toFixed(1)} ms (${p99.toFixed(1)} ms) at rest`],
    [
      "inject",
      "session up, then the table: from the first route of it to the last octet",
      "vipcast",
      ({ p50 }) => `from the table to the peer: ${(p50 / 1000).toFixed(2)} s with`,
    ],
    [
      "inject",
      "peak memory of the process (VmHWM), session up, then the table",
      "vipcast",
      ({ p50 }) => `with ${Math.round(p50)} MiB`,
    ],
    [
      "bfd",
      `10 ms x 3, 600 s under load, without SCHED_FIFO: ${lost}`,
      "vipcast",
      ({ p50 }) => `no session lost with SCHED_FIFO, ${p50} without it`,
    ],
    ["bfd", `10 ms x 3, 600 s under load: ${lost}`, "bird", ({ p50 }) => `${p50} by BIRD`],
    ["bfd", `10 ms x 3, 600 s under load: ${lost}`, "frr", ({ p50 }) => `${p50} by FRR's bfdd`],
    [
      "bfd",
      `50 ms x 3, 600 s under load, without SCHED_FIFO: ${lost}`,
      "vipcast",
      ({ p50 }) => `of 50 ms x 3 none with it, ${p50} without it`,
    ],
  ];
  test.each(rows)("%s: %s, %s", (bench, what, who, text) => {
    const report = keptIn(newest.get(bench) ?? "") as Report;
    const found = report.results.find((r) => r.what === what && r.who === who);
    expect(readme).toContain(found === undefined ? "a result" : text(found));
  });
});

describe("manifests that pages show", () => {
  const shownIn = (page: string): string =>
    /^```yaml\n([\s\S]*?)^```/m.exec(readFileSync(join(root, page), "utf8"))?.[1] ?? "";

  test("the README's announces its Service, without a problem", () => {
    const world = given(shownIn("README.md"), node("node-1"));
    expect([world.errors, world.warnings]).toEqual([[], []]);
    expect(world.routes("tor", "node-1")).toEqual(["198.51.100.10/32"]);
  });

  test("the SitePolicy is valid; only the objects that it names are not there", () => {
    const { errors, warnings } = given(shownIn("docs/site-policy.md"), node("node-1"));
    expect(errors).toEqual([]);
    expect(warnings).toEqual(["SitePolicy web spec.selector.ipAddressPools[0]", "SitePolicy web spec.witnesses[0]"]);
  });
});

describe("links", () => {
  const pages = ["README.md", "CHANGELOG.md"].concat(
    readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".md"))
      .map((name) => join("docs", name)),
  );

  /** What a heading is called in a link, as GitHub has it. */
  const anchorOf = (heading: string): string =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-");
  const anchorsOf = (path: string): readonly string[] =>
    [
      ...readFileSync(path, "utf8")
        .replace(/^```[\s\S]*?^```/gm, "")
        .matchAll(/^#+ (.+)$/gm),
    ].map((m) => anchorOf(m[1] ?? ""));

  test.each(pages)("%s links only to what is there", (page) => {
    const links = [...readFileSync(join(root, page), "utf8").matchAll(/\]\(([^)#]*)(?:#([^)]*))?\)/g)];
    const broken = links.filter(([, target = "", anchor]) => {
      if (/^[a-z]+:/.test(target)) return false;
      const path = target === "" ? join(root, page) : join(root, dirname(page), target);
      return !existsSync(path) || (anchor !== undefined && path.endsWith(".md") && !anchorsOf(path).includes(anchor));
    });
    expect(broken.map(([link]) => link)).toEqual([]);
  });
});
