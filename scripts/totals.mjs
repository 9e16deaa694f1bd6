// Prints vitest's totals as the one plain line that machines read, after naming what was skipped.
import { readFileSync } from "node:fs";

const results = JSON.parse(readFileSync(process.argv[2], "utf8"));
const tests = results.testResults.flatMap((file) => file.assertionResults);
const count = (...states) => tests.filter((t) => states.includes(t.status)).length;
const skipped = tests.filter((t) => t.status === "pending" || t.status === "skipped" || t.status === "todo");
for (const test of skipped) console.log(`skipped: ${test.fullName}`);
const brokenFiles = results.testResults.filter((f) => f.status === "failed" && f.assertionResults.length === 0).length;
console.log(`${count("passed")} passed, ${count("failed") + brokenFiles} failed, ${skipped.length} skipped`);
