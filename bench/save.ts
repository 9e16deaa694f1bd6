// SHELL: keeps a full result: bench/results/<date>-<name>.json, the printed table beside it, and the table in
// docs/benchmarks.md, so that no figure there was typed by hand. Owns these three places and nothing else.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Report, renderMarkdown, renderText } from "./report.ts";

/** Of the checkout: the bundle lies one directory below it. */
const root = join(dirname(fileURLToPath(import.meta.url)), "..");

/** @returns the files that were written, relative to the checkout */
export function save(report: Report): readonly string[] {
  const directory = join("bench", "results");
  const base = join(directory, `${report.date}-${report.name}`);
  mkdirSync(join(root, directory), { recursive: true });
  writeFileSync(join(root, `${base}.json`), `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(join(root, `${base}.txt`), renderText(report));
  const page = join("docs", "benchmarks.md");
  if (!existsSync(join(root, page))) return [`${base}.json`, `${base}.txt`];
  writeFileSync(join(root, page), withTable(readFileSync(join(root, page), "utf8"), report));
  return [`${base}.json`, `${base}.txt`, page];
}

/** The page with the table of this report between its two marks; the page as it was when it has no such marks. */
export function withTable(page: string, report: Report): string {
  const [begin, end] = [`<!-- ${report.name}: begin -->`, `<!-- ${report.name}: end -->`];
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) return page;
  return `${page.slice(0, from + begin.length)}\n${renderMarkdown(report)}\n${page.slice(to)}`;
}
