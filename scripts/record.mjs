// Keeps the result of a long run where docs/conformance.md is rendered from.
import { existsSync, readFileSync, writeFileSync } from "node:fs";

const FILE = "test/conformance/runs.json";

/** @param run what, result, seconds */
export function record(name, run) {
  const runs = existsSync(FILE) ? JSON.parse(readFileSync(FILE, "utf8")) : {};
  runs[name] = { ...run, date: new Date().toISOString().slice(0, 10) };
  writeFileSync(FILE, `${JSON.stringify(runs, null, 2)}\n`);
  console.log(`recorded in ${FILE}; npm run conformance shows it in docs/conformance.md`);
}
